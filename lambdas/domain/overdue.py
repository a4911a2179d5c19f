"""What time does to change requests, one by one: a request that cannot be closed now must not keep the others open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.approvals import Approvals
from lambdas.domain.control.desk import Call
from lambdas.domain.control.requests import ChangeRequest, overdue
from lambdas.domain.control.service import BulkReport, ControlPlane, Refusal
from lambdas.domain.errors import KpiError


@dataclass(frozen=True)
class _Only(Approvals):
    """The approvals of one request."""

    request_id: str

    def live(self, call: Call) -> Iterator[ChangeRequest]:
        """The request, in whatever state it is now; only what is overdue is closed."""
        yield self.desk.request(call, self.request_id)[1]


def close_overdue(plane: ControlPlane, call: Call, request_id: str | None = None) -> BulkReport:
    """Expire requests whose time is over and reopen those that had to be live by now.

    Args:
        plane: the control plane.
        call: on whose behalf; each request's `event_id` gets its id added.
        request_id: only this one; None: all of the environment.

    Returns:
        What was closed, and what refused: a request whose canary still runs stays as it is.

    Raises:
        KpiError: NOT_FOUND for a `request_id` that is none of the environment.
    """
    desk = plane.approvals.desk
    now = desk.clock.now()
    asked = plane.approvals.live(call) if request_id is None else [desk.request(call, request_id)[1]]
    late = [each for each in asked if overdue(each, now) is not None]
    done: list[AuditEvent] = []
    refused: list[Refusal] = []
    for each in late:
        try:
            done += _Only(desk, each.request_id).sweep(call)
        except KpiError as error:
            refused.append(Refusal(each.kpi_id, error.code, error.message))
    return BulkReport(tuple(done), tuple(refused))

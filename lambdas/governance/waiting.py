"""The steps of the state machine `kpi-change`. Each reads the request's row again, so repeated and late steps do no harm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from kpis.common import Environment
from lambdas.domain.audit.event import Actor
from lambdas.domain.change_wait import Look, Pending, look
from lambdas.domain.control import keys
from lambdas.domain.control.desk import Call
from lambdas.domain.control.requests import ChangeRequest
from lambdas.domain.control.service import BulkReport, ControlPlane
from lambdas.domain.control.states import SYSTEM
from lambdas.domain.control.unit import ControlStore
from lambdas.domain.overdue import close_overdue
from lambdas.domain.timestamps import iso, parse
from lambdas.governance.actions import RequestRef

GOVERNANCE = Actor(subject="governance", role=SYSTEM)


class Tokens(Protocol):
    """Where tokens of waiting executions are kept."""

    def keep_token(self, tenant_id: str, request_id: str, token: str) -> None: ...


class Waker(Protocol):
    """Wakes executions."""

    def wake(self, token: str) -> bool: ...


@dataclass(frozen=True)
class Waiting:
    """The steps."""

    store: ControlStore
    plane: Callable[[], ControlPlane]
    tokens: Tokens
    machine: Waker
    now: Callable[[], datetime]

    def look(self, ref: RequestRef) -> Look:
        """What the request waits for."""
        row = self.store.row(ref.tenant_id, keys.request(ref.request_id))
        request = ChangeRequest.model_validate_json(row.text("request")) if row else None
        if row is None or request is None or request.environment is not ref.environment:
            return look(None, 0, self.now())
        return look(request, row.row_version, self.now())

    def wait(self, ref: RequestRef, seen: int, token: str) -> dict[str, Any]:
        """Keep the token. What happened to the request since it was looked at found no token, so it is asked for here."""
        self.tokens.keep_token(ref.tenant_id, ref.request_id, token)
        moved = self.look(ref).seen != seen
        if moved:
            self.machine.wake(token)
        return {"waits": not moved}

    def overdue(self, ref: RequestRef) -> dict[str, Any]:
        """Expire the request or open it again."""
        report = close_overdue(self.plane(), self._call(ref, "its time is over"), ref.request_id)
        return _outcome(report, stuck=self.look(ref).pending is Pending.OVERDUE)

    def carry_on(self, ref: RequestRef) -> dict[str, Any]:
        """Carry out what waited for the window, this request and others of the environment."""
        report = self.plane().carry_on(self._call(ref, "its change window is open"))
        found = self.look(ref)
        return _outcome(report, stuck=found.pending is Pending.WINDOW and parse(found.until) <= self.now())

    def _call(self, ref: RequestRef, reason: str) -> Call:
        # Two calls of one moment are one call; a later one is another, and finds what the first left.
        return system_call(ref.tenant_id, ref.environment.value, reason, self.now())


def system_call(tenant_id: str, environment: str, reason: str, at: datetime) -> Call:
    """A call of the platform itself, which is nobody's idea but the clock's."""
    return Call(tenant_id, Environment(environment), GOVERNANCE, reason, f"governance:{environment}:{iso(at)}")


def _outcome(report: BulkReport, *, stuck: bool) -> dict[str, Any]:
    """Whether to look again at once: a request that would come right back to this step is tried again later."""
    return {"again": not stuck, "done": len(report.done), "refused": [each.message for each in report.refused]}

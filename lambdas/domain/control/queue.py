"""The queue of change requests: beside each request a small row under its state, so that a list reads that state's rows and no others.

Both rows change in one commit. The request's row_version guards them together: whoever writes one writes the other.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator

from kpis.common import Frozen, Level
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.requests import ChangeRequest, RequestState
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import Change, ControlStore, Delete, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError

_POSITION = re.compile(r"\d{4}-[0-9TZ:.-]{1,40}#[A-Za-z0-9_-]{1,64}", re.ASCII)


class Queued(Frozen):
    """A change request as a list shows it. Moments are ISO 8601; `missing` is the sign-off still needed."""

    request_id: str
    kpi_id: str
    contract_version: str
    action: Action
    state: RequestState
    criticality: Level
    requested_by: str
    justification: str
    missing: tuple[str, ...]
    created_at: str
    expires_at: str
    waiting_until: str | None

    @property
    def position(self) -> str:
        """Its place in the queue: the oldest first."""
        return keys.place_in_queue(self.created_at, self.request_id)


def filed(request: ChangeRequest, row: Row | None) -> list[Change]:
    """The writes of a request. `row` is the one it was read from; None for a new request."""
    changes: list[Change] = [_whole(request, row), _entry(request)]
    if row is not None and row.text("state") != request.state.value:
        changes.append(Delete(_key(request, row.text("state")), None))
    return changes


def _whole(request: ChangeRequest, row: Row | None) -> Put:
    values = {
        "request": request.model_dump_json(),
        "kpi_id": request.kpi_id,
        "contract_version": request.contract_version,
        "environment": request.environment.value,
        "action": request.action.value,
        "state": request.state.value,
        "criticality": request.criticality.value,
        "requested_by": request.requested_by.subject,
        "created_at": request.created_at,
        "expires_at_text": request.expires_at,
    }
    return Put(keys.request(request.request_id), values, expectation(row))


def _entry(request: ChangeRequest) -> Put:
    values = {"queued": queued(request).model_dump_json(), "kpi_id": request.kpi_id, "request_id": request.request_id}
    return Put(_key(request, request.state.value), values, None)


def _key(request: ChangeRequest, state: str) -> str:
    return keys.queued(request.environment, state) + keys.place_in_queue(request.created_at, request.request_id)


def queued(request: ChangeRequest) -> Queued:
    """A request as a list shows it."""
    return Queued(
        request_id=request.request_id,
        kpi_id=request.kpi_id,
        contract_version=request.contract_version,
        action=request.action,
        state=request.state,
        criticality=request.criticality,
        requested_by=request.requested_by.subject,
        justification=request.justification,
        missing=request.missing,
        created_at=request.created_at,
        expires_at=request.expires_at,
        waiting_until=request.waiting_until,
    )


def waiting(
    store: ControlStore,
    tenant_id: str,
    environment: str,
    states: Iterable[RequestState],
    *,
    after: str = "",
    kpi_id: str | None = None,
) -> Iterator[Queued]:
    """Requests in some states, the oldest first; read as they are asked for.

    Args:
        store: where they are.
        tenant_id: whose.
        environment: where they apply.
        states: which of them.
        after: the `position` to go on after.
        kpi_id: those about one KPI.

    Raises:
        KpiError: INVALID_INPUT when `after` is no position.
    """
    if after and not _POSITION.fullmatch(after):
        raise KpiError(ErrorCode.INVALID_INPUT, "the cursor is not one of a list of requests; start again without it")
    for entry in heapq.merge(*(_of(store, tenant_id, keys.queued(environment, state), after) for state in states), key=_place):
        if kpi_id in (None, entry.kpi_id):
            yield entry


def _of(store: ControlStore, tenant_id: str, prefix: str, after: str) -> Iterator[Queued]:
    for row in store.rows(tenant_id, prefix, after=f"{prefix}{after}" if after else ""):
        yield Queued.model_validate_json(row.text("queued"))


def _place(entry: Queued) -> str:
    return entry.position

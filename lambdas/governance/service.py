"""What the governance worker does for the schedules and the state machine, tenant by tenant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from lambdas.adapters.tenant_list import Place
from lambdas.domain.audit.checkpoint import SignedCheckpoint
from lambdas.domain.control.service import BulkReport, ControlPlane
from lambdas.domain.control.unit import HEAD, ControlStore
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.overdue import close_overdue
from lambdas.domain.redact import message_of
from lambdas.domain.tenants import keys as tenant_keys
from lambdas.domain.timestamps import parse
from lambdas.governance.actions import (
    ACTIONS,
    Action,
    CarryOn,
    Checkpoint,
    CloseOverdue,
    DeadManCheck,
    ExportEvidence,
    LookAt,
    Reports,
    Sweep,
    Tick,
    WaitFor,
)  # fmt: skip
from lambdas.governance.waiting import Waiting, system_call
from lambdas.governance.watching import Watching

SIGNED_EVERY = timedelta(hours=1)
"""How long events may stay without a checkpoint; a tick later, since ticks come every few minutes."""


class Places(Protocol):
    """The list of tenants."""

    def all(self) -> Sequence[Place]: ...

    def remove(self, place: Place) -> None: ...


class Notary(Protocol):
    """Signs how far a chain has come."""

    def next(self, tenant_id: str) -> SignedCheckpoint | None: ...


class Reporter(Protocol):
    """Makes reports that are due; answers which."""

    def serve(self, tenant_id: str, environment: str) -> Sequence[str]: ...


@dataclass(frozen=True)
class SignedState:
    """What the last checkpoint of a tenant says: of how many events, made when (ISO 8601)."""

    size: int
    at: str


@dataclass(frozen=True)
class Governance:
    """The worker."""

    store: ControlStore
    plane: Callable[[], ControlPlane]
    places: Places
    notary: Callable[[], Notary]
    last_signed: Callable[[str], SignedState | None]
    watching: Callable[[], Watching]
    reporting: Callable[[], Reporter]
    waiting: Waiting
    now: Callable[[], datetime]
    export: Callable[[str, str], str]
    reconcile: Callable[[], None]

    def handle(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one action and report what was done.

        Raises:
            pydantic.ValidationError: for an unknown or incomplete action.
            KpiError: INTERNAL naming the tenants for which a part failed; the other tenants were served.
        """
        return self._act(ACTIONS.validate_python(dict(event)))

    def _act(self, action: Action) -> dict[str, Any]:
        if isinstance(action, LookAt | WaitFor | CloseOverdue | CarryOn):
            return self._step(action)
        if isinstance(action, ExportEvidence):
            return {"action": action.action, "state": self.export(action.tenant_id, action.export_id)}
        places = [place for place in self.places.all() if action.tenant_id in (None, place.tenant_id)]
        work: dict[str, list[Callable[[], dict[str, Any]]]] = {}
        if isinstance(action, Sweep | Tick):
            _add(work, {str(place): partial(self._sweep, place) for place in places})
        if isinstance(action, DeadManCheck | Tick):
            _add(work, {str(place): partial(self._missing, place) for place in places})
        if isinstance(action, Reports | Tick):
            _add(work, {str(place): partial(self._report, place) for place in places})
        if isinstance(action, Checkpoint | Tick):
            part = self._sign if isinstance(action, Checkpoint) else self._sign_hourly
            _add(work, {tenant: partial(part, tenant) for tenant in dict.fromkeys(place.tenant_id for place in places)})
        if isinstance(action, Tick):
            _add(work, {"reconciler": self._pass})
        return _each(action.action, work)

    def _step(self, action: LookAt | WaitFor | CloseOverdue | CarryOn) -> dict[str, Any]:
        match action:
            case LookAt():
                return self.waiting.look(action.request).as_json()
            case WaitFor():
                return self.waiting.wait(action.request, action.seen, action.task_token)
            case CloseOverdue():
                return self.waiting.overdue(action.request)
            case CarryOn():
                return self.waiting.carry_on(action.request)

    def _sign_hourly(self, tenant_id: str) -> dict[str, Any]:
        last = self.last_signed(tenant_id)
        return self._sign(tenant_id) if last is None or self.now() - parse(last.at) >= SIGNED_EVERY else {}

    def _sign(self, tenant_id: str) -> dict[str, Any]:
        head, last = self.store.row(tenant_id, HEAD), self.last_signed(tenant_id)
        # The notary reads whole chains; what tells that nothing came since is two rows.
        if head is None or (last is not None and int(head.values["seq"]) == last.size):
            return {}
        signed = self.notary().next(tenant_id)
        return {"signed": signed.checkpoint.size} if signed else {}

    def _sweep(self, place: Place) -> dict[str, Any]:
        if self._forgotten(place):
            return {"forgotten": True}
        at = self.now()
        closed = close_overdue(self.plane(), system_call(place.tenant_id, place.environment, "their time is over", at))
        carried = self.plane().carry_on(system_call(place.tenant_id, place.environment, "their change window is open", at))
        return {"closed": len(closed.done), "carried_on": len(carried.done), "refused": _refusals(closed, carried)}

    def _forgotten(self, place: Place) -> bool:
        """Whether a tenant has no record and no stack. One without a stack leaves the list once its record is signed to the end."""
        if self.store.row(place.tenant_id, tenant_keys.deployed(place.environment)):
            return False
        head, last = self.store.row(place.tenant_id, HEAD), self.last_signed(place.tenant_id)
        if head is not None and (last is None or int(head.values["seq"]) != last.size):
            return False
        self.places.remove(place)
        return head is None

    def _pass(self) -> dict[str, Any]:
        self.reconcile()
        return {}

    def _report(self, place: Place) -> dict[str, Any]:
        return {"reported": list(self.reporting().serve(place.tenant_id, place.environment))}

    def _missing(self, place: Place) -> dict[str, Any]:
        looked, missing = self.watching().check(place)
        return {"looked_at": looked, "missing": missing}


def _each(action: str, work: Mapping[str, Sequence[Callable[[], dict[str, Any]]]]) -> dict[str, Any]:
    """Every part for every subject; a failure of one keeps none of the others from its turn. Reports those that had something to do."""
    report: dict[str, Any] = {}
    failures: list[str] = []
    for name, parts in work.items():
        found: dict[str, Any] = {}
        for part in parts:
            try:
                found |= part()
            except Exception as error:  # noqa: BLE001 - whatever happened to one tenant, the others are served
                failures.append(f"{name}: {message_of(error)}")
        if any(found.values()):
            report[name] = found
    if failures:
        raise KpiError(ErrorCode.INTERNAL, f"{action} failed for {len(failures)} of {len(work)}: {'; '.join(failures[:5])}")
    return {"action": action, "looked_at": len(work), "tenants": report}


def _add(work: dict[str, list[Callable[[], dict[str, Any]]]], more: Mapping[str, Callable[[], dict[str, Any]]]) -> None:
    for name, part in more.items():
        work.setdefault(name, []).append(part)


def _refusals(*reports: BulkReport) -> list[str]:
    return [f"{each.kpi_id}: {each.message}" for report in reports for each in report.refused]

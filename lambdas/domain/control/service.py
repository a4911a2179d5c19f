"""The control plane as one object: every write an admin can make, each explained by exactly one audit event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from kpis.schema import Kpi, Source
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.approvals import Approvals
from lambdas.domain.control.definitions import Definitions
from lambdas.domain.control.desk import EVENT_ID_LENGTH, Call, Desk, RunRecord
from lambdas.domain.control.guardrails import Judge
from lambdas.domain.control.pausing import Pausing
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.publishing import Publishing
from lambdas.domain.control.recovery import Recovery
from lambdas.domain.control.removal import Removal
from lambdas.domain.control.rollouts import Rollouts
from lambdas.domain.control.running import Running
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import ControlStore
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.ports import Clock

_ID_ROOM = 41
"""What a bulk action adds to the event id: a colon and a KPI id."""


def _no_objection(_kpi: Kpi, _sources: Mapping[str, Source]) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class Refusal:
    """Why one KPI of a bulk action was left as it is."""

    kpi_id: str
    code: ErrorCode
    message: str


@dataclass(frozen=True)
class BulkReport:
    """What became of every KPI of a bulk action, in order of the ids. `left` are those there was no time for: nothing was tried."""

    done: tuple[AuditEvent, ...]
    refused: tuple[Refusal, ...]
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class ControlPlane:
    """Writes by kind. Every call carries a `Call` (who, where, why, idempotency key) and returns the audit event it is recorded by.

    A repeated call with the same `event_id` changes nothing and returns the first event. All raise `KpiError`.

    Attributes:
        store: rows and chain.
        clock: the time, UTC.
        new_id: makes ids of requests, pauses and canaries.
        policy: a tenant's rules of change by tenant and environment.
        record: what the run logs say about versions.
        judge: checks definitions beyond what their links show, such as their SQL.
    """

    store: ControlStore
    clock: Clock
    new_id: Callable[[], str]
    policy: Callable[[str, str], Policy]
    record: RunRecord
    judge: Judge = field(default=_no_objection)

    @cached_property
    def _desk(self) -> Desk:
        return Desk(self.store, self.clock, self.new_id, self.policy, self.record, self.judge)

    @cached_property
    def definitions(self) -> Definitions:
        """Create, update, amend."""
        return Definitions(self._desk)

    @cached_property
    def approvals(self) -> Approvals:
        """Submit, decide, withdraw; sweep what expired; what waits and is due."""
        return Approvals(self._desk)

    @cached_property
    def publishing(self) -> Publishing:
        """Publish, promote."""
        return Publishing(self._desk)

    @cached_property
    def removal(self) -> Removal:
        """Unpublish, deprecate, retire."""
        return Removal(self._desk)

    @cached_property
    def recovery(self) -> Recovery:
        """Roll back."""
        return Recovery(self._desk)

    @cached_property
    def rollouts(self) -> Rollouts:
        """Canary: start, advance, resume, abort."""
        return Rollouts(self._desk)

    @cached_property
    def pausing(self) -> Pausing:
        """Pause, resume, maintenance banner."""
        return Pausing(self._desk)

    @cached_property
    def running(self) -> Running:
        """Runs that a person asks for."""
        return Running(self._desk)

    def carry_on(self, call: Call) -> BulkReport:
        """Do what waited for a change window that is open now; for the system, or anybody who may do it by hand."""
        due = {request.kpi_id: request for request in self.approvals.due(call)}

        def one(each: Call, kpi_id: str) -> AuditEvent:
            request = due[kpi_id]
            match request.action:
                case Action.UNPUBLISH:
                    return self.removal.unpublish(each, kpi_id, request.contract_version)
                case Action.RETIRE:
                    return self.removal.retire(each, kpi_id, request.contract_version)
                case _:
                    return self.publishing.publish(each, kpi_id, request.contract_version)

        return self.bulk(call, due, one)

    def bulk(
        self, call: Call, kpi_ids: Iterable[str], one: Callable[[Call, str], AuditEvent], *, until: datetime | None = None
    ) -> BulkReport:
        """The same action on many KPIs, each in its own transaction with its own event; refusals do not stop the others.

        When the store fails in between, repeat the whole call with the same `event_id`: what was done is not done again.

        Args:
            call: who and why; KPI by KPI its `event_id` gets the KPI's id added.
            kpi_ids: the KPIs; repetitions count once.
            one: the action on one KPI.
            until: no KPI is begun at or after this moment; None for all of them, however long it takes.
        """
        if len(call.event_id) > EVENT_ID_LENGTH - _ID_ROOM:
            raise KpiError(
                ErrorCode.INVALID_INPUT, f"the idempotency key of a bulk action has at most {EVENT_ID_LENGTH - _ID_ROOM} characters"
            )
        done: list[AuditEvent] = []
        refused: list[Refusal] = []
        wanted = sorted(set(kpi_ids))
        for place, kpi_id in enumerate(wanted):
            if until is not None and self.clock.now() >= until:
                return BulkReport(tuple(done), tuple(refused), tuple(wanted[place:]))
            try:
                done.append(one(replace(call, event_id=f"{call.event_id}:{kpi_id}"), kpi_id))
            except KpiError as error:
                refused.append(Refusal(kpi_id, error.code, error.message))
        return BulkReport(tuple(done), tuple(refused))

"""Canary releases: start on a part, compare, and only on clear evidence go on to everything or back (K21, K28 A)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from pydantic import JsonValue
from pydantic_core import to_json

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.approvals import closed
from lambdas.domain.control.canary import Assessment, Canary, CanaryState, Outcome, Sample, Subset, Tolerances, assess
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Call, Desk, Notify, Step, upstreams
from lambdas.domain.control.guardrails import broken, enforce
from lambdas.domain.control.policy import next_open
from lambdas.domain.control.publishing import Signed, activated, ready, seconds_since
from lambdas.domain.control.queue import filed
from lambdas.domain.control.requests import RequestState, signed_off
from lambdas.domain.control.states import ANY, Action, Guard, transition
from lambdas.domain.control.unit import Change, Check, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso

Evidence = JsonValue
"""What the event says of the samples behind a decision: how many, of how many periods, and their SHA-256."""


@dataclass(frozen=True)
class Rollouts:
    """Canaries of approved versions."""

    desk: Desk

    def start(
        self, call: Call, kpi_id: str, contract_version: str, subset: Subset, tolerances: Tolerances, *, break_glass: bool = False
    ) -> AuditEvent:
        """Let an approved version compute a part of a KPI beside the one that runs. Needs the sign-off of its publication.

        Outside the change windows it is refused, not put off: a canary that began unwatched would prove little.
        """
        arguments = {"version": contract_version, "subset": subset.model_dump_json(), "tolerances": tolerances.model_dump_json()}
        step = self.desk.begin(call, "kpi.canary_start", "kpi", kpi_id, **arguments, break_glass=break_glass)
        if step.done is not None:
            return step.done
        signed = ready(self.desk, step, kpi_id, contract_version, Action.CANARY, break_glass=break_glass)
        enforce((Guard.IN_WINDOW,), signed.situation)
        shelf = self.desk.shelf(call)
        pointer, baseline = shelf.active_row(kpi_id), shelf.active(kpi_id)
        if pointer is None or baseline is None:
            raise KpiError(ErrorCode.CONFLICT, f"{kpi_id} stopped running; read it again")
        canary = Canary(
            canary_id=self.desk.new_id(),
            environment=call.environment,
            kpi_id=kpi_id,
            candidate=contract_version,
            candidate_hash=signed.version.hash,
            baseline=baseline.number,
            baseline_hash=baseline.hash,
            subset=subset,
            tolerances=tolerances,
            since=iso(step.at),
            request_id=signed.request.request_id,
        )
        row, _ = self.desk.canary(call, kpi_id)
        # While the canary runs, its request does not run out of time.
        request = signed.request.model_copy(update={"execute_by": None, "waiting_until": None})
        changes: list[Change] = [
            signed.version.moved(signed.line.target, step.at, ran_at=signed.version.row.text("ran_at") or iso(step.at)),
            Check(pointer.key, pointer.row_version),
            canary_put(canary, row),
            *filed(request, signed.row),
            *upstreams(shelf, signed.version.kpi)[1],
        ]
        notify = (Notify.OWNERS, Notify.PAGE) if signed.broke_glass else (Notify.OWNERS,)
        return step.commit(
            changes,
            before=baseline.hash,
            after=signed.version.hash,
            request=request,
            notify=notify,
            version=contract_version,
            baseline=baseline.number,
            canary=canary.canary_id,
            break_glass=signed.broke_glass or None,
        )

    def advance(self, call: Call, kpi_id: str, samples: Sequence[Sample]) -> AuditEvent:
        """Compare both versions and do what the comparison allows: go live, go back, or pause and ask a person.

        Raises:
            KpiError: NOT_FOUND without a canary; CONFLICT while it is paused; INVALID_INPUT for a sample that comes twice.
        """
        # The samples are what the service found, not what the caller asked for: a repeated call that finds others is still the same.
        step = self.desk.begin(call, "kpi.canary_advance", "kpi", kpi_id)
        if step.done is not None:
            return step.done
        row, canary = self._running(call, kpi_id)
        try:
            found = assess(samples, canary.tolerances)
        except ValueError as error:
            raise KpiError(ErrorCode.INVALID_INPUT, f"{kpi_id}: {error}") from error
        digest = hashlib.sha256(to_json([asdict(sample) for sample in samples], inf_nan_mode="constants")).hexdigest()
        evidence: Evidence = {"samples": found.samples, "periods": found.periods, "samples_sha256": digest}
        match found.outcome:
            case Outcome.PROMOTE:
                return self._go_live(step, row, canary, found, evidence)
            case Outcome.ROLLBACK:
                return self._go_back(step, row, canary, found, evidence)
            case Outcome.PAUSE:
                return self._hold(step, row, canary, found, evidence)

    def resume(self, call: Call, kpi_id: str) -> AuditEvent:
        """Let a paused canary go on; it is compared from now on."""
        step = self.desk.begin(call, "kpi.canary_resume", "kpi", kpi_id)
        if step.done is not None:
            return step.done
        row, canary = self._under_way(call, kpi_id)
        if canary.state is not CanaryState.PAUSED:
            raise KpiError(ErrorCode.CONFLICT, f"the canary of {kpi_id} is {canary.state}, not paused")
        again = canary.model_copy(update={"state": CanaryState.RUNNING, "since": iso(step.at)})
        return step.commit([canary_put(again, row)], after=canary.candidate_hash, version=canary.candidate, canary=canary.canary_id)

    def abort(self, call: Call, kpi_id: str) -> AuditEvent:
        """End a canary without a verdict; its version stays approved and may be published or tried again."""
        step = self.desk.begin(call, "kpi.canary_abort", "kpi", kpi_id)
        if step.done is not None:
            return step.done
        row, canary = self._under_way(call, kpi_id)
        changes = aborted(self.desk, step, canary, row)
        return step.commit(changes, after=canary.baseline_hash, notify=(Notify.OWNERS,), version=canary.candidate, canary=canary.canary_id)

    def _under_way(self, call: Call, kpi_id: str) -> tuple[Row | None, Canary]:
        if call.actor.role not in ANY:
            raise KpiError(ErrorCode.POLICY_DENY, f"role '{call.actor.role}' may not steer canaries; {' or '.join(sorted(ANY))} may")
        row, canary = self.desk.canary(call, kpi_id)
        if canary is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"{kpi_id} has no canary under way in {call.environment}")
        return row, canary

    def _running(self, call: Call, kpi_id: str) -> tuple[Row | None, Canary]:
        row, canary = self._under_way(call, kpi_id)
        if canary.state is not CanaryState.RUNNING:
            raise KpiError(ErrorCode.CONFLICT, f"the canary of {kpi_id} is {canary.state}; resume or abort it")
        return row, canary

    def _go_live(self, step: Step, row: Row | None, canary: Canary, found: Assessment, evidence: Evidence) -> AuditEvent:
        """Publish the candidate. Whatever no longer holds since the start pauses the canary; outside the windows it runs on."""
        signed, doubts = self._still_good(step, canary)
        if signed is None:
            doubtful = found.model_copy(update={"outcome": Outcome.PAUSE, "why": "; ".join(doubts)})
            return self._hold(step, row, canary, doubtful, evidence)
        if broken((Guard.IN_WINDOW,), signed.situation):
            start = next_open(signed.situation.policy, step.at)
            noted = canary.model_copy(update={"last": found})
            waits = iso(start) if start else None
            changes: list[Change] = [canary_put(noted, row)]
            return step.commit(changes, action="kpi.canary_waits", version=canary.candidate, waits_until=waits, evidence=evidence)
        over = canary.model_copy(update={"state": CanaryState.PROMOTED, "last": found})
        changes = [*activated(self.desk, step, signed), canary_put(over, row)]
        return step.commit(
            changes,
            before=canary.baseline_hash,
            after=canary.candidate_hash,
            request=signed.request,
            notify=(Notify.OWNERS,),
            action="kpi.canary_promote",
            version=canary.candidate,
            superseded=canary.baseline,
            seconds_since_submitted=seconds_since(step, signed.request.created_at),
            promoted_from=signed.version.promoted_from or None,
            why=found.why,
            evidence=evidence,
        )

    def _still_good(self, step: Step, canary: Canary) -> tuple[Signed | None, list[str]]:
        call, shelf = step.call, self.desk.shelf(step.call)
        version, active = shelf.version(canary.kpi_id, canary.candidate), shelf.active(canary.kpi_id)
        if active is None or active.hash != canary.baseline_hash:
            return None, [f"the baseline {canary.baseline} is no longer what runs"]
        line = transition(version.status, Action.PUBLISH, call.actor.role)
        row, request = self.desk.open_request(call, canary.kpi_id)
        try:
            request = signed_off(request, Action.PUBLISH, canary.candidate_hash, step.at)
        except KpiError as error:
            return None, [error.message]
        situation = replace(self.desk.situation(call, version, step.at, active), canary=None)
        problems = broken([guard for guard in line.guards if guard is not Guard.IN_WINDOW], situation)
        if row is None or version.hash != canary.candidate_hash or problems:
            return None, problems or [f"{canary.candidate} is no longer what was started"]
        return Signed(version, row, request, line, situation), []

    def _go_back(self, step: Step, row: Row | None, canary: Canary, found: Assessment, evidence: Evidence) -> AuditEvent:
        call, shelf = step.call, self.desk.shelf(step.call)
        version = shelf.version(canary.kpi_id, canary.candidate)
        line = transition(version.status, Action.CANARY_FAIL, call.actor.role)
        over = canary.model_copy(update={"state": CanaryState.ROLLED_BACK, "last": found})
        changes: list[Change] = [version.moved(line.target, step.at, approved_hash=None), canary_put(over, row)]
        request_row, request = self.desk.open_request(call, canary.kpi_id)
        if request_row is not None and request is not None:
            changes += closed(request, request_row, RequestState.REJECTED)
        return step.commit(
            changes,
            before=canary.candidate_hash,
            after=canary.baseline_hash,
            request=request,
            notify=(Notify.OWNERS, Notify.REQUESTER),
            action="kpi.canary_rollback",
            version=canary.candidate,
            why=found.why,
            evidence=evidence,
        )

    def _hold(self, step: Step, row: Row | None, canary: Canary, found: Assessment, evidence: Evidence) -> AuditEvent:
        paused = canary.model_copy(update={"state": CanaryState.PAUSED, "last": found})
        notify = (Notify.OWNERS, Notify.REQUESTER)
        changes = [canary_put(paused, row)]
        return step.commit(
            changes,
            after=canary.candidate_hash,
            notify=notify,
            action="kpi.canary_pause",
            version=canary.candidate,
            why=found.why,
            evidence=evidence,
        )


def canary_put(canary: Canary, row: Row | None) -> Put:
    """The write of a canary."""
    values = {"kpi_id": canary.kpi_id, "state": canary.state.value, "candidate": canary.candidate, "canary": canary.model_dump_json()}
    return Put(keys.canary(canary.environment, canary.kpi_id), values, expectation(row))


def aborted(desk: Desk, step: Step, canary: Canary, row: Row | None) -> list[Change]:
    """The changes that end a canary without a verdict: its request gets its time to go live again."""
    changes: list[Change] = [canary_put(canary.model_copy(update={"state": CanaryState.ABORTED}), row)]
    request_row, request = desk.open_request(step.call, canary.kpi_id)
    if request_row is not None and request is not None and request.request_id == canary.request_id:
        until = iso(step.at + desk.rules(step.call).publish_within)
        changes += filed(request.model_copy(update={"execute_by": until}), request_row)
    return changes

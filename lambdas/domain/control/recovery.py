"""One-click rollback to the last healthy version, with a snapshot of what was known for the post-mortem (K20, K28 C)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from pydantic import JsonValue

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Version, remembered, switched
from lambdas.domain.control.desk import Call, Desk, Notify, Step, upstreams
from lambdas.domain.control.guardrails import enforce
from lambdas.domain.control.rollouts import aborted
from lambdas.domain.control.states import Action, VersionStatus, transition
from lambdas.domain.control.unit import Change, Put
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso

SNAPSHOT_BYTES = 300_000
"""A DynamoDB item has at most 400 KB."""


@dataclass(frozen=True)
class Recovery:
    """Going back. No sign-off is asked: the version it returns to was signed off, and production burns."""

    desk: Desk

    def rollback(self, call: Call, kpi_id: str) -> AuditEvent:
        """Make the last healthy version what runs again. Pages; a canary of the KPI is aborted.

        Raises:
            KpiError: NOT_FOUND when nothing runs; POLICY_DENY when no earlier version is healthy with its upstreams active.
        """
        step = self.desk.begin(call, "kpi.rollback", "kpi", kpi_id)
        if step.done is not None:
            return step.done
        shelf = self.desk.shelf(call)
        pointer, bad = shelf.active_row(kpi_id), shelf.active(kpi_id)
        if pointer is None or bad is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"nothing of {kpi_id} runs in {call.environment}; there is nothing to roll back")
        line = transition(bad.status, Action.ROLLBACK, call.actor.role)
        good = self._last_healthy(step, bad)
        situation = replace(self.desk.situation(call, bad, step.at, bad), healthy=good.number if good else None)
        enforce(line.guards, situation)
        if good is None:
            raise KpiError(ErrorCode.INTERNAL, "the guardrail last_healthy let nothing pass as healthy")
        back = transition(good.status, Action.RESTORE, call.actor.role)
        row, history = shelf.history(kpi_id)
        text = self._snapshot(step, bad)
        mortem = keys.post_mortem(call.environment, kpi_id, call.event_id)
        changes: list[Change] = [
            bad.moved(line.target, step.at, rolled_back_at=iso(step.at), superseded_by=good.number),
            good.moved(back.target, step.at, superseded_by=None, retire_after=None, deprecated_at=None, restored_at=iso(step.at)),
            *switched(call.environment, pointer, bad.kpi, good),
            *remembered(call.environment, kpi_id, row, history[history.index(good.number) + 1 :]),
            *upstreams(shelf, good.kpi)[1],
            *self._without_canary(step, kpi_id),
            Put(mortem, {"kpi_id": kpi_id, "contract_version": bad.number, "snapshot": text, "at": iso(step.at)}, 0),
        ]
        return step.commit(
            changes,
            before=bad.hash,
            after=good.hash,
            notify=(Notify.PAGE, Notify.OWNERS, Notify.CONSUMERS),
            version=good.number,
            rolled_back=bad.number,
            post_mortem=mortem,
            post_mortem_sha256=hashlib.sha256(text.encode()).hexdigest(),
        )

    def _snapshot(self, step: Step, bad: Version) -> str:
        """What the run logs say, as JSON that fits a row. Logs that do not answer do not keep a rollback from happening."""
        call = step.call
        found: dict[str, JsonValue] = {}
        try:
            found |= self.desk.record.snapshot(call.tenant_id, call.environment, bad.kpi.id, bad.number)
        except KpiError as error:
            found["unavailable"] = error.message
        found |= {"version": bad.number, "definition_hash": bad.hash, "reason": call.reason}
        text = json.dumps(found, sort_keys=True)
        while len(text.encode()) > SNAPSHOT_BYTES:
            name = max(found, key=lambda each: len(json.dumps(found[each])))
            value = found[name]
            found[name] = value[: len(value) // 2] if isinstance(value, list) and len(value) > 1 else "too large to keep"
            found["shortened"] = True
            text = json.dumps(found, sort_keys=True)
        return text

    def _last_healthy(self, step: Step, bad: Version) -> Version | None:
        """The newest version that ran before, is neither retired nor reopened, did well, and whose upstreams run."""
        call, shelf = step.call, self.desk.shelf(step.call)
        for number in shelf.history(bad.kpi.id)[1]:
            found = shelf.find(bad.kpi.id, number)
            if found is None or found.status is not VersionStatus.DEPRECATED or found.number == bad.number:
                continue
            dead, _ = upstreams(shelf, found.kpi)
            if not dead and self.desk.record.healthy(call.tenant_id, call.environment, bad.kpi.id, number):
                return found
        return None

    def _without_canary(self, step: Step, kpi_id: str) -> list[Change]:
        row, canary = self.desk.canary(step.call, kpi_id)
        return aborted(self.desk, step, canary, row) if canary is not None else []

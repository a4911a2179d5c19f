"""What every write of the control plane has in common: who calls and why, repetition, and the one event in the same commit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from kpis.common import Environment, Frozen
from kpis.schema import Kpi
from lambdas.domain.audit.event import Actor, AuditEvent, Facts
from lambdas.domain.control import keys
from lambdas.domain.control.canary import UNDER_WAY, Canary
from lambdas.domain.control.catalog import Shelf, Version
from lambdas.domain.control.guardrails import Judge, Situation
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.reasons import readable
from lambdas.domain.control.requests import ChangeRequest, RequestState
from lambdas.domain.control.unit import Change, ControlStore, Put, Row, reused_id
from lambdas.domain.control.upward import against_the_stream
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.ports import Clock
from lambdas.domain.timestamps import iso

EVENT_ID_LENGTH = 128
REASON_LENGTH = 2000


@dataclass(frozen=True)
class Call:
    """Who calls, for which tenant and environment, and why. `event_id` makes a repetition harmless: the idempotency key."""

    tenant_id: str
    environment: Environment
    actor: Actor
    reason: str
    event_id: str
    trace_id: str | None = None


class RunFigures(Frozen):
    """How a version did in an environment since a moment."""

    runs: int = 0
    failed: int = 0


class RunRecord(Protocol):
    """What the run logs say about a version."""

    def figures(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, since: datetime) -> RunFigures: ...

    def healthy(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> bool:
        """Whether its last runs were good enough to go back to it."""
        ...

    def snapshot(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> Mapping[str, JsonValue]:
        """For a post-mortem: `runs`, `failures` and `rules`, each a list of small objects, newest first; at most 200 KB as JSON."""
        ...


class Notify:
    """Who is told of an event; `details["notify"]` holds these, and whoever reads the audit table's stream tells them."""

    APPROVERS = "approvers"
    REQUESTER = "requester"
    CONSUMERS = "consumers"
    OWNERS = "owners"
    PAGE = "page"


@dataclass(frozen=True)
class Step:
    """One call on one object. `done` is the event of the same call made before: return it and do nothing."""

    desk: Desk
    call: Call
    action: str
    object_type: str
    object_id: str
    intent: str
    at: datetime
    done: AuditEvent | None

    def commit(
        self,
        changes: Sequence[Change],
        *,
        before: str | None = None,
        after: str | None = None,
        request: ChangeRequest | None = None,
        notify: Sequence[str] = (),
        action: str | None = None,
        **details: JsonValue,
    ) -> AuditEvent:
        """Write the changes and the event. `details` are small; those that are None are left out."""
        said: dict[str, JsonValue] = {name: value for name, value in details.items() if value is not None}
        said["intent"] = self.intent
        if notify:
            said["notify"] = list(notify)
        facts = Facts(
            tenant_id=self.call.tenant_id,
            event_id=self.call.event_id,
            at=iso(self.at),
            actor=self.call.actor,
            action=action or self.action,
            object_type=self.object_type,
            object_id=self.object_id,
            environment=self.call.environment,
            reason=self.call.reason,
            approvers=request.approvers if request else (),
            request_id=request.request_id if request else None,
            trace_id=self.call.trace_id,
            before=before,
            after=after,
            details=said,
        )
        return self.desk.store.commit(self.call.tenant_id, changes, facts)


@dataclass(frozen=True)
class Desk:
    """The ports. `policy` answers by tenant and environment; `judge` checks a definition beyond its links; `new_id` makes ids."""

    store: ControlStore
    clock: Clock
    new_id: Callable[[], str]
    policy: Callable[[str, str], Policy]
    record: RunRecord
    judge: Judge

    def begin(self, call: Call, action: str, object_type: str, object_id: str, **arguments: JsonValue) -> Step:
        """Begin a call. `arguments` are everything that makes it another call under another value.

        Raises:
            KpiError: INVALID_INPUT without a reason or with an unusable id; CONFLICT when the id was used for another call.
        """
        if not readable(call.reason) or len(call.reason) > REASON_LENGTH:
            raise KpiError(ErrorCode.INVALID_INPUT, f"every action needs a reason, of at most {REASON_LENGTH} characters; say why")
        if not 0 < len(call.event_id) <= EVENT_ID_LENGTH:
            raise KpiError(ErrorCode.INVALID_INPUT, f"an idempotency key has 1 to {EVENT_ID_LENGTH} characters, found {len(call.event_id)}")
        text = json.dumps([action, object_type, object_id, arguments], sort_keys=True)
        intent = hashlib.sha256(text.encode()).hexdigest()
        done = self.store.event(call.tenant_id, call.event_id)
        if done is not None and not _repeats(done, call, intent):
            raise reused_id(call.event_id)
        return Step(self, call, action, object_type, object_id, intent, self.clock.now(), done)

    def shelf(self, call: Call) -> Shelf:
        """The rows of the call's tenant and environment."""
        return Shelf(self.store, call.tenant_id, call.environment)

    def rules(self, call: Call) -> Policy:
        """The rules of change for the call."""
        return self.policy(call.tenant_id, call.environment)

    def request(self, call: Call, request_id: str) -> tuple[Row, ChangeRequest]:
        """A request of the call's tenant and environment.

        Raises:
            KpiError: NOT_FOUND.
        """
        row = self.store.row(call.tenant_id, keys.request(request_id))
        request = ChangeRequest.model_validate_json(row.text("request")) if row else None
        if row is None or request is None or request.environment is not call.environment:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no request {request_id} in {call.environment}")
        return row, request

    def open_request(self, call: Call, kpi_id: str) -> tuple[Row | None, ChangeRequest | None]:
        """The one open request of a KPI, with its row."""
        lock = self.store.row(call.tenant_id, keys.open_request(call.environment, kpi_id))
        return self.request(call, lock.text("request_id")) if lock else (None, None)

    def canary(self, call: Call, kpi_id: str) -> tuple[Row | None, Canary | None]:
        """The canary of a KPI that is under way (None when there is none), with the row of the last one."""
        row = self.store.row(call.tenant_id, keys.canary(call.environment, kpi_id))
        canary = Canary.model_validate_json(row.text("canary")) if row else None
        return row, canary if canary is not None and canary.state in UNDER_WAY else None

    def situation(self, call: Call, version: Version, at: datetime, active: Version | None, *, break_glass: bool = False) -> Situation:
        """What the guardrails look at for a version that is in the catalog."""
        shelf = self.shelf(call)
        _, canary = self.canary(call, version.kpi.id)
        base = active or shelf.newest_that_ran(version.kpi.id)
        return Situation(
            tenant_id=call.tenant_id,
            environment=call.environment,
            kpi=version.kpi,
            at=at,
            policy=self.rules(call),
            sources=version.sources,
            judge=self.judge,
            active=active.kpi if active else None,
            base=base.kpi if base else None,
            ran=version.ran,
            promoted_from=version.promoted_from,
            was_live=bool(version.row.text("published_at")),
            canary=canary.candidate if canary else None,
            retire_after=version.row.text("retire_after"),
            break_glass=break_glass,
            dead_upstreams=lambda: upstreams(shelf, version.kpi)[0],
            against_the_stream=lambda: against_the_stream(shelf, version.kpi),
            neighbours=lambda: shelf.around(version.kpi.id),
        )


def _repeats(done: AuditEvent, call: Call, intent: str) -> bool:
    same = done.actor == call.actor and done.reason == call.reason and done.environment == call.environment
    return same and done.details.get("intent") == intent


def finished(request: ChangeRequest | None, state: RequestState) -> ChangeRequest | None:
    """A request in its final state."""
    return request.model_copy(update={"state": state, "waiting_until": None}) if request else None


def upstreams(shelf: Shelf, kpi: Kpi) -> tuple[list[str], list[Change]]:
    """Upstream KPIs that do not run, and the writes that keep the others from being taken away at the same moment.

    A pointer that is read but not written would let two commits pass each other: this KPI starting to read an upstream, and the
    upstream being taken away because nobody reads it. Writing the pointer unchanged makes one of them fail.
    """
    dead: list[str] = []
    touched: dict[str, Change] = {}
    for ref in kpi.kpi_sources:
        row = shelf.active_row(ref.kpi)
        if row is None:
            dead.append(ref.kpi)
            continue
        touched[row.key] = Put(row.key, {name: value for name, value in row.values.items() if name != "row_version"}, row.row_version)
        if ref.version is not None and ref.version != row.text("contract_version"):
            pinned = shelf.find(ref.kpi, ref.version)
            if pinned is None or not pinned.ran or pinned.status.value == "retired":
                dead.append(f"{ref.kpi} {ref.version}")
    return sorted(set(dead)), [touched[key] for key in sorted(touched)]

"""Going live: publish, wait for the change window or break the glass, and promote from one environment to the next (K20, K28 A, K31)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kpis.common import Environment
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.approvals import Approvals, closed, new_request, opened
from lambdas.domain.control.catalog import ORDER, Version, remembered, switched
from lambdas.domain.control.desk import Call, Desk, Notify, Step, upstreams
from lambdas.domain.control.gates import elsewhere, measured
from lambdas.domain.control.guardrails import Situation, enforce
from lambdas.domain.control.policy import is_open, next_open
from lambdas.domain.control.queue import filed
from lambdas.domain.control.reasons import readable
from lambdas.domain.control.requests import ChangeRequest, Promotion, RequestState, signed_off
from lambdas.domain.control.states import SYSTEM, Action, Guard, Transition, VersionStatus, transition
from lambdas.domain.control.unit import Change, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

BREAK_GLASS_REASON = 20
"""The least length of a reason for going around a change window."""


@dataclass(frozen=True)
class Signed:
    """A version with the request that lets it move, ready to go."""

    version: Version
    row: Row
    request: ChangeRequest
    line: Transition
    situation: Situation

    @property
    def broke_glass(self) -> bool:
        """Whether it goes live only because someone broke the glass; someone is paged for it."""
        return self.situation.break_glass and not is_open(self.situation.policy, self.situation.at)


def ready(desk: Desk, step: Step, kpi_id: str, contract_version: str, action: Action, *, break_glass: bool = False) -> Signed:
    """Everything but the change window, checked.

    Raises:
        KpiError: NOT_FOUND, CONFLICT for the state, POLICY_DENY without sign-off or naming the guardrails that do not hold.
    """
    call = step.call
    shelf = desk.shelf(call)
    version = shelf.version(kpi_id, contract_version)
    row, request = desk.open_request(call, kpi_id)
    fitting = request if request is not None and request.contract_version == contract_version else None
    if version.status is VersionStatus.PROPOSED:
        signed_off(fitting, action, version.hash, step.at)  # says which signature is missing, which the table cannot
    line = transition(version.status, action, call.actor.role)
    request = signed_off(fitting, action, version.hash, step.at)
    if row is None or (call.actor.role == SYSTEM and request.waiting_until is None):
        raise KpiError(
            ErrorCode.POLICY_DENY, f"nobody asked yet to {action} {kpi_id} {contract_version}; the system goes on with what waits"
        )
    if break_glass and (call.actor.role == SYSTEM or len(readable(call.reason)) < BREAK_GLASS_REASON):
        raise KpiError(ErrorCode.POLICY_DENY, f"breaking the glass needs a person and a reason of {BREAK_GLASS_REASON} characters or more")
    situation = desk.situation(call, version, step.at, shelf.active(kpi_id), break_glass=break_glass)
    enforce([guard for guard in line.guards if guard is not Guard.IN_WINDOW], situation)
    return Signed(version, row, request, line, situation)


def held_back(step: Step, signed: Signed) -> AuditEvent | None:
    """Outside the change windows: the event that says until when it waits; None when it can go now.

    Raises:
        KpiError: POLICY_DENY when no window opens while the sign-off lasts.
    """
    situation, request = signed.situation, signed.request
    if Guard.IN_WINDOW not in signed.line.guards or situation.break_glass or is_open(situation.policy, step.at):
        return None
    start = next_open(situation.policy, step.at)
    if start is None or (request.execute_by is not None and start >= parse(request.execute_by)):
        raise KpiError(
            ErrorCode.POLICY_DENY,
            f"no change window opens before {request.execute_by or 'three months from now'}; break the glass or ask again later",
        )
    waiting = request.model_copy(update={"waiting_until": iso(start)})
    return step.commit(
        filed(waiting, signed.row),
        after=signed.version.hash,
        request=waiting,
        notify=(Notify.REQUESTER,),
        action=f"{step.action}_waits",
        version=signed.version.number,
        waits_until=iso(start),
    )


def activated(desk: Desk, step: Step, signed: Signed) -> list[Change]:
    """The changes that make a version what runs: itself, the one before, pointers, history, upstream pointers and the request."""
    call, version, kpi_id = step.call, signed.version, signed.version.kpi.id
    shelf = desk.shelf(call)
    pointer = shelf.active_row(kpi_id)
    old = shelf.active(kpi_id)
    changes: list[Change] = [
        version.moved(VersionStatus.ACTIVE, step.at, published_at=iso(step.at), ran_at=iso(step.at), superseded_by=None, retire_after=None)
    ]
    if old is not None:
        line = transition(old.status, Action.SUPERSEDE, call.actor.role)
        changes.append(old.moved(line.target, step.at, superseded_by=version.number))
        row, earlier = shelf.history(kpi_id)
        changes += remembered(call.environment, kpi_id, row, [old.number, *(each for each in earlier if each != version.number)])
    changes += switched(call.environment, pointer, old.kpi if old else None, version)
    changes += upstreams(shelf, version.kpi)[1]
    return [*changes, *closed(signed.request, signed.row, RequestState.DONE)]


@dataclass(frozen=True)
class Publishing:
    """Publication and promotion."""

    desk: Desk

    def publish(self, call: Call, kpi_id: str, contract_version: str, *, break_glass: bool = False) -> AuditEvent:
        """Make an approved version what runs; the one before is superseded and can be rolled back to.

        Outside the change windows the request waits (the event is `kpi.publish_waits`); `break_glass` goes around the window, not
        around signatures or other guardrails, and pages.
        """
        step = self.desk.begin(call, "kpi.publish", "kpi", kpi_id, version=contract_version, break_glass=break_glass)
        if step.done is not None:
            return step.done
        signed = ready(self.desk, step, kpi_id, contract_version, Action.PUBLISH, break_glass=break_glass)
        waits = held_back(step, signed)
        if waits is not None:
            return waits
        old = signed.situation.active
        glass = signed.broke_glass
        return step.commit(
            activated(self.desk, step, signed),
            before=None if old is None else self.desk.shelf(call).version(kpi_id, old.contract_version).hash,
            after=signed.version.hash,
            request=signed.request,
            notify=(Notify.OWNERS, Notify.PAGE) if glass else (Notify.OWNERS,),
            version=contract_version,
            superseded=old.contract_version if old else None,
            break_glass=glass or None,
            seconds_since_submitted=seconds_since(step, signed.request.created_at),
            promoted_from=signed.version.promoted_from or None,
        )

    def promote(self, call: Call, kpi_id: str, contract_version: str, source: Environment) -> AuditEvent:
        """Propose in the call's environment what is active in the environment before; gates and timing go into the request.

        Raises:
            KpiError: INVALID_INPUT when `source` is not the environment before; POLICY_DENY naming gates that did not pass.
        """
        step = self.desk.begin(call, "kpi.promote", "kpi", kpi_id, version=contract_version, source=source.value)
        if step.done is not None:
            return step.done
        shelf = self.desk.shelf(call)
        origin = self.desk.shelf(elsewhere(call, source)).version(kpi_id, contract_version)
        listed = [each for each in ORDER if each in origin.kpi.environments]
        position = listed.index(call.environment) if call.environment in listed else 0
        if position == 0 or listed[position - 1] is not source:
            path = " -> ".join(listed)
            raise KpiError(ErrorCode.INVALID_INPUT, f"{kpi_id} goes {path}; it cannot be promoted from {source} to {call.environment}")
        found = shelf.find(kpi_id, contract_version)
        line = transition(found.status if found else None, Action.PROMOTE, call.actor.role)
        Approvals(self.desk).nothing_open(call, kpi_id)
        promotion = measured(self.desk, step, origin, source)
        values = {name: value for name, value in origin.row.values.items() if name in _CARRIED}
        target = {"environment": call.environment.value, "promoted_from": source.value, "created_at": iso(step.at)}
        if found is not None and found.ran and found.hash != origin.hash:
            raise KpiError(
                ErrorCode.CONFLICT,
                f"{kpi_id} {contract_version} ran in {call.environment} with other content than {source} has; promote a new version",
            )
        kept = {name: found.row.text(name) for name in _LIVED if found.row.text(name)} if found else {}
        key = keys.version(call.environment, kpi_id, contract_version)
        proposed = Version(Row(key, values | target | kept | {"status": line.target.value, "updated_at": iso(step.at)}))
        situation = self.desk.situation(call, proposed, step.at, shelf.active(kpi_id))
        enforce(line.guards, _gated(situation, promotion))
        request = new_request(self.desk, call, proposed, Action.PROMOTE, self.desk.new_id(), step.at, promotion)
        write = Put(key, proposed.row.values, found.row.row_version if found else 0)
        return opened(step, request, [write])


_CARRIED = frozenset(
    {"kpi_id", "contract_version", "definition", "definition_hash", "content_hash", "sources", "pack", "layer", "name", "owner"}
    | {"criticality", "unit", "grain", "authors"}
)
"""What a promoted row takes along; its life in the new environment is its own."""
_LIVED = ("ran_at", "published_at")
"""What a version that was here before keeps of that life."""


def _gated(situation: Situation, promotion: Promotion) -> Situation:
    return replace(situation, gates=promotion.gates)


def seconds_since(step: Step, since: str) -> int:
    """How long ago a moment was, in whole seconds."""
    return int((step.at - parse(since)).total_seconds())

"""Asking and signing: submit, decide, withdraw, and what time does to requests (K28 A, K31)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from kpis.common import Level
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Version
from lambdas.domain.control.desk import Call, Desk, Notify, Step, finished
from lambdas.domain.control.differences import differences
from lambdas.domain.control.gates import measured_again
from lambdas.domain.control.guardrails import enforce
from lambdas.domain.control.impact import impact_of
from lambdas.domain.control.queue import filed
from lambdas.domain.control.requests import (
    LIVE,
    ChangeRequest,
    Choice,
    Decision,
    Promotion,
    RequestState,
    Side,
    decided,
    overdue,
    reopened,
)  # fmt: skip
from lambdas.domain.control.states import REQUESTABLE, Action, VersionStatus, transition
from lambdas.domain.control.unit import Change, Check, Delete, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

_TO_RUN = frozenset({Action.PUBLISH, Action.PROMOTE})
"""Requests that move their version with them: proposed, approved, or back to draft."""


def new_request(
    desk: Desk, call: Call, version: Version, action: Action, request_id: str, at: datetime, promotion: Promotion | None = None
) -> ChangeRequest:
    """A request on a version as it is, with its difference to what runs and whom it touches.

    Its criticality is the higher one of the old and the new definition, so that lowering it does not spare a signature.
    """
    shelf = desk.shelf(call)
    base = shelf.active(version.kpi.id) or shelf.newest_that_ran(version.kpi.id)
    return ChangeRequest(
        request_id=request_id,
        tenant_id=call.tenant_id,
        environment=call.environment,
        kpi_id=version.kpi.id,
        contract_version=version.number,
        action=action,
        definition_hash=version.hash,
        criticality=max((version.kpi.criticality, base.kpi.criticality if base else Level.LOW), key=lambda level: level.rank),
        requested_by=call.actor,
        authors=version.authors if action in _TO_RUN else (),
        justification=call.reason,
        diff=differences(base.kpi if base else None, version.kpi) if action in _TO_RUN else (),
        impact=impact_of(call.tenant_id, version.kpi, shelf.around(version.kpi.id), at, ends=action not in _TO_RUN),
        created_at=iso(at),
        expires_at=iso(at + desk.rules(call).request_expires),
        promotion=promotion,
    )


def lock(request: ChangeRequest) -> Put:
    """The row that keeps a second request on the KPI out."""
    return Put(keys.open_request(request.environment, request.kpi_id), {"request_id": request.request_id, "kpi_id": request.kpi_id}, 0)


def unlock(request: ChangeRequest) -> Delete:
    """The removal of that row; the request's own row_version guards it."""
    return Delete(keys.open_request(request.environment, request.kpi_id), None)


def closed(request: ChangeRequest, row: Row, state: RequestState) -> list[Change]:
    """The changes that end a request."""
    done = finished(request, state)
    return [*filed(done or request, row), unlock(request)]


@dataclass(frozen=True)
class Approvals:
    """Change requests."""

    desk: Desk

    def submit(self, call: Call, kpi_id: str, contract_version: str, action: Action = Action.PUBLISH) -> AuditEvent:
        """Ask for the sign-off of an action on a version; `request_id` of the event names the request.

        Raises:
            KpiError: CONFLICT when the KPI has an open request or the state does not allow it; POLICY_DENY naming guardrails;
                INVALID_INPUT for an action that needs no request, or a promotion (ask with `promote`).
        """
        if action not in REQUESTABLE or action is Action.PROMOTE:
            raise KpiError(ErrorCode.INVALID_INPUT, f"cannot request to {action}; it is asked for in another way")
        step = self.desk.begin(call, "kpi.submit", "kpi", kpi_id, version=contract_version, requested=action.value)
        if step.done is not None:
            return step.done
        version = self.desk.shelf(call).version(kpi_id, contract_version)
        self.nothing_open(call, kpi_id)
        change: Change
        if action is Action.PUBLISH:
            line = transition(version.status, Action.SUBMIT, call.actor.role)
            enforce(line.guards, self.desk.situation(call, version, step.at, self.desk.shelf(call).active(kpi_id)))
            change = version.moved(line.target, step.at)
        else:
            transition(version.status, action, call.actor.role)
            change = Check(version.row.key, version.row.row_version)
        request = new_request(self.desk, call, version, action, self.desk.new_id(), step.at)
        return opened(step, request, [change])

    def nothing_open(self, call: Call, kpi_id: str) -> None:
        """Refuse a second request on a KPI.

        Raises:
            KpiError: CONFLICT naming the open one.
        """
        _, request = self.desk.open_request(call, kpi_id)
        if request is not None:
            raise KpiError(
                ErrorCode.CONFLICT,
                f"{kpi_id} has the open request {request.request_id} to {request.action} {request.contract_version}; "
                "requests on one KPI come one after the other",
            )

    def decide(self, call: Call, request_id: str, choice: Choice, side: Side, content_hash: str) -> AuditEvent:
        """Sign a request, or reject it. `content_hash` is that of the content the approver looked at.

        Raises:
            KpiError: NOT_FOUND; POLICY_DENY for one's own change or a second signature, or naming gates of a promotion that passed when
                it was signed before and do not now; CONFLICT for other content or state.
        """
        row, request = self.desk.request(call, request_id)
        name = "kpi.approve" if choice is Choice.APPROVE else "kpi.reject"
        step = self.desk.begin(call, name, "kpi", request.kpi_id, request_id=request_id, side=side.value, content=content_hash)
        if step.done is not None:
            return step.done
        decision = Decision(by=call.actor, side=side, choice=choice, reason=call.reason, at=iso(step.at), content_hash=content_hash)
        after = decided(request, decision, step.at, self.desk.rules(call))
        if choice is Choice.APPROVE:
            after = measured_again(self.desk, step, after)
        changes: list[Change] = filed(after, row)
        if after.state is RequestState.REJECTED:
            changes = [*closed(after, row, RequestState.REJECTED), *self._moved(call, request, Action.REJECT, step.at)]
        elif after.state is RequestState.APPROVED:
            changes += self._moved(call, request, Action.APPROVE, step.at)
        return step.commit(
            changes,
            after=request.definition_hash,
            request=after,
            notify=(Notify.REQUESTER,),
            version=request.contract_version,
            side=side.value,
            content_hash=content_hash,
            state=after.state.value,
            missing=list(after.missing),
        )

    def withdraw(self, call: Call, request_id: str) -> AuditEvent:
        """Take a request back.

        Raises:
            KpiError: NOT_FOUND; CONFLICT when it is closed already; POLICY_DENY while its canary runs.
        """
        row, request = self.desk.request(call, request_id)
        step = self.desk.begin(call, "kpi.withdraw", "kpi", request.kpi_id, request_id=request_id)
        if step.done is not None:
            return step.done
        if request.state not in LIVE:
            raise KpiError(ErrorCode.CONFLICT, f"request {request_id} is {request.state} already")
        changes = [*closed(request, row, RequestState.WITHDRAWN), *self._moved(call, request, Action.WITHDRAW, step.at)]
        return step.commit(changes, after=request.definition_hash, request=request, version=request.contract_version)

    def sweep(self, call: Call) -> list[AuditEvent]:
        """Close requests that expired, and return those to open whose time to go live passed; each in its own commit."""
        events: list[AuditEvent] = []
        for each in [*self.live(call)]:
            action = overdue(each, self.desk.clock.now())
            if action is not None:
                one = replace(call, event_id=f"{call.event_id}:{each.request_id}")
                events.append(self._overdue(one, each.request_id, action))
        return events

    def live(self, call: Call) -> Iterator[ChangeRequest]:
        """The open and approved requests of the environment, by KPI."""
        for row in self.desk.store.rows(call.tenant_id, keys.open_request(call.environment, "")):
            yield self.desk.request(call, row.text("request_id"))[1]

    def due(self, call: Call) -> list[ChangeRequest]:
        """Requests that wait for a change window which is open now: publish them (the system may)."""
        now = self.desk.clock.now()
        return [each for each in self.live(call) if each.waiting_until is not None and parse(each.waiting_until) <= now]

    def _overdue(self, call: Call, request_id: str, action: Action) -> AuditEvent:
        row, request = self.desk.request(call, request_id)
        step = self.desk.begin(call, f"kpi.{action}", "kpi", request.kpi_id, request_id=request_id)
        if step.done is not None:
            return step.done
        expired = action is Action.EXPIRE
        changes = closed(request, row, RequestState.EXPIRED) if expired else filed(reopened(request, step.at), row)
        changes += self._moved(call, request, action, step.at)
        notify = (Notify.REQUESTER,) if expired else (Notify.REQUESTER, Notify.APPROVERS)
        return step.commit(changes, after=request.definition_hash, request=request, notify=notify, version=request.contract_version)

    def _moved(self, call: Call, request: ChangeRequest, action: Action, at: datetime) -> list[Change]:
        """The write of the version that goes with its request; none for requests about a version that runs."""
        if request.action not in _TO_RUN:
            return []
        shelf = self.desk.shelf(call)
        version = shelf.version(request.kpi_id, request.contract_version)
        if version.hash != request.definition_hash:
            raise KpiError(ErrorCode.CONFLICT, f"{request.kpi_id} {version.number} is not what request {request.request_id} is about")
        line = transition(version.status, action, call.actor.role)
        enforce(line.guards, self.desk.situation(call, version, at, shelf.active(request.kpi_id)))
        approved = version.hash if line.target is VersionStatus.APPROVED else None
        return [version.moved(line.target, at, approved_hash=approved)]


def opened(step: Step, request: ChangeRequest, changes: list[Change]) -> AuditEvent:
    """Commit a new request with the changes that go with it."""
    return step.commit(
        [*changes, *filed(request, None), lock(request)],
        after=request.definition_hash,
        request=request,
        notify=(Notify.APPROVERS,),
        version=request.contract_version,
        requested=request.action.value,
        criticality=request.criticality.value,
        content_hash=request.content_hash,
        downstream=request.impact.totals.get("downstream", 0),
    )

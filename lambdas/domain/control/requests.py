"""Change requests: who asks for what, what it touches, who signed it off, and for exactly which content (K28, K31)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from kpis.common import Environment, Frozen, Level
from lambdas.domain.audit.event import Actor
from lambdas.domain.control.differences import Difference
from lambdas.domain.control.impact import Impact
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.states import ADMINS, Action
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

DUAL = frozenset({Level.HIGH, Level.CRITICAL})
"""Criticalities that need a business and a technical sign-off, by two people (K31)."""


class Side(StrEnum):
    """In whose name someone signs."""

    BUSINESS = "business"
    TECHNICAL = "technical"


class RequestState(StrEnum):
    """`open` waits for sign-off, `approved` for its execution; the others are final."""

    OPEN = "open"
    APPROVED = "approved"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


LIVE = frozenset({RequestState.OPEN, RequestState.APPROVED})


class Choice(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    REJECT = "reject"


class Decision(Frozen):
    """One approver's word on one content."""

    by: Actor
    side: Side
    choice: Choice
    reason: str
    at: str
    content_hash: str


class Gate(Frozen):
    """One gate of a promotion and what was found."""

    name: str
    passed: bool
    found: JsonValue


class Promotion(Frozen):
    """Where a version comes from and how long it was there (seconds)."""

    source: Environment
    active_since: str
    seconds_in_source: int
    gates: tuple[Gate, ...]


class ChangeRequest(Frozen):
    """One request on one version of one KPI. Moments are ISO 8601; `execute_by` is set while it is approved.

    `authors` are all who wrote the content: none of them may sign. `waiting_until` is the start of the change window it waits for,
    `reopened_at` when its time to go live passed the last time.
    """

    request_id: str
    tenant_id: str
    environment: Environment
    kpi_id: str
    contract_version: str
    action: Action
    definition_hash: str
    criticality: Level
    requested_by: Actor
    authors: tuple[str, ...]
    justification: str
    diff: tuple[Difference, ...]
    impact: Impact
    state: RequestState = RequestState.OPEN
    decisions: tuple[Decision, ...] = ()
    created_at: str
    expires_at: str
    execute_by: str | None = None
    waiting_until: str | None = None
    promotion: Promotion | None = None
    reopened_at: str | None = None

    @property
    def content_hash(self) -> str:
        """What approvals bind to: the action and the definition, in the place they are for."""
        parts = [self.tenant_id, self.environment, self.kpi_id, self.contract_version, self.action, self.definition_hash, self.criticality]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def required(self) -> tuple[Side, ...]:
        """Sides that must sign; none in particular below high criticality, where any one signature does."""
        return (Side.BUSINESS, Side.TECHNICAL) if self.criticality in DUAL else ()

    @property
    def approvals(self) -> tuple[Decision, ...]:
        """Signatures for the content as it is now."""
        return tuple(each for each in self.decisions if each.choice is Choice.APPROVE and each.content_hash == self.content_hash)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who signed the content as it is now."""
        return tuple(sorted({each.by.subject for each in self.approvals}))

    @property
    def missing(self) -> tuple[str, ...]:
        """What sign-off is still needed."""
        signed = {each.side for each in self.approvals}
        if not self.required:
            return () if signed else ("one signature",)
        return tuple(f"{side} sign-off" for side in self.required if side not in signed)


def decided(request: ChangeRequest, decision: Decision, at: datetime, policy: Policy) -> ChangeRequest:
    """The request after a decision: rejected by one, approved when all signatures are there.

    Raises:
        KpiError: POLICY_DENY for one's own request, text or second signature, for a role that may not sign, or for somebody
            else than the approvers the tenant named; CONFLICT when the request is not open, has expired, or its content is not
            what was looked at.
    """
    _may_decide(request, decision, at)
    _is_named(request, decision, policy)
    after = request.model_copy(update={"decisions": (*request.decisions, decision)})
    if decision.choice is Choice.REJECT:
        return after.model_copy(update={"state": RequestState.REJECTED})
    if after.missing:
        return after
    return after.model_copy(update={"state": RequestState.APPROVED, "execute_by": iso(at + policy.publish_within)})


def _may_decide(request: ChangeRequest, decision: Decision, at: datetime) -> None:
    name, who = f"request {request.request_id}", decision.by
    if who.role not in ADMINS:
        raise KpiError(ErrorCode.POLICY_DENY, f"role '{who.role}' may not sign {name}; {' or '.join(sorted(ADMINS))} may")
    if who.subject == request.requested_by.subject or who.subject in request.authors:
        raise KpiError(ErrorCode.POLICY_DENY, f"{who.subject} asked for {name} or wrote its content; someone else must decide on it")
    if request.state is not RequestState.OPEN:
        raise KpiError(ErrorCode.CONFLICT, f"{name} is {request.state}; only an open request can be decided on")
    if at >= parse(request.expires_at):
        raise KpiError(ErrorCode.CONFLICT, f"{name} expired at {request.expires_at}; submit the change again")
    if decision.content_hash != request.content_hash:
        raise KpiError(ErrorCode.CONFLICT, f"{name} has other content now than the one decided on; read it again and decide on that")
    if any(each.by.subject == who.subject for each in request.approvals):
        raise KpiError(ErrorCode.POLICY_DENY, f"{who.subject} has signed {name} already; the other side needs another person")


def _is_named(request: ChangeRequest, decision: Decision, policy: Policy) -> None:
    named = policy.approvers.business if decision.side is Side.BUSINESS else policy.approvers.technical
    if named and decision.by.subject not in named:
        raise KpiError(
            ErrorCode.POLICY_DENY,
            f"{decision.by.subject} is none of the people the tenant named for the {decision.side} side of request {request.request_id}",
        )


def revised(request: ChangeRequest, content: ChangeRequest) -> ChangeRequest:
    """The request after an edit: open again, with the new content and no signature. `content` is a fresh request of the same change."""
    return request.model_copy(
        update={
            "definition_hash": content.definition_hash,
            "criticality": content.criticality,
            "authors": tuple(sorted({*request.authors, *content.authors})),
            "diff": content.diff,
            "impact": content.impact,
            "state": RequestState.OPEN,
            "decisions": (),
            "execute_by": None,
            "waiting_until": None,
        }
    )


def reopened(request: ChangeRequest, at: datetime) -> ChangeRequest:
    """An approved request whose time to go live passed: open again, to be signed again (contract: Change requests)."""
    again = {"state": RequestState.OPEN, "decisions": (), "execute_by": None, "waiting_until": None, "reopened_at": iso(at)}
    return request.model_copy(update=again)


def overdue(request: ChangeRequest, at: datetime) -> Action | None:
    """What time did to a request: `expire` it, `reopen` it, or nothing yet."""
    if request.state is RequestState.APPROVED and request.execute_by is not None and at >= parse(request.execute_by):
        return Action.EXPIRE if at >= parse(request.expires_at) else Action.REOPEN
    if request.state is RequestState.OPEN and at >= parse(request.expires_at):
        return Action.EXPIRE
    return None


def signed_off(request: ChangeRequest | None, action: Action, definition_hash: str, at: datetime) -> ChangeRequest:
    """The request, when it allows this action on this content now.

    Raises:
        KpiError: POLICY_DENY when there is none, it is about something else, lacks signatures, or its time has passed.
    """
    if request is None:
        raise KpiError(ErrorCode.POLICY_DENY, f"to {action} needs an approved change request; submit one")
    fitting = {Action.PUBLISH, Action.PROMOTE} if action in (Action.PUBLISH, Action.CANARY) else {action}
    name = f"request {request.request_id}"
    if request.action not in fitting:
        raise KpiError(ErrorCode.POLICY_DENY, f"{name} is about to {request.action}, not to {action}; decide on it or withdraw it first")
    if request.definition_hash != definition_hash:
        raise KpiError(ErrorCode.POLICY_DENY, f"{name} was signed for other content; submit the change again")
    if request.state is not RequestState.APPROVED or request.missing:
        lacking = ", ".join(request.missing) or "its approval"
        raise KpiError(ErrorCode.POLICY_DENY, f"{name} is {request.state} and lacks {lacking}")
    if request.execute_by is not None and at >= parse(request.execute_by):
        raise KpiError(
            ErrorCode.POLICY_DENY, f"{name} had to go live before {request.execute_by}; it returns to open and must be signed again"
        )
    return request

"""The one place that says yes. Deny by default, and on every error (K18)."""

from __future__ import annotations

from dataclasses import dataclass

import cedarpy

from lambdas.domain.access import Caller, Role
from lambdas.domain.audit.event import Actor
from lambdas.domain.authz import entities
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.book import Policy, PolicyBook, installed
from lambdas.domain.authz.resources import Resource
from lambdas.domain.errors import ErrorCode, KpiError

_RANK = (Role.PLATFORM_ADMIN, Role.CLIENT_ADMIN, Role.READ_ONLY)
_UNDECIDED = "the policies could not be asked, so nothing is allowed"


@dataclass(frozen=True)
class Decision:
    """An answer and why.

    `policies` are the names of the policies that decided, sorted; none when nothing permits it or an error did. `role` is the one
    in which the caller may do it, None when it may not. `reason` can be shown; `error` is for logs.
    """

    allowed: bool
    policies: tuple[str, ...]
    acting_for: bool
    reason: str
    role: Role | None = None
    error: str | None = None


class Authorizer:
    """Asks the policies. Holds nothing but parsed policies: one can serve all calls of a process."""

    def __init__(self, policies: PolicyBook | None = None) -> None:
        """`policies`: those of this installation unless given.

        Raises:
            PolicyError: when they do not parse or do not fit the schema.
        """
        self._book = policies or installed()

    def decide(self, caller: Caller, action: Action, resource: Resource) -> Decision:
        """Whether the caller may do it. Never raises: what cannot be decided is denied."""
        acting = Role.PLATFORM_ADMIN in caller.roles and caller.home != caller.tenant_id
        try:
            answer = self._ask(caller, action, resource)
            errors = "; ".join(answer.diagnostics.errors)
            # Cedar leaves out a policy that fails to evaluate, which could be the one that forbids. So no answer with errors counts.
            if errors or answer.decision is cedarpy.Decision.NoDecision:
                return _refused(acting, errors or "no decision")
            decided = [self._book.by_place[place] for place in answer.diagnostics.reasons]
        except Exception as error:  # noqa: BLE001 - whatever happens in the engine, the answer is no
            return _refused(acting, f"{type(error).__name__}: {error}")
        return _decision(caller, action, decided, allowed=answer.allowed, acting=acting)

    def require(self, caller: Caller, action: Action, resource: Resource) -> Decision:
        """The decision, when it is yes.

        Raises:
            KpiError: POLICY_DENY with the reason.
        """
        decision = self.decide(caller, action, resource)
        if not decision.allowed:
            raise KpiError(ErrorCode.POLICY_DENY, f"{action} is not allowed: {decision.reason}")
        return decision

    def _ask(self, caller: Caller, action: Action, resource: Resource) -> cedarpy.AuthzResult:
        request = {
            "principal": entities.uid("User", caller.subject),
            "action": entities.uid("Action", str(action)),
            "resource": entities.name_of(resource),
        }
        return cedarpy.is_authorized(request, self._book.parsed, [entities.user(caller), entities.thing(resource)], self._book.schema)


def actor_of(caller: Caller, decision: Decision) -> Actor:
    """Who the audit log says it was.

    Raises:
        ValueError: for a decision that was no.
    """
    if decision.role is None:
        raise ValueError("a refused call has no actor; nothing was done")
    return Actor(subject=caller.subject, role=decision.role.value, acting_for=decision.acting_for)


def _refused(acting: bool, error: str) -> Decision:
    return Decision(allowed=False, policies=(), acting_for=acting, reason=_UNDECIDED, error=error)


def _decision(caller: Caller, action: Action, decided: list[Policy], *, allowed: bool, acting: bool) -> Decision:
    names = tuple(sorted(policy.name for policy in decided))
    says = "; ".join(sorted({policy.says for policy in decided}))
    if not allowed:
        roles = ", ".join(sorted(role.value for role in caller.roles)) or "no role"
        return Decision(allowed=False, policies=names, acting_for=acting, reason=says or f"no policy lets {roles} do {action} here")
    granted = {policy.role for policy in decided}
    role = next((role for role in _RANK if role.value in granted), None)
    # A permit for everybody names no role; then the caller acts in the highest it has.
    role = role or next((role for role in _RANK if role in caller.roles), None)
    return Decision(allowed=True, policies=names, acting_for=acting, reason=says, role=role)

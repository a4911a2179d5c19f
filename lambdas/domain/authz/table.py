"""Role x action x scope, as the policies decide it: asked, not described. `python -m lambdas.domain.authz.table` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kpis.common import Environment
from lambdas.domain.access import Caller, Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.authz.book import PolicyBook, installed
from lambdas.domain.authz.resources import (
    CatalogObject,
    ConnectionObject,
    Kind,
    KpiObject,
    RequestObject,
    Resource,
    SettingsObject,
    WholeTenant,
)
from lambdas.domain.authz.simulate import ELSEWHERE, member

TENANT = "acme"
_SELF, _OTHER = "self", "other"
_DEV, _STG, _PROD = Environment.DEV, Environment.STG, Environment.PRD


@dataclass(frozen=True)
class Scope:
    """A situation, by the name its cell in the table uses."""

    name: str
    resource: Resource
    environments: frozenset[Environment] = frozenset(Environment)


def scopes(kind: Kind) -> Iterator[Scope]:
    """Situations of an object that can make a difference; the last ones must never allow anything."""
    match kind:
        case Kind.KPI:
            yield Scope("dev", KpiObject(TENANT, _DEV, "K"))
            yield Scope("stg", KpiObject(TENANT, _STG, "K"))
            yield Scope("prod unapproved", KpiObject(TENANT, _PROD, "K"))
            yield Scope("prod approved", KpiObject(TENANT, _PROD, "K", approved=True))
            yield Scope("NOT GRANTED", KpiObject(TENANT, _PROD, "K", approved=True), frozenset({_DEV, _STG}))
            yield Scope("OTHER TENANT", KpiObject(ELSEWHERE, _PROD, "K", approved=True))
        case Kind.REQUEST:
            theirs = RequestObject(TENANT, _PROD, "R", requested_by=_OTHER)
            yield Scope("others'", theirs)
            yield Scope("own", RequestObject(TENANT, _PROD, "R", requested_by=_SELF))
            yield Scope("own text", RequestObject(TENANT, _PROD, "R", requested_by=_OTHER, authors=frozenset({_SELF})))
            yield Scope("signed", RequestObject(TENANT, _PROD, "R", requested_by=_OTHER, signed_by=frozenset({_SELF})))
            yield Scope("NOT GRANTED", theirs, frozenset({_DEV, _STG}))
            yield Scope("OTHER TENANT", RequestObject(ELSEWHERE, _PROD, "R", requested_by=_OTHER))
        case Kind.WHOLE:
            yield Scope("tenant", WholeTenant(TENANT))
            yield Scope("NOT GRANTED", WholeTenant(TENANT), frozenset({_DEV, _STG}))
            yield Scope("OTHER TENANT", WholeTenant(ELSEWHERE))
        case Kind.CATALOG | Kind.SETTINGS | Kind.CONNECTION:
            yield from (Scope(environment.value, _placed(kind, TENANT, environment)) for environment in Environment)
            yield Scope("NOT GRANTED", _placed(kind, TENANT, _PROD), frozenset({_DEV, _STG}))
            yield Scope("OTHER TENANT", _placed(kind, ELSEWHERE, _PROD))


def kinds_of(authorizer: Authorizer, action: Action) -> tuple[Kind, ...]:
    """Objects the schema lets an action be about: those of which the question is well-formed."""
    nobody = Caller(_SELF, frozenset(), TENANT, TENANT)
    return tuple(kind for kind in Kind if authorizer.decide(nobody, action, next(scopes(kind)).resource).error is None)


def allowed_scopes(authorizer: Authorizer, role: Role, action: Action, kind: Kind) -> tuple[str, ...]:
    """Names of the situations in which a role may do it. A platform admin acts for the tenant, the others are at home."""
    home = "platform" if role is Role.PLATFORM_ADMIN else TENANT
    found: list[str] = []
    for scope in scopes(kind):
        caller = member(role, TENANT, home=home, subject=_SELF, environments=scope.environments)
        if authorizer.decide(caller, action, scope.resource).allowed:
            found.append(scope.name)
    return tuple(found)


def printed(authorizer: Authorizer) -> str:
    """The table as Markdown."""
    lines = [f"| action | object | {' | '.join(role.value for role in Role)} |", f"| {' | '.join(['---'] * (len(Role) + 2))} |"]
    for action in Action:
        for kind in kinds_of(authorizer, action):
            cells = [_cell(allowed_scopes(authorizer, role, action, kind)) for role in Role]
            lines.append(f"| `{action}` | {kind} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def printed_guardrails(policies: PolicyBook) -> str:
    """The forbidding policies as a Markdown list."""
    return "".join(f"- `{policy.name}`: {policy.says}\n" for policy in policies.all if not policy.permits)


def _cell(names: tuple[str, ...]) -> str:
    return ", ".join(names).replace("prod unapproved, prod approved", "prod") or "-"


def _placed(kind: Kind, tenant: str, environment: Environment) -> Resource:
    match kind:
        case Kind.SETTINGS:
            return SettingsObject(tenant, environment)
        case Kind.CONNECTION:
            return ConnectionObject(tenant, environment, "warehouse")
        case _:
            return CatalogObject(tenant, environment)


if __name__ == "__main__":
    print(printed(Authorizer()))
    print(printed_guardrails(installed()))

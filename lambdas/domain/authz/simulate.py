"""Who could do something, and why: the answer of the policy simulation, from the same policies as every real call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kpis.common import Environment
from lambdas.domain.access import Caller, Role
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.authorizer import Authorizer, Decision
from lambdas.domain.authz.resources import RequestObject, Resource, WholeTenant

ELSEWHERE = "#another-tenant"
"""A tenant that cannot exist: names of tenants have no `#`."""
_SOMEBODY = "#somebody"


@dataclass(frozen=True)
class Persona:
    """A kind of person, as a sentence would name it."""

    label: str
    caller: Caller


@dataclass(frozen=True)
class Finding:
    """Whether a persona could, and which policies say so."""

    persona: Persona
    decision: Decision


def simulate(authorizer: Authorizer, asker: Caller, action: Action, resource: Resource) -> tuple[Finding, ...]:
    """What the policies say about every kind of person.

    Raises:
        KpiError: POLICY_DENY when the asker may not simulate for the tenant of the object.
    """
    authorizer.require(asker, Action.POLICY_SIMULATE, WholeTenant(resource.tenant_id))
    return tuple(Finding(persona, authorizer.decide(persona.caller, action, resource)) for persona in personas(resource))


def personas(resource: Resource) -> Iterator[Persona]:
    """Every kind of person that could ask for something of the object's tenant, and those who must not."""
    tenant = resource.tenant_id
    yield Persona("platform admin acting for the tenant", member(Role.PLATFORM_ADMIN, tenant, home="platform"))
    yield Persona("client admin of the tenant", member(Role.CLIENT_ADMIN, tenant))
    yield Persona("reader of the tenant (CFO office, auditor)", member(Role.READ_ONLY, tenant))
    if isinstance(resource, RequestObject):
        yield Persona("client admin who asked for it", member(Role.CLIENT_ADMIN, tenant, subject=resource.requested_by))
        for author in sorted(resource.authors - {resource.requested_by}):
            yield Persona(f"client admin {author}, who wrote its content", member(Role.CLIENT_ADMIN, tenant, subject=author))
        for signer in sorted(resource.signed_by - resource.authors - {resource.requested_by}):
            yield Persona(f"client admin {signer}, who has signed it", member(Role.CLIENT_ADMIN, tenant, subject=signer))
    for environment in Environment:
        only = member(Role.CLIENT_ADMIN, tenant, environments=frozenset({environment}))
        yield Persona(f"client admin of the tenant for {environment} only", only)
    yield Persona("client admin of another tenant", member(Role.CLIENT_ADMIN, ELSEWHERE))
    yield Persona("platform admin acting for another tenant", member(Role.PLATFORM_ADMIN, ELSEWHERE, home="platform"))


def member(
    role: Role,
    tenant_id: str,
    *,
    home: str | None = None,
    subject: str = _SOMEBODY,
    environments: frozenset[Environment] = frozenset(Environment),
) -> Caller:
    """A person with one role who acts for a tenant; `home` is that tenant unless given."""
    return Caller(subject, frozenset({role}), tenant_id, home or tenant_id, environments)

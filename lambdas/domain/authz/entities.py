"""Callers and objects as Cedar sees them, made of verified claims and of rows read for the caller's tenant only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kpis.common import Environment
from lambdas.domain.access import Caller
from lambdas.domain.authz.resources import KpiObject, RequestObject, Resource, WholeTenant


def uid(kind: str, identifier: str) -> dict[str, str]:
    """An entity's name. Identifiers are data: no quoting, whatever they contain."""
    return {"type": kind, "id": identifier}


def user(caller: Caller) -> dict[str, Any]:
    """The person who asks."""
    attributes: dict[str, Any] = {"acts_for": _reference("Tenant", caller.tenant_id), "environments": _environments(caller.environments)}
    if caller.home is not None:
        attributes["home"] = _reference("Tenant", caller.home)
    return {
        "uid": uid("User", caller.subject),
        "attrs": attributes,
        "parents": [uid("Role", role) for role in sorted(role.value for role in caller.roles)],
    }


def name_of(resource: Resource) -> dict[str, str]:
    """An object's name. Policies look at its attributes; the name is for Cedar to find them."""
    environment = "" if isinstance(resource, WholeTenant) else resource.environment.value
    return uid(resource.kind.value, f"{resource.tenant_id}\n{environment}\n{resource.identifier}")


def thing(resource: Resource) -> dict[str, Any]:
    """The object asked about."""
    attributes: dict[str, Any] = {"tenant": _reference("Tenant", resource.tenant_id)}
    if not isinstance(resource, WholeTenant):
        attributes["environment"] = _reference("Environment", resource.environment.value)
    if isinstance(resource, KpiObject):
        attributes["approved"] = resource.approved
    if isinstance(resource, RequestObject):
        attributes["requested_by"] = _reference("User", resource.requested_by)
        attributes["authors"] = [_reference("User", subject) for subject in sorted(resource.authors)]
        attributes["signed_by"] = [_reference("User", subject) for subject in sorted(resource.signed_by)]
    return {"uid": name_of(resource), "attrs": attributes, "parents": []}


def _reference(kind: str, identifier: str) -> dict[str, Any]:
    return {"__entity": uid(kind, identifier)}


def _environments(environments: Iterable[Environment]) -> list[dict[str, Any]]:
    return [_reference("Environment", name) for name in sorted(environment.value for environment in environments)]

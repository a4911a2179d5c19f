"""Who asks, and for which tenant: deny by default (K18)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from kpis.common import Environment
from lambdas.domain.errors import ErrorCode, KpiError


class Role(StrEnum):
    """Groups of the user pool."""

    PLATFORM_ADMIN = "platform-admin"
    CLIENT_ADMIN = "client-admin"
    READ_ONLY = "read-only"


@dataclass(frozen=True)
class Caller:
    """A verified person acting for one tenant. `home` is the tenant of the token; only a platform admin may act for another one."""

    subject: str
    roles: frozenset[Role]
    tenant_id: str
    home: str | None = None
    environments: frozenset[Environment] = frozenset(Environment)


def roles_of(claim: Any) -> frozenset[Role]:
    """Roles in the groups claim: `[a b]` from API Gateway, a list, JSON or `a,b` from others. Unknown groups mean nothing."""
    known = {role.value: role for role in Role}
    return frozenset(known[word] for word in _groups(claim) if word in known)


def _groups(claim: Any) -> Sequence[str]:
    if isinstance(claim, list):
        return [str(word) for word in cast("list[Any]", claim)]
    text = str(claim or "").strip()
    if not text.startswith("["):
        return text.replace(",", " ").split()
    try:
        listed: Any = json.loads(text)
    except ValueError:
        # The name of a group may have a comma in it, and never a space (Cognito API reference, CreateGroup).
        return text.strip("[]").split()
    return [str(word) for word in listed]


def environments_of(claim: Any) -> frozenset[Environment]:
    """Environments in the claim `custom:environments` (`dev,stg`); a token without the claim is for all. Unknown words mean nothing."""
    if claim is None:
        return frozenset(Environment)
    words = str(claim).replace(",", " ").split()
    return frozenset(environment for environment in Environment if environment.value in words)


def caller_of(claims: Mapping[str, Any], requested_tenant: str | None) -> Caller:
    """The caller with the tenant it may act for.

    Raises:
        KpiError: POLICY_DENY without a role or for another tenant; INVALID_INPUT when a platform admin names no tenant.
    """
    subject = str(claims.get("sub") or "")
    roles = roles_of(claims.get("cognito:groups"))
    own = str(claims.get("custom:tenant_id") or "") or None
    environments = environments_of(claims.get("custom:environments"))
    if not subject or not roles:
        raise KpiError(ErrorCode.POLICY_DENY, "the token carries none of the roles platform-admin, client-admin and read-only")
    if Role.PLATFORM_ADMIN in roles:
        tenant = requested_tenant or own
        if tenant is None:
            raise KpiError(ErrorCode.INVALID_INPUT, "a platform admin belongs to no tenant; say which in the header X-Tenant-Id")
        return Caller(subject, roles, tenant, own, environments)
    if own is None:
        raise KpiError(ErrorCode.POLICY_DENY, "the token names no tenant (claim custom:tenant_id)")
    if requested_tenant is not None and requested_tenant != own:
        raise KpiError(ErrorCode.POLICY_DENY, "X-Tenant-Id is not the tenant of the token")
    return Caller(subject, roles, own, own, environments)

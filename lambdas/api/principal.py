"""Who is asking, from verified claims only, and for which tenant. Denies by default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lambdas.domain.errors import ErrorCode, KpiError

TENANT_HEADER = "x-tenant-id"
_SLUG = re.compile(r"^[a-z][a-z0-9-]{1,19}$")


class Role(StrEnum):
    """Roles are Cognito groups (K18)."""

    PLATFORM_ADMIN = "platform-admin"
    CLIENT_ADMIN = "client-admin"
    READ_ONLY = "read-only"


@dataclass(frozen=True)
class Principal:
    """A signed-in person: `subject` is the identity provider's id, `tenant_id` the tenant of the token."""

    subject: str
    roles: frozenset[Role]
    tenant_id: str


def read_principal(claims: Mapping[str, Any]) -> Principal:
    """The person of verified claims.

    Raises:
        KpiError: POLICY_DENY when the token names no role or no tenant of ours.
    """
    groups = claims.get("cognito:groups", "")
    # HTTP APIs hand arrays over as text such as "[client-admin read-only]".
    names: list[str] = re.findall(r"[a-z-]+", groups) if isinstance(groups, str) else [str(each) for each in groups]
    roles = frozenset(Role(name) for name in names if name in set(Role))
    tenant_id = str(claims.get("custom:tenant_id", ""))
    if not roles or not tenant_id:
        raise KpiError(ErrorCode.POLICY_DENY, "this account has no role here; ask your administrator for one")
    return Principal(str(claims.get("sub", "")), roles, tenant_id)


def scope(principal: Principal, headers: Mapping[str, str]) -> str:
    """The tenant a request is about: the token's own; platform admins name theirs by X-Tenant-Id.

    Raises:
        KpiError: POLICY_DENY when the header names another tenant, INVALID_INPUT when a platform admin names none.
    """
    asked = next((value for name, value in headers.items() if name.lower() == TENANT_HEADER), None)
    if Role.PLATFORM_ADMIN in principal.roles:
        if asked is None or _SLUG.match(asked) is None:
            raise KpiError(ErrorCode.INVALID_INPUT, "say which tenant: send its id in the header X-Tenant-Id")
        return asked
    if asked is not None and asked != principal.tenant_id:
        raise KpiError(ErrorCode.POLICY_DENY, "X-Tenant-Id is not the tenant of this token")
    return principal.tenant_id

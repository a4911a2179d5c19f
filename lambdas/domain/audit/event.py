"""One audit event: who did what to which object, when and why (K27), and its place in the tenant's chain."""

from __future__ import annotations

import hashlib
from typing import Any, Self

from pydantic import Field, JsonValue, model_validator

from kpis.common import Environment, Frozen
from kpis.hashing import canonical_json

HASH = r"^[0-9a-f]{64}$"
_GENESIS = "kpi-observatory audit chain of "


class Actor(Frozen):
    """Who acted, from verified claims only. `acting_for` is True when a platform admin acted for the tenant."""

    subject: str = Field(min_length=1, max_length=256)
    role: str = Field(min_length=1, max_length=64)
    acting_for: bool = False


class Facts(Frozen):
    """What an event says, before it has a place in the chain.

    `before` and `after` are definition hashes of the object where it has one; `details` is a small JSON object; `event_id` is the
    caller's idempotency key or an id of its own, so that a repeated call is not a second event.
    """

    tenant_id: str = Field(min_length=1)
    event_id: str = Field(min_length=1, max_length=128)
    at: str = Field(min_length=20, max_length=32)
    actor: Actor
    action: str = Field(pattern=r"^[a-z][a-z_]*(\.[a-z_]+)+$")
    object_type: str = Field(min_length=1, max_length=64)
    object_id: str = Field(min_length=1, max_length=256)
    environment: Environment | None = None
    reason: str = Field(default="", max_length=2000)
    approvers: tuple[str, ...] = ()
    request_id: str | None = None
    trace_id: str | None = None
    before: str | None = None
    after: str | None = None
    details: dict[str, JsonValue] = Field(default_factory=dict)

    def concerns(self, kpi_id: str) -> bool:
        """Whether it is about a KPI: as its object, by `details["kpi_id"]` (an incident), or as one of `details["kpis"]` (an import)."""
        if (self.object_type == "kpi" and self.object_id == kpi_id) or self.details.get("kpi_id") == kpi_id:
            return True
        lines = self.details.get("kpis")
        return isinstance(lines, list) and any(isinstance(line, dict) and line.get("kpi_id") == kpi_id for line in lines)


class AuditEvent(Facts):
    """An event in its place: `seq` counts from 1 without gaps, `previous` is the hash of the event before, `hash` that of this one."""

    seq: int = Field(ge=1)
    previous: str = Field(pattern=HASH)
    hash: str = Field(pattern=HASH)

    @model_validator(mode="after")
    def _first_has_genesis(self) -> Self:
        if self.seq == 1 and self.previous != genesis(self.tenant_id):
            raise ValueError(f"event 1 of {self.tenant_id} must follow the genesis of its own chain")
        return self

    @property
    def computed_hash(self) -> str:
        """The hash its content has, whatever `hash` says."""
        return _hash_of(self.model_dump(exclude={"hash"}))


class _Unsealed(Facts):
    seq: int
    previous: str


def genesis(tenant_id: str) -> str:
    """What the first event of a tenant follows: a hash of the tenant's own, so that chains cannot be swapped."""
    return hashlib.sha256(f"{_GENESIS}{tenant_id}".encode()).hexdigest()


def sealed(facts: Facts, *, seq: int, previous: str) -> AuditEvent:
    """The event in its place, with its hash: SHA-256 of the canonical JSON of everything else, `previous` included."""
    content: dict[str, Any] = facts.model_dump() | {"seq": seq, "previous": previous}
    return AuditEvent.model_validate(content | {"hash": _hash_of(content)})


def _hash_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(_Unsealed.model_validate(content)).encode()).hexdigest()

"""Chains of audit events and a key to sign with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from lambdas.domain.audit.event import Actor, AuditEvent, Facts, genesis, sealed

ALICE = Actor(subject="alice", role="client-admin")


def facts(number: int, tenant: str = "acme", **fields: object) -> Facts:
    base: dict[str, object] = {
        "tenant_id": tenant,
        "event_id": f"event-{number}",
        "at": f"2026-01-01T00:00:{number % 60:02d}.000Z",
        "actor": ALICE,
        "action": "kpi.pause",
        "object_type": "kpi",
        "object_id": "CFO-EF-02",
        "environment": "prod",
        "reason": f"maintenance {number}",
        "details": {"number": number, "nothing": None},
    }
    return Facts.model_validate(base | fields)


def chain(count: int, tenant: str = "acme") -> list[AuditEvent]:
    return rechained([facts(number, tenant) for number in range(1, count + 1)], tenant)


def rechained(entries: Sequence[Facts], tenant: str = "acme") -> list[AuditEvent]:
    found: list[AuditEvent] = []
    previous = genesis(tenant)
    for seq, entry in enumerate(entries, start=1):
        event = sealed(Facts.model_validate(entry.model_dump(include=set(Facts.model_fields))), seq=seq, previous=previous)
        found.append(event)
        previous = event.hash
    return found


class Key:
    """What KMS does, with a key of our own."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self.private.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


@cache
def key() -> Key:
    return Key()

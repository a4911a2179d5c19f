"""Checkpoints: the size and Merkle root of a tenant's chain at a moment, signed, so that nobody can rewrite or shorten it later."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence

from pydantic import Field

from kpis.common import Frozen
from kpis.hashing import canonical_json
from lambdas.domain.audit import merkle
from lambdas.domain.audit.event import HASH, AuditEvent

ALGORITHM = "ECDSA_SHA_256"
"""KMS's name of the signature: ECDSA on P-256 over the SHA-256 of the canonical JSON, in DER."""

Signer = Callable[[bytes], bytes]
"""From a message to its signature."""
Verifier = Callable[[bytes, bytes], bool]
"""Whether a signature (second) is one of the message (first)."""


class Checkpoint(Frozen):
    """What is signed: `size` events, `root` over their hashes, `head` the hash of the last; `previous` is the digest of the one before.

    `consistency` proves that the tree of the previous checkpoint is the beginning of this one's.
    """

    tenant_id: str = Field(min_length=1)
    size: int = Field(ge=1)
    root: str = Field(pattern=HASH)
    head: str = Field(pattern=HASH)
    at: str
    previous: str | None = Field(default=None, pattern=HASH)
    previous_size: int = Field(default=0, ge=0)
    consistency: tuple[str, ...] = ()

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return canonical_json(self).encode()

    @property
    def digest(self) -> str:
        """SHA-256 of the signed bytes, in hex: what the next checkpoint names as its previous."""
        return hashlib.sha256(self.message).hexdigest()


class SignedCheckpoint(Frozen):
    """A checkpoint with its signature (base64 of DER) and the ARN of the key."""

    checkpoint: Checkpoint
    signature: str
    key_id: str

    @property
    def raw_signature(self) -> bytes:
        """The signature's bytes; none when it is not base64."""
        try:
            return base64.b64decode(self.signature, validate=True)
        except ValueError:
            return b""


def make_checkpoint(
    events: Sequence[AuditEvent], *, at: str, previous: Checkpoint | None, sign: Signer, key_id: str
) -> SignedCheckpoint | None:
    """Sign the state of a whole chain; None when nothing came since the previous checkpoint.

    Args:
        events: all events of the tenant, from 1.
        at: the moment, ISO 8601.
        previous: the last checkpoint of the tenant.
        sign: signs with the platform's key.
        key_id: the key's ARN.

    Raises:
        ValueError: when the chain is shorter than its previous checkpoint, or begins differently: it was tampered with.
    """
    hashes = [event.hash for event in events]
    if previous is not None:
        if len(hashes) < previous.size or merkle.root(hashes[: previous.size]) != previous.root:
            raise ValueError(
                f"the chain of {events[0].tenant_id if events else 'the tenant'} has {len(hashes)} events and does not continue its "
                f"checkpoint of {previous.size}; nothing is signed"
            )
        if len(hashes) == previous.size:
            return None
    if not hashes:
        return None
    checkpoint = Checkpoint(
        tenant_id=events[0].tenant_id,
        size=len(hashes),
        root=merkle.root(hashes),
        head=hashes[-1],
        at=at,
        previous=previous.digest if previous else None,
        previous_size=previous.size if previous else 0,
        consistency=merkle.consistency_proof(hashes, previous.size) if previous else (),
    )
    return SignedCheckpoint(checkpoint=checkpoint, signature=base64.b64encode(sign(checkpoint.message)).decode(), key_id=key_id)


def checkpoint_problem(signed: SignedCheckpoint, verify: Verifier, previous: Checkpoint | None = None) -> str | None:
    """What is wrong with a checkpoint: its signature, or its claim to continue the one before; None when nothing is."""
    checkpoint = signed.checkpoint
    if not verify(checkpoint.message, signed.raw_signature):
        return "its signature is not one of the key"
    if previous is None:
        return None
    if checkpoint.tenant_id != previous.tenant_id:
        return f"it is of tenant '{checkpoint.tenant_id}', the one before of '{previous.tenant_id}'"
    if checkpoint.previous != previous.digest or checkpoint.previous_size != previous.size:
        return "it does not follow the checkpoint before it"
    if not merkle.extends(previous.size, previous.root, checkpoint.size, checkpoint.root, checkpoint.consistency):
        return "its tree does not continue the tree of the checkpoint before it: events were changed or removed"
    return None


def chain_problem(events: Sequence[AuditEvent], checkpoint: Checkpoint) -> str | None:
    """What is wrong with a whole chain in the light of a checkpoint: it is shorter, or its first events are others."""
    if len(events) < checkpoint.size:
        return f"the chain has {len(events)} events, the checkpoint of {checkpoint.at} counted {checkpoint.size}: it was cut short"
    hashes = [event.hash for event in events[: checkpoint.size]]
    if hashes[-1] != checkpoint.head or merkle.root(hashes) != checkpoint.root:
        return f"the first {checkpoint.size} events are not those the checkpoint of {checkpoint.at} was signed over"
    return None

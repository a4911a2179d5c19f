"""Checkpoints as locked S3 objects, `checkpoints/{tenant}/{size:019d}.json`: written once, kept until their retention ends.

Object Lock protects versions, not keys: whoever may write can lay a newer version or a delete marker over a locked object
(docs.aws.amazon.com, S3 user guide, "Locking objects with Object Lock"). So all versions are listed, whatever hides them, and the one that
counts is the one the key signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from kpis.hashing import canonical_json
from lambdas.adapters.audit_chain import AuditChains, TamperedError
from lambdas.adapters.aws import Clients, code_of
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.checkpoint import SignedCheckpoint, Verifier, checkpoint_problem, make_checkpoint
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.rows import Row, Rows
from lambdas.domain.timestamps import iso

PREFIX = "checkpoints/"
SIZE_DIGITS = 19
NOTED = "audit#checkpoint"
"""The row with the last checkpoint that is kept: whoever asks whether something is to be signed reads this one."""
PENDING = "audit#pending"
"""The row with the last checkpoint that was signed, which decides between two at once and may not be kept yet."""
_NAME = re.compile(rf"(\d{{{SIZE_DIGITS}}})\.json")
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


class LockMode(StrEnum):
    """COMPLIANCE: nobody can end it early, the account's root included. GOVERNANCE: who has the permission for it can."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


@dataclass(frozen=True)
class Retention:
    """How a checkpoint is kept, and for how long from the moment it is written."""

    mode: LockMode
    period: timedelta


class CheckpointObjects:
    """Checkpoints of tenants in a versioned bucket with Object Lock. `verify` knows the signatures of the platform's keys."""

    def __init__(self, clients: Clients, bucket: str, retention: Retention, verify: Verifier, now: Callable[[], datetime]) -> None:
        self._clients = clients
        self._bucket = bucket
        self._retention = retention
        self._verify = verify
        self._now = now

    def last(self, tenant_id: str) -> SignedCheckpoint | None:
        """The checkpoint of most events; None before the first. One request for 1,000 checkpoints.

        Raises:
            TamperedError: when no version of it is a checkpoint of the tenant with a valid signature.
        """
        size, versions = 0, list[str]()
        for found, version in self._versions(tenant_id, f"{PREFIX}{tenant_id}/"):
            if found > size:
                size, versions = found, []
            if found == size:
                versions.append(version)
        return self._sound(tenant_id, size, versions) if versions else None

    def at(self, tenant_id: str, size: int) -> SignedCheckpoint | None:
        """The checkpoint of so many events.

        Raises:
            TamperedError: as `last`.
        """
        versions = [version for _, version in self._versions(tenant_id, object_key(tenant_id, size))]
        return self._sound(tenant_id, size, versions) if versions else None

    def write(self, signed: SignedCheckpoint) -> SignedCheckpoint:
        """Keep a checkpoint; the one that is kept is returned: an earlier one of the same events stays.

        Raises:
            KpiError: CONFLICT when another write was under way; then nothing was written.
            TamperedError: when there is a checkpoint of as many events that are others.
        """
        from botocore.exceptions import ClientError

        checkpoint = signed.checkpoint
        try:
            self._put(signed)
        except ClientError as error:
            if code_of(error) not in _TAKEN:
                raise
            there = self.at(checkpoint.tenant_id, checkpoint.size)
            if there is None:
                message = f"the checkpoint of {checkpoint.size} events of {checkpoint.tenant_id} is being written by another; try again"
                raise KpiError(ErrorCode.CONFLICT, message) from error
            if (there.checkpoint.root, there.checkpoint.head) != (checkpoint.root, checkpoint.head):
                raise TamperedError(
                    f"{self._where(checkpoint.tenant_id, checkpoint.size)} is of other events than the chain has"
                ) from error
            return there
        return signed

    def _put(self, signed: SignedCheckpoint) -> None:
        checkpoint = signed.checkpoint
        self._clients("s3").put_object(
            Bucket=self._bucket,
            Key=object_key(checkpoint.tenant_id, checkpoint.size),
            Body=canonical_json(signed).encode(),
            ContentType="application/json",
            IfNoneMatch="*",
            ObjectLockMode=self._retention.mode.value,
            ObjectLockRetainUntilDate=self._now() + self._retention.period,
            ChecksumAlgorithm="SHA256",  # S3 asks for a checksum of what it locks
        )

    def _versions(self, tenant_id: str, prefix: str) -> Iterator[tuple[int, str]]:
        """Size and version id of every version; delete markers hide nothing, and other names are no checkpoints."""
        arguments: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        start = len(f"{PREFIX}{tenant_id}/")
        while True:
            answer = self._clients("s3").list_object_versions(**arguments)
            for each in answer.get("Versions", ()):
                name = _NAME.fullmatch(each["Key"][start:])
                if name is not None:
                    yield int(name[1]), str(each["VersionId"])
            if not answer.get("IsTruncated"):
                return
            arguments |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def parsed(self, content: bytes, tenant_id: str, size: int | None, where: str) -> SignedCheckpoint:
        """The checkpoint of a tenant (of so many events) in its stored form.

        Raises:
            TamperedError: when it is none, or another one, or its signature is not valid.
        """
        try:
            signed = SignedCheckpoint.model_validate_json(content)
        except ValidationError as error:
            raise TamperedError(f"{where} is no checkpoint: {str(error).splitlines()[0]}") from error
        checkpoint = signed.checkpoint
        if checkpoint.tenant_id != tenant_id or size not in (None, checkpoint.size):
            raise TamperedError(f"{where} is the checkpoint of {checkpoint.size} events of {checkpoint.tenant_id}")
        problem = checkpoint_problem(signed, self._verify)
        if problem is not None:
            raise TamperedError(f"{where}: {problem}")
        return signed

    def _sound(self, tenant_id: str, size: int, versions: Iterable[str]) -> SignedCheckpoint:
        """The first of some versions, at least one, that is what its key says."""
        refused: TamperedError | None = None
        for version in versions:
            answer = self._clients("s3").get_object(Bucket=self._bucket, Key=object_key(tenant_id, size), VersionId=version)
            try:
                return self.parsed(answer["Body"].read(), tenant_id, size, self._where(tenant_id, size))
            except TamperedError as error:
                refused = error
        raise refused or ValueError("no versions")

    def _where(self, tenant_id: str, size: int) -> str:
        return f"s3://{self._bucket}/{object_key(tenant_id, size)}"


@dataclass(frozen=True)
class Checkpointer:
    """Signs how far the chains of tenants have come.

    Each checkpoint names the one before, so two must never name the same one. `rows` (of the catalog table) decides: one is pending there
    first, under a condition, then written to S3, then noted. One that was not written is written by whoever comes next, and until
    then it is not noted, so that someone comes although no event did.
    """

    chains: AuditChains
    objects: CheckpointObjects
    rows: Rows
    key: KmsKey
    now: Callable[[], datetime]

    def next(self, tenant_id: str) -> SignedCheckpoint | None:
        """Sign and keep the state of a tenant's chain; None when nothing came since the last checkpoint. To repeat it does no harm.

        Raises:
            TamperedError: when the chain is broken or does not continue its last checkpoint; nothing is signed.
            KpiError: INTERNAL when KMS does not sign; CONFLICT when another one is at it: try again.
        """
        # The checkpoint first: events that come while the chain is read make it longer, never shorter.
        pending, noted = self.rows.read(tenant_id, PENDING), self.rows.read(tenant_id, NOTED)
        last = self._last(tenant_id, {PENDING: pending, NOTED: noted})
        events = self.chains.read(tenant_id)
        arn, moment = self.key.arn, iso(self.now())
        previous = last.checkpoint if last is not None else None
        try:
            signed = make_checkpoint(events, at=moment, previous=previous, sign=self.key.sign, key_id=arn)
        except ValueError as error:
            raise TamperedError(f"{tenant_id}: {error}") from error
        if signed is None:
            if last is not None:
                self._note(last, noted)
            return None
        if not self.rows.swap(tenant_id, PENDING, _row(signed), pending.version if pending else 0):
            raise KpiError(ErrorCode.CONFLICT, f"another one is making a checkpoint of {tenant_id}; nothing was written, try again")
        kept = self.objects.write(signed)
        self._note(kept, noted)
        return kept

    def _last(self, tenant_id: str, rows: Mapping[str, Row | None]) -> SignedCheckpoint | None:
        """The last checkpoint, brought to S3 if it is only in a row."""
        last = self.objects.last(tenant_id)
        for name, row in rows.items():
            if row is not None:
                where = f"the row {name} of {tenant_id}"
                found = self.objects.parsed(str(row.values.get("checkpoint", "")).encode(), tenant_id, None, where)
                last = self.objects.write(found) if last is None or last.checkpoint.size < found.checkpoint.size else last
        return last

    def _note(self, kept: SignedCheckpoint, noted: Row | None) -> None:
        """Say that a checkpoint is kept. A note made meanwhile stays; if it is of fewer events, the next call mends it."""
        values = _row(kept)
        if noted is None or noted.values != values:
            self.rows.swap(kept.checkpoint.tenant_id, NOTED, values, noted.version if noted else 0)


def _row(signed: SignedCheckpoint) -> dict[str, str]:
    return {"checkpoint": canonical_json(signed)}


def object_key(tenant_id: str, size: int) -> str:
    """Where the checkpoint of so many events is."""
    return f"{PREFIX}{tenant_id}/{size:0{SIZE_DIGITS}d}.json"

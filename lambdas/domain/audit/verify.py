"""Verifies an evidence bundle offline, from the outside in, and names the first thing that does not hold."""

from __future__ import annotations

import base64
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kpis.common import Frozen
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Kpi
from lambdas.domain.audit import evidence as e
from lambdas.domain.audit import merkle
from lambdas.domain.audit.chain import Broken, first_break
from lambdas.domain.audit.checkpoint import Checkpoint, Verifier, checkpoint_problem
from lambdas.domain.audit.event import AuditEvent

Model = TypeVar("Model", bound=BaseModel)
MAX_BYTES = 1 << 30
"""A bundle that unpacks to more is refused unread."""
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, OSError,
    RuntimeError,  # an encrypted file, or a compression this Python does not have
)  # fmt: skip


class _RefusedError(Exception):
    def __init__(self, where: str, problem: str) -> None:
        self.broken = Broken(where, problem)
        super().__init__(str(self.broken))


@dataclass(frozen=True)
class Verified:
    """What a sound bundle showed. `checks` are sentences for the auditor's file."""

    manifest: e.Manifest
    checks: tuple[str, ...]


def verify_bundle(content: bytes, verifier_of: Callable[[bytes], Verifier], *, trusted: str | None = None) -> Verified | Broken:
    """Check a bundle.

    Args:
        content: the zip.
        verifier_of: from a public key file to what checks its signatures.
        trusted: the fingerprint the key must have; without it the bundle only agrees with itself.
    """
    try:
        files = _unpacked(content)
        manifest = _signed_manifest(files, verifier_of, trusted)
        checks = [f"the manifest is signed by key {manifest.key_fingerprint[:16]}…", *_hashes(files, manifest)]
        verify = verifier_of(files[e.KEY])
        checks += _audit(files, manifest, verify)
        checks += _definitions(files, manifest)
        return Verified(manifest, tuple(checks))
    except _RefusedError as refused:
        return refused.broken


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [info.filename for info in archive.infolist()]
            if len(names) != len(set(names)):
                raise _RefusedError("bundle", "it has two files of the same name")
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise _RefusedError("bundle", f"it unpacks to more than {MAX_BYTES} bytes")
            return {name: archive.read(name) for name in names}
    except _UNREADABLE as error:
        raise _RefusedError("bundle", f"it is not a readable zip: {error}") from error


def _signed_manifest(files: Mapping[str, bytes], verifier_of: Callable[[bytes], Verifier], trusted: str | None) -> e.Manifest:
    for name in (e.MANIFEST, e.SIGNATURE, e.KEY):
        if name not in files:
            raise _RefusedError(name, "it is missing")
    key = e.fingerprint(files[e.KEY])
    if trusted is not None and key != trusted:
        raise _RefusedError(e.KEY, f"its fingerprint is {key}, the trusted one is {trusted}")
    try:
        verify = verifier_of(files[e.KEY])
        signature = base64.b64decode(files[e.SIGNATURE], validate=True)
    except ValueError as error:
        raise _RefusedError(e.SIGNATURE, f"key or signature cannot be read: {error}") from error
    if not verify(files[e.MANIFEST], signature):
        raise _RefusedError(e.MANIFEST, "its signature is not one of the key: it was changed after it was signed")
    manifest = _parsed(e.Manifest, files[e.MANIFEST], e.MANIFEST)
    if manifest.format != e.FORMAT:
        problem = f"it has format {manifest.format}, this program reads format {e.FORMAT}; verify it with the one that made it"
        raise _RefusedError(e.MANIFEST, problem)
    if canonical_json(manifest).encode() != files[e.MANIFEST]:
        raise _RefusedError(e.MANIFEST, "it is not in canonical form")
    if manifest.key_fingerprint != key:
        raise _RefusedError(e.KEY, "it is not the key the manifest names")
    return manifest


def _hashes(files: Mapping[str, bytes], manifest: e.Manifest) -> list[str]:
    for name, digest in sorted(manifest.files.items()):
        if name not in files:
            raise _RefusedError(name, "it is missing")
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise _RefusedError(name, "it was changed after the manifest was signed")
    extra = sorted(set(files) - set(manifest.files) - {e.MANIFEST, e.SIGNATURE})
    if extra:
        raise _RefusedError(extra[0], "it is not in the manifest")
    missing = sorted({e.DEFINITIONS, e.EVENTS, e.EARLIER, e.CHECKPOINT, *(f"records/{name}.jsonl" for name in e.RECORDS)} - set(files))
    if missing:
        raise _RefusedError(missing[0], "a bundle must have it")
    return [f"{len(manifest.files)} files are as signed"]


def _audit(files: Mapping[str, bytes], manifest: e.Manifest, verify: Verifier) -> list[str]:
    sealed = _parsed(e.Sealed, files[e.CHECKPOINT], e.CHECKPOINT)
    checkpoint = sealed.signed.checkpoint
    problem = checkpoint_problem(sealed.signed, verify)
    if problem is not None:
        raise _RefusedError(e.CHECKPOINT, problem)
    if checkpoint.tenant_id != manifest.tenant_id:
        raise _RefusedError(e.CHECKPOINT, f"it is of tenant '{checkpoint.tenant_id}', the bundle of '{manifest.tenant_id}'")
    events = [event for _, event in _rows(AuditEvent, files, e.EVENTS)]
    broken = first_break(events, tenant_id=manifest.tenant_id, seq=events[0].seq if events else 1)
    if broken is not None:
        raise _RefusedError(f"{e.EVENTS} {broken.where}", broken.problem)
    last = events[-1] if events else None
    if (last.seq if last else None) != sealed.last_seq:
        shown = last.seq if last else "none"
        raise _RefusedError(e.EVENTS, f"the last event is {shown}, the proof is of {sealed.last_seq}: events are missing")
    if last is not None and not merkle.includes(last.hash, last.seq - 1, checkpoint.size, sealed.last_proof, checkpoint.root):
        raise _RefusedError(f"{e.EVENTS} event {last.seq}", "it is not under the root of the signed checkpoint")
    inside = _whole(events, manifest, checkpoint)
    earlier = 0
    for line, proven in _rows(e.Proven, files, e.EARLIER):
        event, where = proven.event, f"{e.EARLIER} line {line} (event {proven.event.seq})"
        if event.tenant_id != manifest.tenant_id or event.computed_hash != event.hash:
            raise _RefusedError(where, "it was changed after it was written, or is of another tenant")
        if not merkle.includes(event.hash, event.seq - 1, checkpoint.size, proven.proof, checkpoint.root):
            raise _RefusedError(where, "it is not under the root of the signed checkpoint")
        earlier += 1
    return [
        f"the checkpoint of {checkpoint.at} covers {checkpoint.size} events and is signed",
        f"{inside} events of the period are one chain under its root; earlier events of the KPI under it: {earlier}",
    ]


def _whole(events: list[AuditEvent], manifest: e.Manifest, checkpoint: Checkpoint) -> int:
    """How many events are of the period, when none can have been left out at its edges: the neighbours are there."""
    if not events:
        raise _RefusedError(e.EVENTS, "it is empty; the events around the period must be there")
    first, last = events[0], events[-1]
    if first.seq != 1 and first.at >= manifest.period_start:
        raise _RefusedError(f"{e.EVENTS} event {first.seq}", "it is of the period, and the event before it is not there")
    if last.seq != checkpoint.size and last.at < manifest.period_end:
        raise _RefusedError(f"{e.EVENTS} event {last.seq}", "it is before the end of the period, and the event after it is not there")
    if last.at < manifest.period_end and checkpoint.at < manifest.period_end:
        raise _RefusedError(e.CHECKPOINT, f"it is of {checkpoint.at}, before the end of the period: later events may be missing")
    return sum(manifest.period_start <= event.at < manifest.period_end for event in events)


def _definitions(files: Mapping[str, bytes], manifest: e.Manifest) -> list[str]:
    """Every run names a definition that is in the bundle."""
    known: dict[str, str] = {}
    for line, kpi in _rows(Kpi, files, e.DEFINITIONS):
        if kpi.id != manifest.kpi_id:
            raise _RefusedError(f"{e.DEFINITIONS} line {line}", f"it is {kpi.id}, the bundle is about {manifest.kpi_id}")
        known[kpi.contract_version] = definition_hash(kpi)
    runs = 0
    for line, row in _rows(_RunRow, files, "records/runs.jsonl"):
        where = f"records/runs.jsonl line {line}"
        if row.kpi_id != manifest.kpi_id or row.tenant_id != manifest.tenant_id:
            raise _RefusedError(where, f"it is a run of {row.kpi_id} of {row.tenant_id}")
        if row.contract_version not in known:
            raise _RefusedError(where, f"run {row.run_id} used version {row.contract_version}, which is not in {e.DEFINITIONS}")
        if row.definition_hash not in (None, known[row.contract_version]):
            raise _RefusedError(where, f"run {row.run_id} used another definition than the {row.contract_version} in {e.DEFINITIONS}")
        runs += 1
    return [f"{len(known)} definitions, {runs} run entries, each of a definition in the bundle"]


class _RunRow(Frozen):
    model_config = Frozen.model_config | {"extra": "ignore"}  # the log's other columns are not checked here

    run_id: int
    tenant_id: str
    kpi_id: str
    contract_version: str
    definition_hash: str | None = None


def _rows(model: type[Model], files: Mapping[str, bytes], name: str) -> Iterator[tuple[int, Model]]:
    for number, line in enumerate(files[name].splitlines(), start=1):
        yield number, _parsed(model, line, f"{name} line {number}")


def _parsed(model: type[Model], content: bytes, where: str) -> Model:
    try:
        # pydantic's own reader keeps integers of any size, which a JSON library with 64 bits makes floats of.
        return model.model_validate_json(content)
    except ValidationError as error:
        raise _RefusedError(where, f"it cannot be read: {_said(error)}") from error


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))

"""An evidence bundle: all that explains a KPI's numbers of a period, in one zip whose every byte is signed for (K27).

| file | what |
| --- | --- |
| `manifest.json`, `manifest.sig` | the SHA-256 of every other file, and the signature over the manifest |
| `key.pem` | the public key of the signatures; compare its fingerprint with the one the platform publishes |
| `definitions.jsonl` | every version of the KPI that ran in the period, as approved |
| `records/*.jsonl` | runs, sourcing, validations, deliveries, approvals, lineage, artifact hashes: one JSON object a line |
| `audit/events.jsonl` | the tenant's audit events of the period, without a gap, and the one before and the one after |
| `audit/earlier.jsonl` | earlier events of the KPI, each with its own proof |
| `audit/checkpoint.json` | the signed checkpoint, and the proof that the last event is under its root |
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import Field

from kpis.common import Frozen
from kpis.hashing import canonical_json
from kpis.schema import Kpi
from lambdas.domain.audit import merkle
from lambdas.domain.audit.checkpoint import SignedCheckpoint, Signer
from lambdas.domain.audit.event import HASH, AuditEvent

FORMAT = 1
MANIFEST, SIGNATURE, KEY = "manifest.json", "manifest.sig", "key.pem"
DEFINITIONS, EVENTS, EARLIER, CHECKPOINT = "definitions.jsonl", "audit/events.jsonl", "audit/earlier.jsonl", "audit/checkpoint.json"
RECORDS = ("runs", "sourcing", "pre_validation", "post_validation", "delivery", "approvals", "lineage", "artifacts")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Proven(Frozen):
    """An event and the proof that it is under the checkpoint's root."""

    event: AuditEvent
    proof: tuple[str, ...]


class Sealed(Frozen):
    """The checkpoint, and the proof that the last event of the period is under its root."""

    signed: SignedCheckpoint
    last_seq: int | None = None
    last_proof: tuple[str, ...] = ()


class Manifest(Frozen):
    """What the bundle is about, and the SHA-256 of every file."""

    format: int = FORMAT
    tenant_id: str
    kpi_id: str
    environment: str
    period_start: str
    period_end: str
    made_at: str
    key_fingerprint: str = Field(pattern=HASH)
    files: dict[str, str]


@dataclass(frozen=True)
class Subject:
    """Which KPI of whom, and the half-open period of the evidence."""

    tenant_id: str
    environment: str
    kpi_id: str
    period_start: str
    period_end: str


@dataclass(frozen=True)
class Evidence:
    """What goes into a bundle. `events` are all of the tenant from 1 to the checkpoint's size, of which the period's part is exported."""

    subject: Subject
    definitions: Sequence[Kpi]
    events: Sequence[AuditEvent]
    checkpoint: SignedCheckpoint
    public_key: bytes
    records: Mapping[str, Iterable[Mapping[str, Any]]] = field(default_factory=dict[str, Iterable[Mapping[str, Any]]])


def fingerprint(public_key: bytes) -> str:
    """SHA-256 of a public key file, in hex."""
    return hashlib.sha256(public_key).hexdigest()


def make_bundle(evidence: Evidence, *, made_at: str, sign: Signer) -> bytes:
    """The zip; equal evidence and moment give equal content but for the signature.

    Raises:
        ValueError: when a record is of a kind that bundles do not have, or the checkpoint does not cover the events.
    """
    files = _files(evidence)
    subject = evidence.subject
    manifest = Manifest(
        tenant_id=subject.tenant_id,
        kpi_id=subject.kpi_id,
        environment=subject.environment,
        period_start=subject.period_start,
        period_end=subject.period_end,
        made_at=made_at,
        key_fingerprint=fingerprint(evidence.public_key),
        files={name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    )
    text = canonical_json(manifest).encode()
    return _zipped({MANIFEST: text, SIGNATURE: base64.b64encode(sign(text)), **files})


def _files(evidence: Evidence) -> dict[str, bytes]:
    unknown = sorted(set(evidence.records) - set(RECORDS))
    if unknown:
        raise ValueError(f"records {', '.join(unknown)}: a bundle has {', '.join(RECORDS)}")
    checkpoint = evidence.checkpoint.checkpoint
    if len(evidence.events) < checkpoint.size:
        raise ValueError(f"{len(evidence.events)} events, but the checkpoint covers {checkpoint.size}; read the whole chain")
    covered = evidence.events[: checkpoint.size]
    hashes = [event.hash for event in covered]
    subject = evidence.subject
    period = _period(covered, subject)
    earlier = [event for event in covered[: period[0].seq - 1] if event.concerns(subject.kpi_id)] if period else []
    proofs = merkle.inclusion_proofs(hashes, [event.seq - 1 for event in earlier])
    proven = [Proven(event=event, proof=proof) for event, proof in zip(earlier, proofs, strict=True)]
    last = period[-1].seq if period else None
    sealed = Sealed(
        signed=evidence.checkpoint, last_seq=last, last_proof=merkle.inclusion_proof(hashes, last - 1) if last is not None else ()
    )
    files = {
        KEY: evidence.public_key,
        DEFINITIONS: _lines(canonical_json(definition) for definition in evidence.definitions),
        EVENTS: _lines(canonical_json(event) for event in period),
        EARLIER: _lines(canonical_json(each) for each in proven),
        CHECKPOINT: canonical_json(sealed).encode(),
    }
    for name in RECORDS:
        rows = evidence.records.get(name, ())
        files[f"records/{name}.jsonl"] = _lines(orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS).decode() for row in rows)
    return files


def _period(events: Sequence[AuditEvent], subject: Subject) -> list[AuditEvent]:
    """The events of the period without a gap, with the nearest from before and after it, which show that none was left out at its edges.

    A call that takes longer than another one is written after it with the earlier moment, so a neighbour in the chain may be of the other
    side of the period; then the next one is taken along.
    """
    inside = [event.seq for event in events if subject.period_start <= event.at < subject.period_end]
    if inside:
        first, last = max(0, inside[0] - 2), min(len(events) - 1, inside[-1])
        while first > 0 and events[first].at >= subject.period_start:
            first -= 1
        while last < len(events) - 1 and events[last].at < subject.period_end:
            last += 1
        return list(events[first : last + 1])
    after = next((event.seq for event in events if event.at >= subject.period_end), len(events) + 1)
    return list(events[max(0, after - 2) : after])


def _lines(texts: Iterable[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()

"""All that is kept about a tenant in an environment, as files that prove themselves: what is written before a tenancy ends.

| file | content |
| --- | --- |
| `manifest.json`, `manifest.sig`, `key.pem` | hash and number of rows of every other file, its signature, and the key that checks it |
| `settings.json` | the settings as they applied, what of them was deployed and what decided, the connections without what opens them |
| `definitions.jsonl` | every version of every KPI |
| `catalog.jsonl` | every other row: what runs, requests, pauses, canaries, routes, subscriptions, archives |
| `audit.jsonl` | the tenant's whole audit chain, which cannot be cut by environment |
| `audit-earlier.jsonl` | rows of the audit table from before there was a chain |
| `logs/*.jsonl` | the five log tables |
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import orjson
from pydantic import Field, ValidationError

from kpis.common import Environment, Frozen
from kpis.hashing import canonical_json, definition_hash
from kpis.schema import Kpi
from lambdas.domain.audit.chain import Broken, first_break
from lambdas.domain.audit.checkpoint import Signer, Verifier
from lambdas.domain.audit.event import AuditEvent, genesis
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.model import LogTable

MANIFEST, SIGNATURE, KEY = "manifest.json", "manifest.sig", "key.pem"
SETTINGS, DEFINITIONS, CATALOG = "settings.json", "definitions.jsonl", "catalog.jsonl"
AUDIT, EARLIER = "audit.jsonl", "audit-earlier.jsonl"
REVOCATION = "revocation.json"
"""What was done with the tenant after the export; it is not part of it."""
EPHEMERAL = ("limit#", "idem#")
"""Rows about calls of the last minutes or hours."""


def log_file(table: LogTable) -> str:
    """Where the rows of a log table are."""
    return f"logs/{table.value}.jsonl"


EXPECTED = frozenset({SETTINGS, DEFINITIONS, CATALOG, AUDIT, EARLIER, *map(log_file, LogTable)})


class Entry(Frozen):
    """One file: SHA-256 of its bytes, and its rows (1 for `settings.json`)."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rows: int = Field(ge=0)


class ExportManifest(Frozen):
    """What was exported, and the last event of the chain at that moment (`seq` 0 when there was none)."""

    format: Literal["kpi-tenant-export/1"] = "kpi-tenant-export/1"
    tenant_id: str
    environment: Environment
    made_at: str
    chain_seq: int = Field(ge=0)
    chain_hash: str
    key_fingerprint: str
    files: dict[str, Entry]


class Files(Protocol):
    """The files of an export."""

    def names(self) -> frozenset[str]:
        """All of them, by path from the top."""
        ...

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file in pieces, lines whole.

        Raises:
            FileNotFoundError: when it is not there.
        """
        ...


def row_line(row: Mapping[str, Any]) -> bytes:
    """A row as a line."""
    return orjson.dumps(dict(row), option=orjson.OPT_SORT_KEYS) + b"\n"


def event_line(event: AuditEvent) -> bytes:
    """An event as a line, whose hash can be computed again."""
    return canonical_json(event).encode() + b"\n"


def entry_of(lines: Iterable[bytes]) -> Entry:
    """What a manifest says of a file, line by line."""
    digest, rows = hashlib.sha256(), 0
    for line in lines:
        digest.update(line)
        rows += 1
    return Entry(sha256=digest.hexdigest(), rows=rows)


def signed(manifest: ExportManifest, sign: Signer, public_key: bytes) -> dict[str, bytes]:
    """The files that make an export prove itself."""
    text = canonical_json(manifest).encode()
    return {MANIFEST: text, SIGNATURE: base64.b64encode(sign(text)), KEY: public_key}


@dataclass(frozen=True)
class Checked:
    """A sound export. `digest` is the SHA-256 of its manifest."""

    manifest: ExportManifest
    digest: str


def verify_export(files: Files, verifier_of: Callable[[bytes], Verifier], trusted: str) -> Checked | Broken:
    """Read an export back and name the first thing that does not hold.

    Args:
        files: the export.
        verifier_of: from a public key file to what checks its signatures.
        trusted: the fingerprint the key must have.
    """
    present = files.names()
    missing = sorted({MANIFEST, SIGNATURE, KEY} - present)
    if missing:
        return Broken(missing[0], "it is missing")
    text = _all(files, MANIFEST)
    key = _all(files, KEY)
    if fingerprint(key) != trusted:
        return Broken(KEY, f"its fingerprint is {fingerprint(key)}, the platform's key has {trusted}")
    try:
        holds = verifier_of(key)(text, base64.b64decode(_all(files, SIGNATURE), validate=True))
        manifest = ExportManifest.model_validate_json(text)
    except ValueError as error:
        return Broken(MANIFEST, f"it cannot be read: {str(error).splitlines()[0]}")
    if not holds:
        return Broken(MANIFEST, "its signature is not one of the key: it was changed after it was signed")
    broken = _names(present, manifest) or _contents(files, manifest) or _chain(files, manifest)
    return broken or Checked(manifest, hashlib.sha256(text).hexdigest())


def _all(files: Files, name: str) -> bytes:
    return b"".join(files.chunks(name))


def _names(present: frozenset[str], manifest: ExportManifest) -> Broken | None:
    listed = frozenset(manifest.files)
    for name in sorted(EXPECTED - listed):
        return Broken(MANIFEST, f"it does not list {name}, which every export has")
    for name in sorted(listed - present):
        return Broken(name, "it is missing")
    for name in sorted(present - listed - {MANIFEST, SIGNATURE, KEY, REVOCATION}):
        return Broken(name, "it is not in the manifest")
    return None


def _contents(files: Files, manifest: ExportManifest) -> Broken | None:
    for name, entry in sorted(manifest.files.items()):
        digest, rows = hashlib.sha256(), 0
        for line in files.chunks(name):
            digest.update(line)
            rows += 1
            problem = _row_problem(name, line, manifest)
            if problem is not None:
                return Broken(f"{name}, row {rows}", problem)
        if (digest.hexdigest(), rows) != (entry.sha256, entry.rows):
            return Broken(name, f"it was changed after the manifest was signed ({rows} rows, expected {entry.rows})")
    return None


def _row_problem(name: str, line: bytes, manifest: ExportManifest) -> str | None:
    """What is wrong with a row as such: unreadable, or of somebody else."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "it is not JSON"
    if not isinstance(row, dict):
        return "it is not an object"
    row = cast("dict[str, Any]", row)
    owner = row.get("tenant_id" if name.endswith(AUDIT) or name.startswith("logs/") else "pk", manifest.tenant_id)
    place = row.get("environment", manifest.environment) if name.startswith("logs/") else manifest.environment
    if (owner, place) != (manifest.tenant_id, manifest.environment):
        return f"it is of {owner} in {place}"
    return _definition_problem(row) if name == DEFINITIONS else None


def _definition_problem(row: Mapping[str, Any]) -> str | None:
    try:
        kpi = Kpi.model_validate_json(str(row.get("definition")))
    except ValidationError as error:
        return f"its definition cannot be read: {str(error).splitlines()[0]}"
    return None if definition_hash(kpi) == row.get("definition_hash") else "its definition is not the one its hash names"


def _chain(files: Files, manifest: ExportManifest) -> Broken | None:
    last: tuple[int, str] = (0, genesis(manifest.tenant_id))

    def events() -> Iterator[AuditEvent]:
        nonlocal last
        for line in files.chunks(AUDIT):
            event = AuditEvent.model_validate_json(line)
            last = event.seq, event.hash
            yield event

    try:
        broken = first_break(events(), tenant_id=manifest.tenant_id)
    except ValidationError as error:
        return Broken(AUDIT, f"event {last[0] + 1} cannot be read: {str(error).splitlines()[0]}")
    if broken is None and last != (manifest.chain_seq, manifest.chain_hash):
        return Broken(AUDIT, f"it ends with event {last[0]}, the manifest says {manifest.chain_seq}")
    return broken

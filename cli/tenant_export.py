"""Writes all that is kept about a tenant into a folder, and reads it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from cli import stack as stacks
from cli.audit_export import LocalClients
from cli.errors import KpiError
from kpis.common import Environment
from lambdas.adapters.audit_chain import AuditChains
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.items import from_item
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.chain import Broken
from lambdas.domain.audit.checkpoint import Verifier
from lambdas.domain.audit.event import genesis
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.model import LogTable
from lambdas.domain.tenants import export as e
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.directory import TenantDirectory
from lambdas.domain.timestamps import iso
from local.settings import LocalSettings


class Folder:
    """The files of an export below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> frozenset[str]:
        """See `Files.names`."""
        return frozenset(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def chunks(self, name: str) -> Iterator[bytes]:
        """See `Files.chunks`."""
        with (self.root / name).open("rb") as opened:
            yield from opened


@dataclass(frozen=True)
class Tenancy:
    """A tenant in an environment of the embedded system, with everything that is read about it."""

    settings: LocalSettings
    tenant_id: str
    environment: Environment

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return f"{self.tenant_id}.{self.environment}"

    @cached_property
    def clients(self) -> LocalClients:
        """Clients of embedded AWS."""
        return LocalClients(self.settings)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """What the platform says of itself."""
        return stacks.outputs(self.settings, stacks.PLATFORM_STACK)

    @cached_property
    def tables(self) -> dict[str, str]:
        """Names of the tables."""
        found: dict[str, str] = self.outputs["tables"]
        return found

    @cached_property
    def store(self) -> DynamoControlStore:
        """Rows and chain."""
        return DynamoControlStore(self.clients, self.tables["catalog"], self.tables["audit"])

    @cached_property
    def directory(self) -> TenantDirectory:
        """Settings, always as they are now."""
        return TenantDirectory(self.store, lambda: 0.0)

    @cached_property
    def key(self) -> KmsKey:
        """The platform's signing key."""
        arn = self.outputs.get("signingKeyArn")
        if not arn:
            raise KpiError(stacks.PLATFORM_STACK, "it has no signing key (output signingKeyArn)", next="run `make up`")
        return KmsKey(self.clients, str(arn))

    def rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Catalog rows by prefix."""
        return DynamoCatalog(self.clients, self.tables["catalog"]).rows(self.tenant_id, prefix, consistent=True)

    def of_table(self, table: str) -> Iterator[dict[str, Any]]:
        """All rows of the tenant in a table."""
        arguments: dict[str, Any] = {
            "TableName": self.tables[table],
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": self.tenant_id}},
        }
        while True:
            answer = self.clients("dynamodb").query(**arguments)
            yield from map(from_item, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def log_rows(self, table: LogTable) -> Iterator[dict[str, Any]]:
        """Rows of a log table of this environment."""
        return (row for row in self.of_table(table.value) if row.get("environment") == self.environment)


def export(tenancy: Tenancy, out: Path, now: datetime) -> None:
    """Write an export into a folder that does not exist yet.

    Raises:
        KpiError: of the domain: TamperedError when the audit chain does not hold, or when KMS does not sign.
    """
    (out / "logs").mkdir(parents=True)
    events = AuditChains(tenancy.clients, tenancy.tables["catalog"], tenancy.tables["audit"]).read(tenancy.tenant_id)
    sources: dict[str, Iterator[bytes]] = {
        e.SETTINGS: iter([_settings(tenancy)]),
        e.DEFINITIONS: map(e.row_line, _definitions(tenancy)),
        e.CATALOG: map(e.row_line, _catalog(tenancy)),
        e.AUDIT: map(e.event_line, events),
        e.EARLIER: map(e.row_line, (row for row in tenancy.of_table("audit") if not str(row["sk"]).startswith(("event#", "id#")))),
        **{e.log_file(table): map(e.row_line, tenancy.log_rows(table)) for table in LogTable},
    }
    manifest = e.ExportManifest(
        tenant_id=tenancy.tenant_id,
        environment=tenancy.environment,
        made_at=iso(now),
        chain_seq=events[-1].seq if events else 0,
        chain_hash=events[-1].hash if events else genesis(tenancy.tenant_id),
        key_fingerprint=fingerprint(tenancy.key.public_key()),
        files={name: e.entry_of(_written(out / name, lines)) for name, lines in sources.items()},
    )
    for name, content in e.signed(manifest, tenancy.key.sign, tenancy.key.public_key()).items():
        (out / name).write_bytes(content)


def check(tenancy: Tenancy, out: Path, verifier_of: Callable[[bytes], Verifier]) -> e.Checked | Broken:
    """Read an export back, and see that it is of this tenant and that nothing happened since."""
    found = e.verify_export(Folder(out), verifier_of, fingerprint(tenancy.key.public_key()))
    if isinstance(found, Broken):
        return found
    manifest = found.manifest
    if (manifest.tenant_id, manifest.environment) != (tenancy.tenant_id, tenancy.environment):
        return Broken(e.MANIFEST, f"it is of {manifest.tenant_id} in {manifest.environment}")
    return found


def since(tenancy: Tenancy, manifest: e.ExportManifest) -> str | None:
    """What happened after the export, in words; None when nothing did but its own revocation."""
    head = tenancy.store.row(tenancy.tenant_id, "audit#head")
    seq = int(head.values["seq"]) if head else 0
    if seq != manifest.chain_seq:
        chain = AuditChains(tenancy.clients, tenancy.tables["catalog"], tenancy.tables["audit"]).read(tenancy.tenant_id)
        later = [event.action for event in chain[manifest.chain_seq :] if event.action not in ("tenant.revoke", "tenant.offboard")]
        if later:
            return f"{len(later)} events, the first of them {later[0]}"
    for table in LogTable:
        count, known = sum(1 for _ in tenancy.log_rows(table)), manifest.files[e.log_file(table)].rows
        if count != known:
            return f"{table.value} has {count} rows, the export {known}"
    return None


def _settings(tenancy: Tenancy) -> bytes:
    deployed = tenancy.directory.deployed(tenancy.tenant_id, tenancy.environment)
    decided, _ = tenancy.directory.overrides(tenancy.tenant_id, tenancy.environment)
    effective = tenancy.directory.settings(tenancy.tenant_id, tenancy.environment) if deployed else None
    document = {
        "effective": effective.model_dump(mode="json") if effective else None,
        "deployed": deployed.model_dump(mode="json") if deployed else None,
        "decided": decided.model_dump(mode="json", exclude_unset=True),
        "connections": [json.loads(row["connection"]) for row in tenancy.rows(keys.connections(tenancy.environment))],
    }
    return json.dumps(document, sort_keys=True).encode() + b"\n"


def _definitions(tenancy: Tenancy) -> Iterator[dict[str, Any]]:
    return tenancy.rows(f"{tenancy.environment}#kpi#")


def _catalog(tenancy: Tenancy) -> Iterator[dict[str, Any]]:
    """Rows of the environment, and requests, whose keys do not say of which environment they are."""
    for row in tenancy.rows(f"{tenancy.environment}#"):
        if not str(row["sk"]).startswith(f"{tenancy.environment}#kpi#"):
            yield row
    for row in tenancy.rows("request#"):
        if row.get("environment") == tenancy.environment:
            yield row


def _written(path: Path, lines: Iterator[bytes]) -> Iterator[bytes]:
    """Write lines as they pass."""
    with path.open("wb") as opened:
        for line in lines:
            opened.write(line)
            yield line

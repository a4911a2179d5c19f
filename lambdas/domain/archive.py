"""What becomes of changes in the log tables: inserts are archived, anything else that TTL did not cause is tampering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.metric_names import Metric
from lambdas.domain.ports import Bus, Metrics

_INTERNAL = frozenset({"pk", "sk", "gsi_pk", "gsi_sk", "expires_at"})
TTL_PRINCIPAL = "dynamodb.amazonaws.com"


@dataclass(frozen=True)
class Change:
    """One change of a table. `kind` is INSERT, MODIFY or REMOVE; `image` the new row, or the old one of a removal."""

    sequence: str
    table: str
    kind: str
    keys: Mapping[str, Any]
    image: Mapping[str, Any]
    principal: str | None = None


class Archive(Protocol):
    """Takes rows for the lake; answers the positions it did not take."""

    def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]: ...


class Alert(Protocol):
    """Tells people."""

    def send(self, subject: str, document: Mapping[str, Any]) -> None: ...


def lake_row(image: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the lake has it: the columns, and the day it belongs to."""
    moment = str(image.get("started_at") or image.get("recorded_at") or "")
    return {name: value for name, value in image.items() if name not in _INTERNAL} | {"day": moment[:10]}


def tampered(change: Change, *, expires: bool) -> bool:
    """Whether a change of an append-only table is one that nobody may make; `expires`: its rows go when their time is over."""
    return change.kind != "INSERT" and not (expires and change.kind == "REMOVE" and change.principal == TTL_PRINCIPAL)


@dataclass
class LogStream:
    """Handles batches of changes. `archived` are the tables that have a stream into the lake."""

    archive: Archive
    bus: Bus
    alert: Alert
    metrics: Metrics
    archived: Callable[[str], bool]

    def handle(self, changes: Sequence[Change]) -> list[str]:
        """Archive inserts and report tampering; answers the sequence numbers to be delivered again."""
        failed: list[str] = []
        by_table: dict[str, list[Change]] = {}
        for change in changes:
            # What is archived may go one day; the rows of the audit table, which is its own archive, stay.
            if tampered(change, expires=self.archived(change.table)):
                self._report(change)
            elif change.kind == "INSERT" and self.archived(change.table):
                by_table.setdefault(change.table, []).append(change)
        for table, inserted in by_table.items():
            refused = self.archive.put(table, [lake_row(change.image) for change in inserted])
            failed += [inserted[position].sequence for position in refused]
        return failed

    def _report(self, change: Change) -> None:
        tenant_id = str(change.keys.get("pk") or "unknown")
        environment = str(change.image.get("environment") or "unknown")
        detail = {
            "tenant_id": tenant_id,
            "environment": environment,
            "table": change.table,
            "key": dict(change.keys),
            "change": change.kind,
            "principal": change.principal,
            "sequence": change.sequence,
            "severity": "critical",
        }
        self.bus.publish([("kpi.log.tampered", detail)])
        self.alert.send(f"Log row changed: {change.table}"[:100], detail)
        self.metrics.emit(tenant_id, environment, {Metric.LOG_TAMPER_EVENTS: 1.0}, {"table": change.table, "change": change.kind})

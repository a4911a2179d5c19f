"""The five log tables on DynamoDB. Every write is a PartiQL INSERT: a duplicate key raises instead of overwriting (K2, ADR 3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.aws import Clients
from lambdas.adapters.items import from_item, projection, to_attribute, to_item
from lambdas.domain.errors import DuplicateEntryError, ErrorCode, KpiError
from lambdas.domain.fold import OPEN
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import LogEntry, LogTable

BATCH = 25
INDEX = "by_kpi"
END = "~"
"""Sorts after every key."""
PAGE = 500
MAX_PAGES = 10
"""Pages of `PAGE` rows that a search for a version's runs reads: other versions and environments lie between."""
# Thirty whole rows, read at every Close, cost it more than all of its writes.
_DECIDING = ("entry", "run_id", "environment", "status", "started_at", "finished_at", "rows_processed", "canary")


class DynamoRunLogs:
    """Inserts and reads log rows."""

    def __init__(self, clients: Clients, tables: Mapping[LogTable, str]) -> None:
        self._clients = clients
        self._tables = tables

    def insert(self, entries: Sequence[LogEntry]) -> None:
        """Insert rows, up to 25 a call.

        Raises:
            DuplicateEntryError: when a row with the same key exists; it stays as it is.
            KpiError: INTERNAL when DynamoDB refuses a row for another reason.
        """
        for start in range(0, len(entries), BATCH):
            chunk = entries[start : start + BATCH]
            answer = self._clients("dynamodb").batch_execute_statement(Statements=[self._statement(entry) for entry in chunk])
            for entry, response in zip(chunk, answer["Responses"], strict=True):
                self._raise(entry, response.get("Error"))

    def _statement(self, entry: LogEntry) -> dict[str, Any]:
        keys = {"pk": entry.tenant_id, "sk": entry.sort_key}
        attributes = keys | {name: value for name, value in entry.attributes.items() if value is not None}
        names = ", ".join(f"'{name}': ?" for name in attributes)
        return {
            "Statement": f'INSERT INTO "{self._tables[entry.table]}" VALUE {{{names}}}',
            "Parameters": [to_attribute(value) for value in attributes.values()],
        }

    def _raise(self, entry: LogEntry, error: Mapping[str, Any] | None) -> None:
        if error is None:
            return
        if error.get("Code") == "DuplicateItem":
            raise DuplicateEntryError(entry.table.value, entry.sort_key)
        raise KpiError(ErrorCode.INTERNAL, f"{entry.table.value} refused {entry.sort_key}: {error.get('Code')} {error.get('Message', '')}")

    def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> list[dict[str, Any]]:
        """Close rows of a KPI, newest first, with what decisions are made on. `limit` counts runs, of which each has two rows.

        Those of canaries are passed over: what a candidate did says nothing of what the KPI delivers.
        """
        values = {":pk": f"{tenant_id}#{kpi_id}"}
        rows, _ = self._newest("gsi_pk = :pk", values, 2 * limit, IndexName=INDEX, **projection(_DECIDING))
        return [row for row in rows if row["entry"] == "close" and "canary" not in row]

    def of_versions(
        self, tenant_id: str, kpi_id: str, *, environment: str, versions: Sequence[str], since: str = "0", runs: int, in_flight: bool
    ) -> Iterator[dict[str, Any]]:
        """Rows of at most `runs` runs of some versions that started at `since` (ISO 8601) or later, newest first.

        `in_flight` asks for open rows too; without them a run that has not ended is not there. What lies further back than
        `MAX_PAGES` pages is not found.
        """
        left_out = "" if in_flight else OPEN
        wanted = {f":v{position}": version for position, version in enumerate(versions)}
        arguments: dict[str, Any] = {
            "TableName": self._tables[LogTable.RUN],
            "IndexName": INDEX,
            "KeyConditionExpression": "gsi_pk = :pk AND gsi_sk >= :since",
            "FilterExpression": f"#environment = :environment AND #entry <> :left_out AND contract_version IN ({', '.join(wanted)})",
            "ExpressionAttributeNames": {"#environment": "environment", "#entry": "entry"},
            "ExpressionAttributeValues": to_item(
                {":pk": f"{tenant_id}#{kpi_id}", ":since": since, ":environment": environment, ":left_out": left_out} | wanted
            ),
            "ScanIndexForward": False,
            "Limit": PAGE,
        }
        seen: set[Any] = set()
        for page in islice(queries.pages(self._clients, arguments), MAX_PAGES):
            for row in map(from_item, page):
                seen.add(row["run_id"])
                if len(seen) > runs:
                    return
                yield row

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = END) -> tuple[list[dict[str, Any]], bool]:
        """Rows of `log-run` of a KPI with index keys in [since, before), newest first, and whether there are more."""
        values = {":pk": f"{tenant_id}#{kpi_id}", ":low": since, ":high": before}
        return self._newest("gsi_pk = :pk AND gsi_sk BETWEEN :low AND :high", values, rows, IndexName=INDEX)

    def by_tenant(self, tenant_id: str, *, rows: int, since: str = "0", before: str = END) -> tuple[list[dict[str, Any]], bool]:
        """Rows of `log-run` of a tenant with sort keys in [since, before), newest first, and whether there are more."""
        values = {":pk": tenant_id, ":low": since, ":high": before}
        return self._newest("pk = :pk AND sk BETWEEN :low AND :high", values, rows)

    def _newest(self, condition: str, values: Mapping[str, str], rows: int, **more: Any) -> tuple[list[dict[str, Any]], bool]:
        answer = self._clients("dynamodb").query(
            TableName=self._tables[LogTable.RUN],
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_item(values),
            ScanIndexForward=False,
            Limit=rows,
            **more,
        )
        return [from_item(item) for item in answer["Items"]], "LastEvaluatedKey" in answer

    def of_run(self, tenant_id: str, run_id: int, table: LogTable) -> list[dict[str, Any]]:
        """The rows of one run in one table."""
        answer = self._clients("dynamodb").query(**queries.of_prefix(self._tables[table], tenant_id, run_id_text(run_id)))
        return [from_item(item) for item in answer["Items"]]

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Delivery rows of runs, by run id."""
        keys = [{"pk": {"S": tenant_id}, "sk": {"S": run_id_text(run_id)}} for run_id in run_ids]
        return {int(row["run_id"]): row for row in queries.batch(self._clients, self._tables[LogTable.DELIVERY], keys)}

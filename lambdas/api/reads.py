"""What the control plane answers: catalog, runs with their evidence, results. Every query is keyed by the tenant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.conditions import Key

from kpis.common import version_key
from lambdas.api import cursor
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.fold import fold_run
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import TOTAL, LogTable

CATALOG_COLUMNS = ("kpi_id", "contract_version", "name", "pack", "layer", "owner", "status", "definition_hash")
CATALOG_FILTERS = ("pack", "layer", "owner", "status")
ENTRIES_A_RUN = 3
MAX_PAGES = 20
BATCH_GET = 100
HIDDEN = frozenset({"pk", "sk", "expires_at"})
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """One page of a list."""

    items: list[dict[str, Any]]
    position: str | None

    def as_json(self) -> dict[str, Any]:
        return {"items": self.items, "next_cursor": cursor.write(self.position)}


@dataclass(frozen=True)
class Reads:
    """The tables as DynamoDB table resources; `resource` serves batch reads."""

    catalog: Any
    logs: Mapping[LogTable, Any]
    resource: Any

    def kpis(self, tenant_id: str, environment: str, filters: Row, limit: int, after: str | None) -> Page:
        """Versions in the catalog of a tenant, in the order of their ids."""
        prefix = f"{environment}#kpi#"
        items: list[dict[str, Any]] = []
        position = after
        for _ in range(MAX_PAGES):
            low = f"{position}\0" if position else prefix
            answer = self.catalog.query(
                KeyConditionExpression=Key("pk").eq(tenant_id) & Key("sk").between(low, f"{prefix}\U0010ffff"), Limit=limit * 2
            )
            for row in answer["Items"]:
                if len(items) == limit:
                    return Page(items, position)
                position = str(row["sk"])
                if all(row.get(name) == value for name, value in filters.items()):
                    items.append({name: row[name] for name in CATALOG_COLUMNS})
            if "LastEvaluatedKey" not in answer:
                return Page(items, None)
        return Page(items, position)

    def kpi(self, tenant_id: str, environment: str, kpi_id: str) -> dict[str, Any]:
        """Every version of a KPI with its definition, newest first, and which one is active."""
        rows = self._query(self.catalog, tenant_id, f"{environment}#kpi#{kpi_id}#")
        if not rows:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id}")
        active: Row = self.catalog.get_item(Key={"pk": tenant_id, "sk": f"{environment}#active#{kpi_id}"}).get("Item") or {}
        rows.sort(key=lambda row: version_key(row["contract_version"]), reverse=True)
        versions = [{name: row[name] for name in CATALOG_COLUMNS} | {"definition": json.loads(row["definition"])} for row in rows]
        return {"kpi_id": kpi_id, "environment": environment, "active_version": active.get("contract_version"), "versions": versions}

    def runs(self, tenant_id: str, filters: Row, limit: int, after: str | None) -> Page:
        """Runs of a tenant, newest first, each with its delivery; `kpi_id` among the filters reads the KPI's index."""
        kpi_id = filters.get("kpi_id")
        wanted = {name: value for name, value in filters.items() if name not in ("kpi_id", "since")}
        found: list[dict[str, Any]] = []
        position, more = after, True
        for _ in range(MAX_PAGES):
            if not more or len(found) >= limit:
                break
            groups, more = self._run_groups(tenant_id, kpi_id, limit, position)
            for group in groups:
                if len(found) == limit:
                    more = True
                    break
                position = _position(group[0], by_kpi=kpi_id is not None)
                run = fold_run(group) or {}
                if str(run["started_at"]) < str(filters.get("since") or ""):
                    more = False
                    break
                if all(run.get(name) == value for name, value in wanted.items()):
                    found.append(run)
        deliveries = self._deliveries(tenant_id, found)
        return Page([self._with_delivery(run, deliveries) for run in found], position if more else None)

    def run(self, tenant_id: str, run_id: int) -> dict[str, Any]:
        """A run with everything the five tables hold about it."""
        key = run_id_text(run_id)
        entries = self._query(self.logs[LogTable.RUN], tenant_id, f"{key}#")
        run = fold_run(entries)
        if run is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no run {run_id}")
        evidence = {
            "sourcing": self._query(self.logs[LogTable.SOURCING], tenant_id, f"{key}#"),
            "pre_validation": self._query(self.logs[LogTable.PRE_VALIDATION], tenant_id, f"{key}#"),
            "post_validation": self._query(self.logs[LogTable.POST_VALIDATION], tenant_id, f"{key}#"),
            "delivery": self._query(self.logs[LogTable.DELIVERY], tenant_id, key),
            "entries": entries,
        }
        return {"run": run} | {name: [_shown(row) for row in rows] for name, rows in evidence.items()}

    def last_runs(self, tenant_id: str, environment: str, kpi_ids: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """The newest run of each KPI, with its delivery."""
        latest: dict[str, dict[str, Any] | None] = {}
        for kpi_id in kpi_ids:
            page = self.runs(tenant_id, {"kpi_id": kpi_id, "environment": environment}, 1, None)
            latest[kpi_id] = page.items[0] if page.items else None
        return latest

    def _run_groups(self, tenant_id: str, kpi_id: Any, limit: int, after: str | None) -> tuple[list[list[Row]], bool]:
        """Rows grouped by run, newest run first, and whether there are more. A run is never cut in two."""
        name, value, sort = ("gsi_pk", f"{tenant_id}#{kpi_id}", "gsi_sk") if kpi_id else ("pk", tenant_id, "sk")
        condition = Key(name).eq(value)
        if after:
            condition &= Key(sort).lt(after)
        arguments: dict[str, Any] = {"IndexName": "by_kpi"} if kpi_id else {}
        answer = self.logs[LogTable.RUN].query(
            KeyConditionExpression=condition, ScanIndexForward=False, Limit=(limit + 1) * ENTRIES_A_RUN, **arguments
        )
        groups: dict[int, list[Row]] = {}
        for row in answer["Items"]:
            groups.setdefault(int(row["run_id"]), []).append(row)
        more = "LastEvaluatedKey" in answer
        complete = list(groups.values())
        return (complete[:-1] if more and len(complete) > 1 else complete), more

    def _deliveries(self, tenant_id: str, runs: Sequence[Row]) -> dict[int, Row]:
        table = self.logs[LogTable.DELIVERY]
        found: dict[int, Row] = {}
        keys = [{"pk": tenant_id, "sk": run_id_text(int(run["run_id"]))} for run in runs]
        for start in range(0, len(keys), BATCH_GET):
            answer = self.resource.batch_get_item(RequestItems={table.name: {"Keys": keys[start : start + BATCH_GET]}})
            found |= {int(row["run_id"]): row for row in answer["Responses"].get(table.name, [])}
        return found

    @staticmethod
    def _with_delivery(run: dict[str, Any], deliveries: Mapping[int, Row]) -> dict[str, Any]:
        delivery = deliveries.get(int(run["run_id"]), {})
        sample = json.loads(delivery.get("output_sample") or "{}")
        values: list[dict[str, Any]] = sample.get("sample", [])
        total = next((each for each in values if each["entity"] == TOTAL), values[0] if values else {})
        shown = {name: delivery.get(name) for name in ("verdict", "time_grain", "time_range", "scd_view")}
        headline = {"value": total.get("value"), "entity": total.get("entity"), "unit": sample.get("unit")}
        return run | shown | headline | {"run_id": str(run["run_id"])}

    @staticmethod
    def _query(table: Any, tenant_id: str, prefix: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        arguments: dict[str, Any] = {"KeyConditionExpression": Key("pk").eq(tenant_id) & Key("sk").begins_with(prefix)}
        while True:
            answer = table.query(**arguments)
            rows += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return rows
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _position(row: Row, *, by_kpi: bool) -> str:
    run = run_id_text(int(row["run_id"]))
    return f"{row['started_at']}#{run}" if by_kpi else run


def _shown(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in HIDDEN and not name.startswith("gsi_")}

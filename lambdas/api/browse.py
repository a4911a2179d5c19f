"""The read side of the control plane: KPIs, runs and results of one tenant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

from kpis.common import version_key
from lambdas.api import cursors
from lambdas.api.queries import KpiQuery, ResultQuery, RunQuery
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import EVERYTHING
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.fold import fold_run, fold_runs, of_canary
from lambdas.domain.ids import first_run_id_at, run_id_text
from lambdas.domain.model import Active, LogTable, period_of_lineage
from lambdas.domain.ports import ResultReader
from lambdas.domain.timestamps import iso, parse

END = "~"
"""Sorts after every key."""
MAX_PAGES = 20
PARALLEL = 8
_LAST_RUN_ROWS = 12
_ROWS_PER_RUN = 2
_MIN_ROWS = 60
PAUSES = 200
"""Rows of pauses read at once."""
_SUMMARY = (
    "kpi_id", "name", "pack", "layer", "owner", "status", "contract_version", "definition_hash", "criticality", "unit", "grain",
    "environment", "updated_at",
)  # fmt: skip
_CHILD_TABLES = {
    "sourcing": LogTable.SOURCING,
    "pre_validation": LogTable.PRE_VALIDATION,
    "post_validation": LogTable.POST_VALIDATION,
    "delivery": LogTable.DELIVERY,
}
_HIDDEN = frozenset({"pk", "sk", "gsi_pk", "gsi_sk", "expires_at"})
Page = dict[str, Any]


class CatalogPages(Protocol):
    """The catalog rows of tenants."""

    def page(self, tenant_id: str, prefix: str, *, after: str | None, limit: int) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Rows in key order after a key, and the key to go on after."""
        ...

    def rows(self, tenant_id: str, prefix: str) -> Iterable[Mapping[str, Any]]:
        """Every row whose key starts with the prefix."""
        ...

    def active(self, tenant_id: str, environment: str, kpi_id: str) -> Active | None:
        """Which version runs."""
        ...


class LogPages(Protocol):
    """The log tables of tenants, newest first."""

    def by_kpi(
        self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = END
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Rows of `log-run` of a KPI with index keys from `since` to `before`, and whether there are more."""
        ...

    def by_tenant(self, tenant_id: str, *, rows: int, since: str = "0", before: str = END) -> tuple[Sequence[Mapping[str, Any]], bool]:
        """Rows of `log-run` with sort keys from `since` to `before`, and whether there are more."""
        ...

    def of_run(self, tenant_id: str, run_id: int, table: LogTable) -> Sequence[Mapping[str, Any]]:
        """The rows of one run in one table."""
        ...

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Delivery rows of runs, by run id."""
        ...


class Browser:
    """Answers reads. Every answer is about the tenant given, whatever the cursor says."""

    def __init__(self, catalog: CatalogPages, logs: LogPages, results: Callable[[], ResultReader]) -> None:
        self._catalog = catalog
        self._logs = logs
        self._results = results

    def kpis(self, tenant_id: str, query: KpiQuery) -> Page:
        """KPI versions of the catalog, by id and version."""
        items, position = self._kpi_page(tenant_id, query)
        if query.include == "last_run":
            items = self._with_last_runs(tenant_id, query.environment, items)
        return {"items": items, "next_cursor": cursors.encode(position)}

    def _kpi_page(self, tenant_id: str, query: KpiQuery) -> tuple[list[dict[str, Any]], str | None]:
        """Matching summaries and the key to go on after."""
        prefix, position = f"{query.environment}#kpi#", cursors.decode(query.cursor)
        if position is not None and not (position.startswith(prefix) and position <= f"{prefix}~"):
            raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one of /kpis in this environment; start again without it")
        items: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            rows, position = self._catalog.page(tenant_id, prefix, after=position, limit=query.limit)
            for row in rows:
                if _matches(row, query):
                    items.append({name: row.get(name) for name in _SUMMARY})
                if len(items) == query.limit:
                    last = position is None and row["sk"] == rows[-1]["sk"]
                    return items, None if last else str(row["sk"])
            if position is None:
                break
        return items, position

    def _with_last_runs(self, tenant_id: str, environment: str, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Summaries with `last_run`: the newest run of each KPI in the environment, None before the first."""
        with ThreadPoolExecutor(PARALLEL) as pool:
            found = list(pool.map(partial(self._last_run, tenant_id, environment), [str(item["kpi_id"]) for item in items]))
        runs = iter(self._with_deliveries(tenant_id, [run for run in found if run is not None]))
        return [item | {"last_run": next(runs) if run is not None else None} for item, run in zip(items, found, strict=True)]

    def _last_run(self, tenant_id: str, environment: str, kpi_id: str) -> dict[str, Any] | None:
        rows, _ = self._logs.by_kpi(tenant_id, kpi_id, rows=_LAST_RUN_ROWS)
        return next((run for run in fold_runs(rows) if run.get("environment") == environment and not of_canary(run)), None)

    def _with_deliveries(self, tenant_id: str, runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Runs as the API shows them, with what they delivered."""
        delivered = self._logs.deliveries(tenant_id, [int(run["run_id"]) for run in runs])
        return [_run_json(run, delivered.get(int(run["run_id"]))) for run in runs]

    def kpi(self, tenant_id: str, environment: str, kpi_id: str, version: str | None) -> Page:
        """One KPI: a version's definition (default: the active one) and which versions there are.

        Raises:
            KpiError: NOT_FOUND when the tenant has no such KPI or version.
        """
        versions = sorted(self._catalog.rows(tenant_id, f"{environment}#kpi#{kpi_id}#"), key=_number)
        active = self._catalog.active(tenant_id, environment, kpi_id)
        chosen = version or (active.contract_version if active else None)
        found = next((row for row in versions if row["contract_version"] == chosen), None) or (
            versions[-1] if versions and not version else None
        )
        if found is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id}{f' {version}' if version else ''} in {environment}")
        return {
            **{name: found.get(name) for name in _SUMMARY},
            "definition": json.loads(str(found["definition"])),
            "sources": json.loads(str(found["sources"])),
            "active_version": active.contract_version if active else None,
            "versions": [
                {name: row.get(name) for name in ("contract_version", "status", "definition_hash", "updated_at")} for row in versions
            ],
        }

    def pauses(self, tenant_id: str, environment: str, kpi_ids: Sequence[str], *, entities: bool = False) -> list[Row]:
        """Rows of pauses of everything and of these KPIs, with those of their entities when asked for; of ended ones too."""
        if not kpi_ids:
            return []
        prefix, wanted = keys.pause(environment, "kpi#"), sorted(set(kpi_ids))
        found = list(self._catalog.rows(tenant_id, keys.pause(environment, EVERYTHING)))
        # The KPIs of a page lie side by side, so do their pauses. A key that ends before the first KPI's own comes before it.
        position: str | None = f"{prefix}{wanted[0][:-1]}"
        while position is not None and position <= f"{prefix}{wanted[-1]}":
            rows, position = self._catalog.page(tenant_id, prefix, after=position, limit=PAUSES)
            found += [row for row in rows if row["kpi_id"] in wanted]
        for kpi_id in wanted if entities else ():
            found += self._catalog.rows(tenant_id, keys.pause(environment, f"entity#{kpi_id}#"))
        return [Row(str(row["sk"]), row) for row in found]

    def runs(self, tenant_id: str, query: RunQuery) -> Page:
        """Runs, folded, newest first; a run without status is in flight or lost."""
        found, position = self.page_of_runs(tenant_id, query)
        return {"items": self._with_deliveries(tenant_id, found), "next_cursor": cursors.encode(position)}

    def page_of_runs(
        self, tenant_id: str, query: RunQuery, wanted: Callable[[Mapping[str, Any]], bool] = lambda _run: True
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Folded runs that fit a query and are wanted, newest first, and the position to go on after; None when there are no more."""
        before: str | None = cursors.decode(query.cursor) or END
        items: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            groups, before = self._run_page(tenant_id, query, before)
            for position, run in groups:
                here = run.get("environment") == query.environment and query.status in (None, run.get("status"))
                if here and wanted(run):
                    items.append(run)
                if len(items) == query.limit:
                    return items, position
            if before is None:
                break
        return items, before

    def _run_page(self, tenant_id: str, query: RunQuery, before: str) -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
        """Complete runs of one page with the position to go on after each; None when there are no more."""
        wanted = max(_ROWS_PER_RUN * (query.limit + 1), _MIN_ROWS)
        since = "0"
        if query.since is not None:
            since = iso(query.since) if query.kpi_id is not None else run_id_text(first_run_id_at(query.since))
        if before < since:
            return [], None
        if query.kpi_id is not None:
            rows, more = self._logs.by_kpi(tenant_id, query.kpi_id, rows=wanted, since=since, before=before)
        else:
            rows, more = self._logs.by_tenant(tenant_id, rows=wanted, since=since, before=before)
        key = "gsi_sk" if query.kpi_id is not None else "sk"
        groups: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            # Everything of the key up to the entry: sorts before the run's own rows and after those of older runs.
            position = str(row[key]).removesuffix(f"#{row['entry']}")
            groups.setdefault(position, []).append(row)
        positions = list(groups)
        if more and len(positions) > 1:
            positions = positions[:-1]  # its other rows may be on the next page
        folded = [(position, fold_run(groups[position]) or {}) for position in positions]
        return folded, (positions[-1] if more and positions else None)

    def run(self, tenant_id: str, run_id: int) -> Page:
        """One run with its rows of all five tables.

        Raises:
            KpiError: NOT_FOUND when the tenant has no such run.
        """
        entries = self._logs.of_run(tenant_id, run_id, LogTable.RUN)
        folded = fold_run(entries)
        if folded is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no run {run_id}")
        children = {name: [_visible(row) for row in self._logs.of_run(tenant_id, run_id, table)] for name, table in _CHILD_TABLES.items()}
        return {
            "run": _run_json(folded, next(iter(children["delivery"]), None)),
            "entries": sorted(str(row["entry"]) for row in entries),
            **children,
            "links": {"kpi": f"/kpis/{folded['kpi_id']}", "runs": f"/runs?kpi_id={folded['kpi_id']}"},
        }

    def results(self, tenant_id: str, query: ResultQuery) -> Page:
        """Current results, newest period first."""
        conditions = ["tenant_id = %(tenant)s", "environment = %(environment)s", "scd_view = %(scd_view)s"]
        parameters: dict[str, Any] = {"tenant": tenant_id, "environment": query.environment, "scd_view": query.scd_view.value}
        filters = {
            "kpi_id = %(kpi_id)s": ("kpi_id", query.kpi_id),
            "entity = %(entity)s": ("entity", query.entity),
            "period_start >= %(since)s": ("since", query.since),
            "period_start < %(until)s": ("until", query.until),
        }
        for condition, (name, value) in filters.items():
            if value is not None:
                conditions.append(condition)
                parameters[name] = value
        position = cursors.decode(query.cursor)
        if position is not None:
            conditions.append("(period_start, kpi_id, entity) < (%(c_start)s::timestamptz, %(c_kpi)s, %(c_entity)s)")
            parameters |= _result_position(position)
        sql = (
            "SELECT run_id::text AS run_id, kpi_id, contract_version, variant_label, entity, period_start, period_end, time_grain, "  # noqa: S608
            "scd_view, value, unit, verdict, rows_processed, extensions, flags, delivered_at FROM kpi_result_current "
            f"WHERE {' AND '.join(conditions)} ORDER BY period_start DESC, kpi_id DESC, entity DESC LIMIT {query.limit + 1}"
        )
        rows = [_json_row(row) for row in self._results().rows(tenant_id, sql, parameters)]
        page = rows[: query.limit]
        more = len(rows) > query.limit
        last = json.dumps([page[-1]["period_start"], page[-1]["kpi_id"], page[-1]["entity"]]) if more else None
        return {"items": page, "next_cursor": cursors.encode(last)}


def _result_position(position: str) -> dict[str, str]:
    try:
        start, kpi_id, entity = (str(part) for part in json.loads(position))
        found = {"c_start": iso(parse(start)), "c_kpi": kpi_id, "c_entity": entity}
    except (ValueError, TypeError) as error:
        raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one of /results; start again without it") from error
    if any("\0" in part for part in found.values()):  # which PostgreSQL cannot hold
        raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one of /results; start again without it")
    return found


def _number(row: Mapping[str, Any]) -> tuple[int, ...]:
    return version_key(str(row["contract_version"]))


def _matches(row: Mapping[str, Any], query: KpiQuery) -> bool:
    exact = (
        ("pack", query.pack),
        ("layer", query.layer),
        ("owner", query.owner),
        ("status", query.status),
        ("contract_version", query.version),
    )
    if any(value is not None and row.get(name) != value for name, value in exact):
        return False
    text = f"{row.get('kpi_id')} {row.get('name')} {row.get('definition')}".lower()
    return query.q is None or query.q.lower() in text


def _run_json(run: Mapping[str, Any], delivery: Mapping[str, Any] | None) -> dict[str, Any]:
    """The run's columns with its period and, where it delivered, verdict and value (the tenant's total, or the first entity)."""
    shown = {**run, "run_id": str(run["run_id"]), "time_range": period_of_lineage(str(run.get("lineage_ref", "")))}
    if delivery is None:
        return shown
    sample: dict[str, Any] = json.loads(str(delivery["output_sample"]))
    entities: list[dict[str, Any]] = sample["sample"]
    first = entities[0] if entities else {}
    return shown | {
        "time_range": delivery["time_range"],
        "verdict": delivery["verdict"],
        "unit": sample["unit"],
        "entity": first.get("entity"),
        "value": first.get("value"),
    }


def _visible(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name == "run_id" else value for name, value in row.items() if name not in _HIDDEN}


def _json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso(value) if hasattr(value, "astimezone") else value for name, value in row.items()}

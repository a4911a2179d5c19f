"""What views and incidents are made of: the run log by time, rows and verdicts of many runs, and definitions of many KPIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from lambdas.adapters import queries
from lambdas.adapters.aws import Clients
from lambdas.adapters.items import projection, to_item
from lambdas.adapters.runlogs import END, INDEX
from lambdas.domain.fold import RUN_COLUMNS
from lambdas.domain.ids import first_run_id_at, run_id_text
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import iso

_FEW = 400
"""Up to so many runs are asked for by key; for more, the time they span is read."""
IN_VAIN = 2_000
"""Rows of other runs that are read between the runs of a page, before these are asked for one by one."""
_PARALLEL = 8
_RUN = ("entry", *RUN_COLUMNS)
_DEFINITION = ("sk", "kpi_id", "name", "pack", "owner", "criticality", "definition")
Row = Mapping[str, Any]


class DynamoIncidentReads:
    """`IncidentReads` on the log tables and the catalog."""

    def __init__(self, clients: Clients, catalog: str, logs: Mapping[LogTable, str]) -> None:
        self._clients = clients
        self._catalog = catalog
        self._logs = logs

    def newest(self, tenant_id: str, since: datetime, kpi_id: str | None, rows: int) -> tuple[Sequence[Row], bool]:
        """See `IncidentReads.newest`."""
        if kpi_id is None:
            return self._rows("pk = :pk AND sk BETWEEN :low AND :high", tenant_id, (run_id_text(first_run_id_at(since)), END), rows)
        return self._of_kpi(tenant_id, kpi_id, (iso(since), END), rows)

    def before(self, tenant_id: str, kpi_id: str, until: datetime, rows: int) -> Sequence[Row]:
        """See `IncidentReads.before`."""
        # Keys go on after the moment, so the moment itself is the first key that is not in.
        return self._of_kpi(tenant_id, kpi_id, ("0", iso(until)), rows)[0]

    def _of_kpi(self, tenant_id: str, kpi_id: str, span: tuple[str, str], rows: int) -> tuple[Sequence[Row], bool]:
        return self._rows("gsi_pk = :pk AND gsi_sk BETWEEN :low AND :high", f"{tenant_id}#{kpi_id}", span, rows, IndexName=INDEX)

    def _rows(self, condition: str, key: str, span: tuple[str, str], rows: int, **more: Any) -> tuple[Sequence[Row], bool]:
        arguments: dict[str, Any] = {
            "TableName": self._logs[LogTable.RUN],
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_item({":pk": key, ":low": span[0], ":high": span[1]}),
            **projection(_RUN),
            **more,
        }
        return queries.newest(self._clients, arguments, rows)

    def bad_verdicts(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, str]:
        """See `IncidentReads.bad_verdicts`."""
        if len(run_ids) > _FEW:
            return self._bad_between(tenant_id, min(run_ids), max(run_ids))
        keys = [to_item({"pk": tenant_id, "sk": run_id_text(run_id)}) for run_id in run_ids]
        rows = queries.batch(self._clients, self._logs[LogTable.DELIVERY], keys, **projection(("run_id", "verdict")))
        return {int(row["run_id"]): str(row["verdict"]) for row in rows if row.get("verdict") != "Adequate"}

    def _bad_between(self, tenant_id: str, first: int, last: int) -> dict[int, str]:
        asked = projection(("run_id", "verdict"))
        arguments: dict[str, Any] = {
            "TableName": self._logs[LogTable.DELIVERY],
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "FilterExpression": "#verdict <> :good",
            "ExpressionAttributeValues": to_item(
                {":pk": tenant_id, ":low": run_id_text(first), ":high": run_id_text(last), ":good": "Adequate"}
            ),
            **asked,
            "ExpressionAttributeNames": asked["ExpressionAttributeNames"] | {"#verdict": "verdict"},
        }
        return {int(row["run_id"]): str(row["verdict"]) for row in queries.every(self._clients, arguments)}

    def of_runs(self, tenant_id: str, run_ids: Sequence[int], table: LogTable) -> Mapping[int, Sequence[Row]]:
        """See `IncidentReads.of_runs`."""
        found: dict[int, list[Row]] = {run_id: [] for run_id in sorted(run_ids)}
        if not found:
            return found
        vain = 0
        for row in self._between(tenant_id, run_id_text(min(found)), f"{run_id_text(max(found))}{END}", table):
            run_id = int(row["run_id"])
            if run_id in found:
                found[run_id].append(row)
                continue
            vain += 1
            if vain > IN_VAIN:
                # Those behind this place lie too far apart; of those before it all rows are here.
                rest = [each for each in found if each > run_id]
                with ThreadPoolExecutor(_PARALLEL) as pool:
                    return found | dict(zip(rest, pool.map(partial(self._alone, tenant_id, table), rest), strict=True))
        return found

    def _alone(self, tenant_id: str, table: LogTable, run_id: int) -> list[Row]:
        key = run_id_text(run_id)
        return list(self._between(tenant_id, key, f"{key}{END}", table))

    def _between(self, tenant_id: str, low: str, high: str, table: LogTable) -> Iterator[Row]:
        arguments = {
            "TableName": self._logs[table],
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
            "ExpressionAttributeValues": to_item({":pk": tenant_id, ":low": low, ":high": high}),
        }
        return queries.every(self._clients, arguments)

    def definitions(self, tenant_id: str, sort_keys: Sequence[str]) -> Mapping[str, Row]:
        """See `IncidentReads.definitions`."""
        keys = [to_item({"pk": tenant_id, "sk": key}) for key in sort_keys]
        return {str(row["sk"]): row for row in queries.batch(self._clients, self._catalog, keys, **projection(_DEFINITION))}

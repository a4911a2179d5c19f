"""A runner on real databases, with its logs at hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kpis.schema import Kpi
from lambdas.adapters.results import PostgresResults
from lambdas.adapters.warehouse import SqlWarehouses
from lambdas.domain.model import Delivery, LogTable, Outcome, Period, Result
from lambdas.domain.runner import Runner
from tests.unit.lambdas.conftest import Database
from tests.unit.lambdas.memory import DAY, FixedClock, MemoryCatalog, MemoryLogs, make_run

GOOD_DAY = (
    ("2013-10-29", "2013-10-30T09:30Z", "JFK", 4.0),
    ("2013-10-29", "2013-10-30T09:30Z", "JFK", 8.0),
    ("2013-10-29", "2013-10-30T09:30Z", "LGA", 15.0),
)


@dataclass
class Engine:
    """A runner with its logs at hand."""

    results: PostgresResults
    warehouses: SqlWarehouses
    database: Database
    logs: MemoryLogs

    def run(self, of: Kpi, **changes: Any) -> Outcome:
        return Runner(MemoryCatalog(of), self.logs, self.results, self.warehouses, FixedClock()).run(make_run(of, **changes))

    def delivered(self, column: str = "value") -> dict[str, Any]:
        rows = self.database.execute(
            "results", f"SELECT DISTINCT ON (entity) entity, {column} FROM kpi_result ORDER BY entity, run_id DESC"
        )
        return {str(entity): value for entity, value in rows}

    def pre(self) -> dict[str, str]:
        return {str(row["rule_id"]): str(row["result"]) for row in self.logs.rows(LogTable.PRE_VALIDATION)}

    def post(self) -> dict[str, str]:
        return {str(row["rule_id"]): str(row["result"]) for row in self.logs.rows(LogTable.POST_VALIDATION)}

    def past(self, of: Kpi, values: dict[int, float], run_id: int = 1, entity: str = "ALL", **flags: Any) -> None:
        """Results delivered earlier: value by days before the period."""
        for back, value in values.items():
            start = DAY.start - timedelta(days=back)
            run = make_run(of, run_id=run_id * 100 + back, period=Period(start=start, end=start + timedelta(days=1)))
            result = Result(entity, value, of.verdict.judge(value), 7, {}, flags)
            self.results.deliver(Delivery(run, of.grain, of.unit, datetime.now(UTC), (result,)))

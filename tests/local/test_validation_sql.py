"""The rendered SQL of every rule, run by hand in PostgreSQL, says what the log of the run says; the value is the delivered value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.rules import RowCount, Variance
from kpis.schema import Kpi, SqlExpression
from lambdas.domain.model import Period
from lambdas.domain.periods import as_of_for, shift
from local.warehouse import databases, server
from tests.local.conftest import Stack
from views.validation import render_kpi

pytestmark = pytest.mark.local
ROOT = Path(__file__).resolve().parents[2]
AROUND = Surroundings(check_packs(ROOT / "kpis" / "packs", root=ROOT).dictionary)
RESULTS = re.compile(r"\bkpi_result\b")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)\b")


@dataclass(frozen=True)
class Ran:
    """A closed run of the demo's backfill and the period in its lineage reference."""

    run_id: int
    tenant: str
    period: Period

    def parameters(self, kpi: Kpi) -> dict[str, Any]:
        days = max(1, -(-(self.period.end - self.period.start) // timedelta(days=1)))
        return {
            "tenant_id": self.tenant,
            "environment": "prod",
            "run_id": self.run_id,
            "period_start": self.period.start,
            "period_end": self.period.end,
            "as_of": as_of_for(self.period, kpi.grain, kpi.schedule),
            "scd_view": "as_reported",
            "period_days": days,
        }


def last_backfilled(stack: Stack, kpi: Kpi) -> Ran | None:
    for row in reversed(stack.log_rows("run", kpi.tenants[0], kpi_id=kpi.id)):
        if row["entry"] == "close" and row["triggered_by"] == "cli/backfill" and row["status"] in ("success", "skipped"):
            start, end = (datetime.fromisoformat(text) for text in row["lineage_ref"].split("/")[4:6])
            return Ran(int(row["run_id"]), kpi.tenants[0], Period(start=start, end=end))
    return None


def statements(kpi: Kpi) -> Iterator[tuple[str, str]]:
    """Name and text of each statement in the KPI's PostgreSQL file."""
    (artifact,) = [each for each in render_kpi(kpi, AROUND) if each.path == f"sql/postgres/{kpi.id}.sql"]
    for part in artifact.content.decode().split("-- name: ")[1:]:
        name, _, text = part.partition("\n")
        yield name, "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip().rstrip(";")


def ask(stack: Stack, database: str, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a statement as the checking person would; superusers see every tenant, so the statement itself must say whose rows it wants."""
    driver = _PARAMETER.sub(lambda match: f"%({match[1]})s", sql.replace("%", "%%"))
    used = {name: value for name, value in parameters.items() if f"%({name})s" in driver}
    with server.connect(stack.settings, database) as connection, connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
        return cursor.execute(driver.encode(), used).fetchall()


def baseline(kpi: Kpi, rule_id: str, ran: Ran, stack: Stack) -> dict[str, Any]:
    """The window before the period, for the rules that look back."""
    rule = next(rule for rule in (*kpi.pre_validation, *kpi.post_validation) if rule.id == rule_id)
    if not isinstance(rule, RowCount | Variance):
        return {}
    since = shift(ran.period.start, kpi.grain, -rule.baseline_periods)
    found: dict[str, Any] = {"baseline_start": since}
    if isinstance(rule, RowCount):
        (source,) = [source for source in AROUND.sources_of(kpi) if source.id == rule.source]
        sql = f"SELECT MIN({source.period_column}) AS oldest FROM {source.table} WHERE {source.period_column} >= :since"
        (row,) = ask(stack, ran.tenant, sql, {"since": since})
        oldest = datetime.combine(row["oldest"], datetime.min.time(), ran.period.start.tzinfo)
        starts = (shift(ran.period.start, kpi.grain, -back) for back in range(1, rule.baseline_periods + 1))
        found["baseline_periods"] = sum(1 for start in starts if shift(start, kpi.grain, 1) > oldest)
    return found


def test_every_rule_answers_in_sql_what_the_log_of_the_run_says(stack: Stack) -> None:
    compared: dict[str, int] = {}
    for kpi in AROUND.dictionary.kpis:
        ran = last_backfilled(stack, kpi)
        if ran is None:
            continue
        logged = {
            (when, row["rule_id"]): row["result"]
            for when, table in (("before", "pre-validation"), ("after", "post-validation"))
            for row in stack.log_rows(table, ran.tenant, run_id=ran.run_id)
        }
        for name, sql in statements(kpi):
            when, _, rule_id = name.partition(" ")
            if (when, rule_id) not in logged:
                continue
            database = databases.RESULTS_DATABASE if RESULTS.search(sql) else ran.tenant
            (row,) = ask(stack, database, sql, ran.parameters(kpi) | baseline(kpi, rule_id, ran, stack))
            assert (row["rule_id"], row["result"]) == (rule_id, logged[when, rule_id]), f"{kpi.id} run {ran.run_id}: {sql}"
            compared[row["result"]] = compared.get(row["result"], 0) + 1
    assert compared.get("pass", 0) > 150
    assert compared.get("fail", 0) > 0, "the blizzard's failures must be among them"


def test_the_value_in_sql_is_the_delivered_value(stack: Stack) -> None:
    equal = 0
    for kpi in AROUND.dictionary.kpis:
        ran = last_backfilled(stack, kpi)
        if ran is None:
            continue
        name, sql = next(statements(kpi))
        assert name == "value"
        delivered = ask(
            stack,
            databases.RESULTS_DATABASE,
            "SELECT entity, value FROM kpi_result WHERE tenant_id = :tenant_id AND run_id = :run_id AND kpi_id = :kpi",
            ran.parameters(kpi) | {"kpi": kpi.id},
        )
        if not delivered:
            continue
        database = ran.tenant if isinstance(kpi.expression, SqlExpression) else databases.RESULTS_DATABASE
        computed = {row["entity"]: row["value"] for row in ask(stack, database, sql, ran.parameters(kpi))}
        for row in delivered:
            value = computed[row["entity"]]
            assert (None if value is None else pytest.approx(float(value), rel=1e-9)) == row["value"], f"{kpi.id} {row['entity']}"
            equal += 1
    assert equal > 50

"""What pre-validation needs to know about a source, read in one aggregate query per source.

Only rows of the period that were known at `as_of` count: a replayed run sees what a run of that day would have seen. The SQL
is plain ANSI, so that it runs on every warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from kpis.common import Grain
from kpis.formulas import quoted
from kpis.rules import ColumnRange, EntitiesCovered, Freshness, NullRatio, PreRule, RowCount
from kpis.schema import Source
from lambdas.domain.model import Run
from lambdas.domain.periods import shift
from lambdas.domain.ports import WarehouseSession
from lambdas.domain.timestamps import parse

_VISIBLE = "{period} >= :period_start AND {period} < :period_end AND {fresh} <= :as_of"


@dataclass(frozen=True)
class SourceFacts:
    """Aggregates over the rows of one period. `newest_known` looks beyond the period, `newest` is the newest row used."""

    rows: int
    days: int
    newest: datetime | None
    newest_known: datetime | None
    nulls: Mapping[str, int] = field(default_factory=dict[str, int])
    lowest: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])
    highest: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])


def binds(run: Run) -> dict[str, Any]:
    """The parameters every KPI's SQL may use."""
    return {"period_start": run.period.start, "period_end": run.period.end, "as_of": run.as_of, "scd_view": run.scd_view.value}


def visible(source: Source) -> str:
    """The condition for rows of the period that were known at `as_of`."""
    return _VISIBLE.format(period=quoted(source.period_column), fresh=quoted(source.freshness_column))


def as_moment(value: Any) -> datetime | None:
    """What a driver returned for a time column, as a moment; dates and naive moments are UTC."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return parse(value.isoformat())
    if isinstance(value, date):
        return parse(datetime.combine(value, time()).isoformat())
    return parse(str(value))


def read_facts(session: WarehouseSession, source: Source, rules: Iterable[PreRule], run: Run) -> SourceFacts:
    """Everything the rules on this source need, in one query."""
    rules = [rule for rule in rules if getattr(rule, "source", None) == source.id]
    null_columns = sorted({rule.column for rule in rules if isinstance(rule, NullRatio)})
    range_columns = sorted({rule.column for rule in rules if isinstance(rule, ColumnRange)})
    period, fresh, table = quoted(source.period_column), quoted(source.freshness_column), quoted(source.table)
    columns = ["COUNT(*) AS n_rows", f"COUNT(DISTINCT CAST({period} AS DATE)) AS n_days", f"MAX({fresh}) AS newest"]
    if any(isinstance(rule, Freshness) for rule in rules):
        columns.append(f"(SELECT MAX({fresh}) FROM {table} WHERE {fresh} <= :as_of) AS newest_known")  # noqa: S608 - checked identifiers
    columns += [f"COUNT(*) - COUNT({quoted(name)}) AS nulls_{index}" for index, name in enumerate(null_columns)]
    for index, name in enumerate(range_columns):
        columns += [f"MIN({quoted(name)}) AS low_{index}", f"MAX({quoted(name)}) AS high_{index}"]
    sql = f"SELECT {', '.join(columns)} FROM {table} WHERE {visible(source)}"  # noqa: S608
    row = session.query(sql, {key: binds(run)[key] for key in ("period_start", "period_end", "as_of")})[0]
    return SourceFacts(
        rows=int(row["n_rows"]),
        days=int(row["n_days"]),
        newest=as_moment(row["newest"]),
        newest_known=as_moment(row.get("newest_known")),
        nulls={name: int(row[f"nulls_{index}"]) for index, name in enumerate(null_columns)},
        lowest={name: _number(row[f"low_{index}"]) for index, name in enumerate(range_columns)},
        highest={name: _number(row[f"high_{index}"]) for index, name in enumerate(range_columns)},
    )


def read_entities(session: WarehouseSession, source: Source, rule: EntitiesCovered, run: Run) -> set[str]:
    """The entities with at least one visible row in the period."""
    sql = f"SELECT DISTINCT {quoted(rule.column)} AS entity FROM {quoted(source.table)} WHERE {visible(source)}"  # noqa: S608
    parameters = {key: binds(run)[key] for key in ("period_start", "period_end", "as_of")}
    return {str(row["entity"]) for row in session.query(sql, parameters)}


def read_baseline(session: WarehouseSession, source: Source, rule: RowCount, run: Run, grain: Grain) -> tuple[float, int]:
    """Mean rows per period before this one, and over how many periods; periods before the first row of the window do not count."""
    since = shift(run.period.start, grain, -rule.baseline_periods)
    sql = (
        f"SELECT COUNT(*) AS n_rows, MIN({quoted(source.period_column)}) AS oldest "  # noqa: S608
        f"FROM {quoted(source.table)} WHERE {visible(source)}"
    )
    row = session.query(sql, {"period_start": since, "period_end": run.period.start, "as_of": run.as_of})[0]
    oldest = as_moment(row["oldest"])
    if oldest is None:
        return 0.0, 0
    starts = (shift(run.period.start, grain, -back) for back in range(1, rule.baseline_periods + 1))
    periods = sum(1 for start in starts if shift(start, grain, 1) > oldest)
    return int(row["n_rows"]) / max(periods, 1), periods


def _number(value: Any) -> float | None:
    return None if value is None else float(value)

"""How a KPI uses a column of a golden data table: from its statement where that tells, and from its rules and its table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kpis.rules import ColumnRange, EntitiesCovered, NullRatio, PreRule, Reconciliation
from kpis.schema import Dictionary, Kpi, Source

_WORD = re.compile(r"[^\W\d][\w$]*")
"""A name in a statement. One in quotes is a word as well, so a rule may be said to look at a column that it only compares with."""


class ColumnUse(StrEnum):
    """How a column is used, the strongest first."""

    VALUE = "makes the value"
    ROWS = "decides which rows count"
    TIME = "places rows in time"
    RULE = "is checked by a rule"
    DECLARED = "is declared as read, the statement does not tell more"
    UNREAD = "is declared as read, though the statement does not read it"


def uses_of(kpi: Kpi, source: Source, column: str, sources: Mapping[str, Source], *, read_sql: bool = True) -> tuple[ColumnUse, ...]:
    """Every way a KPI uses a column, strongest first; none when it does not use it.

    Args:
        kpi: a KPI that reads the table.
        source: the table.
        column: the column's name, in any case.
        sources: all tables that are known, by id; the statement may read several.
        read_sql: whether to read the statement (milliseconds the first time); without, a declared column is only that.
    """
    wanted = column.lower()
    statement = statement_of(kpi, sources) if read_sql else Statement({}, complete=False)
    found = set(statement.uses.get((source.id, wanted), ()))
    declared = wanted in (name.lower() for ref in kpi.gdp_sources if ref.gdp == source.id for name in ref.attributes)
    if declared and not found:
        found.add(ColumnUse.UNREAD if statement.complete else ColumnUse.DECLARED)
    if wanted in (source.period_column.lower(), source.freshness_column.lower()):
        found.add(ColumnUse.TIME)
    if any(_checks(rule, source, wanted) for rule in kpi.pre_validation):
        found.add(ColumnUse.RULE)
    return tuple(use for use in ColumnUse if use in found)


def _checks(rule: PreRule, source: Source, column: str) -> bool:
    if isinstance(rule, NullRatio | ColumnRange | EntitiesCovered):
        return rule.source == source.id and rule.column.lower() == column
    if isinstance(rule, Reconciliation):
        words = set(_WORD.findall(f"{rule.left_sql} {rule.right_sql}".lower()))
        return column in words and source.table.lower() in words
    return False


@dataclass(frozen=True)
class Statement:
    """What a KPI's statement does with columns: table and column (lower case) -> uses. Not `complete`: some of it could not be told."""

    uses: Mapping[tuple[str, str], frozenset[ColumnUse]]
    complete: bool


def statement_of(kpi: Kpi, sources: Mapping[str, Source]) -> Statement:
    """The columns a KPI's statement reads for its value, by what `kpis.lineage` reads in it."""
    from kpis.artifact import Surroundings  # these bring the SQL parser along
    from kpis.lineage import column_lineage
    from kpis.lineage.model import GDP, Kind

    named = {ref.gdp for ref in kpi.gdp_sources}
    known = (*(sources[name] for name in sorted(named & sources.keys())), *map(_unknown, sorted(named - sources.keys())))
    traced = column_lineage(kpi, Surroundings(Dictionary(packs=(), sources=known, signals=(), kpis=(kpi,))))
    value = [(each.field, {use.kind for use in each.uses}) for output in traced.outputs if output.name == "value" for each in output.inputs]
    found: dict[tuple[str, str], set[ColumnUse]] = {}
    for column, kinds in (*value, *((each.field, {Kind.INDIRECT}) for each in traced.rows)):
        if column.dataset.startswith(GDP):
            place = (column.dataset.removeprefix(GDP), column.name.lower())
            found.setdefault(place, set()).update(ColumnUse.VALUE if kind is Kind.DIRECT else ColumnUse.ROWS for kind in kinds)
    return Statement({place: frozenset(uses) for place, uses in found.items()}, traced.complete)


def _unknown(name: str) -> Source:
    """A table nobody described: its columns stay gaps of the statement."""
    return Source.model_validate(
        {
            "id": name,
            "table": f"unknown_{name}",
            "description": name,
            "period_column": "unknown",
            "freshness_column": "unknown",
            "columns": {"unknown": {"type": "text"}},
        }
    )


@dataclass(frozen=True)
class ColumnInput:
    """A column behind a KPI and every way the KPI uses it, strongest first."""

    source: str
    column: str
    uses: tuple[ColumnUse, ...]


def inputs_of(kpi: Kpi, sources: Mapping[str, Source]) -> tuple[ColumnInput, ...]:
    """Every column of golden data a KPI uses, by table and name: declared, read by its statement, checked, or placing rows in time."""
    found: list[ColumnInput] = []
    for name in sorted({ref.gdp for ref in kpi.gdp_sources}):
        table = sources.get(name)
        declared = {attribute for ref in kpi.gdp_sources if ref.gdp == name for attribute in ref.attributes}
        for column in sorted({*declared, *table.columns} if table else declared):
            uses = uses_of(kpi, table, column, sources) if table else (ColumnUse.DECLARED,)
            if uses:
                found.append(ColumnInput(name, column, uses))
    return tuple(found)

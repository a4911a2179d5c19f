"""A foreign SQL query as the SQL of a KPI, when it is one already or becomes one without changing its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from kpis.exchange.draft import Fields
from kpis.exchange.names import identifier
from kpis.sql import OUTPUT_COLUMNS, parse_query, used_parameters, written

_PERIOD = frozenset({"period_start", "period_end"})
_SIMPLE = frozenset({"expressions", "from", "where", "kind"})


class QueryError(ValueError):
    """The query cannot be the SQL of a KPI; the message says why."""


@dataclass(frozen=True)
class Table:
    """A table as one query knows it; `known` is the column compared with :as_of."""

    name: str
    period: str
    known: str | None
    columns: Fields

    @property
    def source_id(self) -> str:
        """The id of the entry: a table counted by two times is two entries."""
        return identifier(f"{self.name}_by_{self.period}", "GDP_")

    def merged(self, other: Table) -> Table:
        """The table as both queries know it."""
        columns = {**other.columns, **{name: value for name, value in self.columns.items() if value["type"] != "text"}}
        return Table(self.name, self.period, self.known or other.known, {**self.columns, **columns})

    def fields(self) -> Fields:
        """As an entry of a pack."""
        return {
            "id": self.source_id, "table": self.name, "description": f"Table {self.name}, read by imported queries.",
            "period_column": self.period, "freshness_column": self.known or self.period, "columns": dict(sorted(self.columns.items())),
        }  # fmt: skip

    def assumed(self) -> Mapping[str, str]:
        """Fields that no query says, and why."""
        why = {f"columns.{name}.type": "the queries do not say the type" for name in self.columns}
        return why | ({} if self.known else {"freshness_column": "no query reads :as_of"})


@dataclass(frozen=True)
class ContractQuery:
    """The SQL, the columns it reads, and the table."""

    sql: str
    columns: tuple[str, ...]
    table: Table


def contract_query(text: str) -> ContractQuery:
    """The query as one SELECT of entity, value and rows_processed over one table for :period_start, :period_end and :as_of.

    Raises:
        QueryError: when it is no SQL, or would have to change its meaning.
    """
    query, problems = parse_query(text)
    if not isinstance(query, exp.Select) or problems:
        why = "; ".join(problem.message for problem in problems) or "not one SELECT"
        raise QueryError(f"its query is no SQL that a KPI may run: {why}")
    tables = list(query.find_all(exp.Table))
    if len(tables) != 1 or tables[0].args.get("db") or tables[0].alias or set(_used(query)) - _SIMPLE:
        raise QueryError("its query is not one SELECT over one table, named alone, with WHERE and nothing else")
    if not used_parameters(query) & _PERIOD:
        raise QueryError("its query uses neither :period_start nor :period_end, so every period would get the same value")
    period = _compared(query, _PERIOD)
    if period is None:
        raise QueryError("its query compares no column with :period_start or :period_end")
    known = _compared(query, frozenset({"as_of"}))
    columns = sorted({column.name for column in query.find_all(exp.Column)} | {period})
    if any(not name.isidentifier() or not name.isascii() for name in (*columns, tables[0].name)):
        raise QueryError("its query reads a name that needs quotes")
    kinds = {name: {"type": "timestamp" if name in (period, known) else "text"} for name in columns}
    return ContractQuery(_contract(query), tuple(columns), Table(tables[0].name, period, known, kinds))


def _used(query: exp.Select) -> list[str]:
    return [name for name, value in query.args.items() if value]


def _contract(query: exp.Select) -> str:
    if tuple(query.named_selects) == OUTPUT_COLUMNS:
        return written(query)
    if len(query.expressions) != 1 or not query.expressions[0].find(exp.AggFunc):
        raise QueryError(f"its query does not give one aggregate, nor {', '.join(OUTPUT_COLUMNS)}")
    values = (exp.Literal.string("ALL"), query.expressions[0].unalias().copy(), exp.Count(this=exp.Star()))
    copy = query.copy()
    copy.set("expressions", [exp.alias_(value, name) for value, name in zip(values, OUTPUT_COLUMNS, strict=True)])
    return written(copy)


def _compared(query: exp.Select, parameters: frozenset[str]) -> str | None:
    """The column that is compared with one of the parameters."""
    for comparison in query.find_all(exp.GTE, exp.GT, exp.LTE, exp.LT):
        sides = (comparison.left, comparison.right)
        names = [side.name for side in sides if isinstance(side, exp.Column)]
        if names and any(isinstance(side, exp.Placeholder) and side.name in parameters for side in sides):
            return names[0]
    return None

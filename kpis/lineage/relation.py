"""Values and relations while a statement is read: what each column in sight is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from kpis.lineage.model import ColumnLineage, Field, Input, Output, Subtype, Use, compose

IDENTITY = Use(Subtype.IDENTITY)
TRANSFORMATION = Use(Subtype.TRANSFORMATION)
AGGREGATION = Use(Subtype.AGGREGATION)


@dataclass(frozen=True)
class Trace:
    """What a value is made of, and the reasons why that may not be all."""

    inputs: frozenset[tuple[Field, Use]] = frozenset()
    gaps: frozenset[str] = frozenset()

    def through(self, use: Use) -> Trace:
        """The trace of a value made from this one."""
        if use == IDENTITY or not self.inputs:
            return self
        return Trace(frozenset((source, compose(use, inner)) for source, inner in self.inputs), self.gaps)


NOTHING = Trace()


def union(traces: Iterable[Trace]) -> Trace:
    """A value made of several."""
    found = [trace for trace in traces if trace is not NOTHING]
    if len(found) <= 1:
        return found[0] if found else NOTHING
    inputs, gaps = set(found[0].inputs), set(found[0].gaps)
    for trace in found[1:]:
        inputs |= trace.inputs
        gaps |= trace.gaps
    return Trace(frozenset(inputs), frozenset(gaps))


def unknown(reason: str) -> Trace:
    """A value nothing is known of, and why."""
    return Trace(gaps=frozenset({reason}))


@dataclass(frozen=True)
class Relation:
    """A table, subquery or function in FROM: its columns in order, and `rows`: what decides which rows there are.

    `rest` is the trace of any column not listed, where there may be such (a function's output); None where there are no others.
    """

    columns: tuple[tuple[str, Trace], ...]
    rows: Trace = NOTHING
    rest: Trace | None = None

    def find(self, name: str) -> list[Trace]:
        """The columns of a name; more than one is an ambiguity."""
        return [trace for own, trace in self.columns if own == name]

    def whole(self) -> Trace:
        """The row as one value."""
        return union([*(trace for _, trace in self.columns), self.rest or NOTHING])

    def renamed(self, names: list[str]) -> Relation:
        """With an alias's column names for the first columns."""
        if not names:
            return self
        if self.rest is not None and len(names) > len(self.columns):
            return Relation(tuple((name, self.rest) for name in names), self.rows)
        first = tuple((name, trace) for name, (_, trace) in zip(names, self.columns, strict=False))
        return replace(self, columns=(*first, *self.columns[len(names) :]))


@dataclass
class Scope:
    """What a name may mean at one place of a statement: the relations of its FROM, the WITH tables, and the query around it."""

    resolve: Callable[[exp.Expression, Scope], Relation]
    tables: Mapping[str, Relation]
    outer: Scope | None = None
    relations: dict[str, Relation] = field(default_factory=dict[str, Relation])
    merged: dict[str, Trace] = field(default_factory=dict[str, Trace])
    windows: dict[str, exp.Expression] = field(default_factory=dict[str, exp.Expression])

    def around(self) -> Iterator[Scope]:
        current: Scope | None = self
        while current is not None:
            yield current
            current = current.outer

    def inside(self) -> Scope:
        """The scope of a subquery in an expression, which sees this one's columns."""
        return Scope(self.resolve, self.tables, outer=self)

    def beside(self) -> Scope:
        """The scope of a subquery in FROM, which sees only what stands around this query."""
        return Scope(self.resolve, self.tables, outer=self.outer)

    def column(self, name: str, table: str) -> Trace:
        """What a column of the statement is made of."""
        return self._qualified(name, table) if table else self._bare(name)

    def knows(self, name: str) -> bool:
        """Whether this query's own FROM has a column."""
        return name in self.merged or any(relation.find(name) for relation in self.relations.values())

    def _qualified(self, name: str, table: str) -> Trace:
        for scope in self.around():
            relation = scope.relations.get(table)
            if relation is not None:
                return _only(name, relation.find(name), relation.rest, f"{table} has no column {name}")
        return unknown(f"column {table}.{name}: no table {table} is in sight")

    def _bare(self, name: str) -> Trace:
        for scope in self.around():
            if name in scope.merged:
                return scope.merged[name]
            found = [trace for relation in scope.relations.values() for trace in relation.find(name)]
            rests = [relation.rest for relation in scope.relations.values() if relation.rest is not None]
            if found or len(rests) > 1:
                return _only(name, found, None, f"column {name} may come from more than one table")
            if rests:
                return rests[0]
            if name in scope.relations:
                return scope.relations[name].whole().through(TRANSFORMATION)
        return unknown(f"column {name} is not a column of any table in sight")


def _only(name: str, found: list[Trace], rest: Trace | None, missing: str) -> Trace:
    if len(found) == 1:
        return found[0]
    if found:
        return unknown(f"column {name} is ambiguous")
    return rest if rest is not None else unknown(missing)


def folded(identifier: exp.Expression) -> str:
    """A name as PostgreSQL compares it: lower case unless it is quoted."""
    return identifier.name if identifier.args.get("quoted") else identifier.name.lower()


def inputs_of(trace: Trace) -> tuple[Input, ...]:
    """The inputs of a value by column, each with its uses."""
    uses: dict[Field, list[Use]] = {}
    for source, use in trace.inputs:
        uses.setdefault(source, []).append(use)
    return tuple(Input(source, tuple(sorted(uses[source]))) for source in sorted(uses))


def lineage_of(relation: Relation) -> ColumnLineage:
    """The lineage of a whole statement."""
    outputs = tuple(Output(name, inputs_of(trace), tuple(sorted(trace.gaps))) for name, trace in relation.columns)
    gaps = relation.rows.gaps if relation.rest is None else relation.rows.gaps | relation.rest.gaps
    return ColumnLineage(outputs, inputs_of(relation.rows), tuple(sorted(gaps)))

"""Which KPIs a change reaches, how, and by which path."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from lambdas.domain.lineage.columns import ColumnUse, uses_of
from lambdas.domain.lineage.graph import Graph, Link, LinkKind, NodeKind, kpi_node, name_of, table_id

COLUMN_STATEMENTS = 200
"""Statements read for one report; what more KPIs declare of a column is taken as it is declared."""


class Effect(StrEnum):
    """What happens to a KPI, the gravest first."""

    OWN = "is changed itself"
    LOSES = "loses an input"
    VALUE = "may get other values"
    DELIVERY = "may be late or not delivered"
    CHECK = "may fail a check or must be declared anew"


ORDER = tuple(Effect)


@dataclass(frozen=True)
class Reached:
    """A KPI that a change reaches: what it means for it, the shortest path from what changes, and how a column is used."""

    kpi_id: str
    effect: Effect
    path: tuple[str, ...]
    uses: tuple[ColumnUse, ...] = ()


Follow = Callable[[Link, Effect], Effect | None]
"""What a link passes on of an effect; None: nothing."""


def spread(graph: Graph, start: Mapping[str, Reached], follow: Follow) -> dict[str, Reached]:
    """Everything reached from some KPIs, those included, each by its gravest effect and then its shortest path."""
    found = dict(start)
    for effect in ORDER:
        waiting = deque(
            sorted((kpi_id for kpi_id, each in found.items() if each.effect is effect), key=lambda kpi_id: _near(found[kpi_id]))
        )
        while waiting:
            here = found[waiting.popleft()]
            for link in graph.after.get(kpi_node(here.kpi_id), ()):
                passed = follow(link, here.effect) if link.target.startswith(f"{NodeKind.KPI}:") else None
                there = name_of(link.target)
                if passed is None or there not in graph.kpis or (there in found and not _graver(passed, found[there].effect)):
                    continue
                found[there] = Reached(there, passed, (*here.path, link.target))
                if passed is effect:
                    waiting.append(there)
    return found


def _near(reached: Reached) -> tuple[int, str]:
    return len(reached.path), reached.kpi_id


def _graver(one: Effect, other: Effect) -> bool:
    return ORDER.index(one) < ORDER.index(other)


def values(link: Link, effect: Effect) -> Effect | None:
    """Other values pass through formulas; a check of another KPI may fail, which passes nothing on. Deliveries pass as such."""
    if effect in (Effect.OWN, Effect.VALUE, Effect.LOSES):
        return Effect.CHECK if link.kind is LinkKind.CHECKS else Effect.VALUE
    return deliveries(link, effect)


def new_version(link: Link, effect: Effect) -> Effect | None:
    """As `values`, but who pins a version of the changed KPI keeps reading that one."""
    return None if effect is Effect.OWN and link.pinned else values(link, effect)


def deliveries(link: Link, effect: Effect) -> Effect | None:
    """A delivery that is late or missing holds up who waits for it; others compute with what is there."""
    return Effect.DELIVERY if effect in (Effect.OWN, Effect.DELIVERY) and link.kind is LinkKind.READS and link.gates else None


def losses(version: str) -> Follow:
    """Who reads a KPI whose version ends loses an input, unless it pins another one; who reads them gets other values or none."""

    def follow(link: Link, effect: Effect) -> Effect | None:
        if effect is not Effect.OWN:
            return values(link, effect)
        if link.pinned not in ("", version):
            return None
        return Effect.CHECK if link.kind is LinkKind.CHECKS else Effect.LOSES

    return follow


def readers_of(graph: Graph, source: str, column: str | None) -> dict[str, Reached]:
    """The KPIs that read a table, or use a column of it; how, where the statements tell."""
    found: dict[str, Reached] = {}
    statements = 0
    links = graph.after.get(table_id(source), ())
    if column is not None:
        graph.fetch(name_of(link.target) for link in links)
    for link in links:
        kpi_id = name_of(link.target)
        if kpi_id not in graph.kpis:
            continue
        uses: tuple[ColumnUse, ...] = ()
        if column is not None:
            statements += 1
            uses = _uses(graph, link, column, read_sql=statements <= COLUMN_STATEMENTS)
            if not uses:
                continue
        found[kpi_id] = Reached(kpi_id, _effect(uses), (table_id(source), link.target), uses)
    return found


def _effect(uses: tuple[ColumnUse, ...]) -> Effect:
    """What a change of a table means for who uses it so; no uses: the whole table changes."""
    if set(uses) - {ColumnUse.RULE, ColumnUse.UNREAD} or not uses:
        return Effect.VALUE
    return Effect.DELIVERY if ColumnUse.RULE in uses else Effect.CHECK


def _uses(graph: Graph, link: Link, column: str, *, read_sql: bool) -> tuple[ColumnUse, ...]:
    kpi, table = graph.kpis[name_of(link.target)], graph.sources.get(name_of(link.source))
    if table is None:
        return (ColumnUse.DECLARED,) if column.lower() in {name.lower() for name in link.columns} else ()
    return uses_of(kpi, table, column, graph.sources, read_sql=read_sql)

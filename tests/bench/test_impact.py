"""Lineage and impact over a catalog of 10,000 KPIs: building the graph once, then asking it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import pytest

from kpis.checks import check_packs
from kpis.schema import FormulaExpression, Kpi, KpiRef, Source, SqlExpression
from lambdas.domain.lineage import Change, ChangeKind, Graph, graph_of, impact, lineage, mermaid, svg
from tests.bench.report import Report

pytestmark = pytest.mark.bench
BENCH = "impact"
COUNT = 10_000
PRIMARIES = 7_000
NEAR = 2000
ASKED = 50
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def catalog(count: int = COUNT) -> tuple[list[Kpi], tuple[Source, ...]]:
    """Seven in ten are primaries, the shipped ones again and again; the others read two to four earlier ones, mostly near ones."""
    first = count * PRIMARIES // COUNT
    rng = random.Random(1)  # noqa: S311 - a catalog, no secret
    dictionary = check_packs(Path("kpis/packs"), root=Path()).dictionary
    primaries = [kpi for kpi in dictionary.kpis if isinstance(kpi.expression, SqlExpression)]
    derived = next(kpi for kpi in dictionary.kpis if isinstance(kpi.expression, FormulaExpression))
    found = [kpi.model_copy(update={"id": f"BIG-{number:05d}"}) for number, kpi in enumerate(islice(cycle(primaries), first))]
    for number in range(first, count):
        near = range(max(0, number - NEAR), number)
        refs = tuple(KpiRef(kpi=f"BIG-{each:05d}", alias=f"a{place}") for place, each in enumerate(rng.sample(near, rng.randint(2, 4))))
        found.append(derived.model_copy(update={"id": f"BIG-{number:05d}", "sources": refs, "post_validation": ()}))
    return found, dictionary.sources


def test_impact_and_lineage_of_a_large_catalog(report: Report) -> None:
    kpis, sources = catalog()
    began = time.perf_counter()
    of = graph_of(kpis, sources)
    report.add(BENCH, f"graph of {COUNT:,} KPIs ({len(of.links):,} links)", (time.perf_counter() - began) * 1000, "ms")
    began = time.perf_counter()
    assert len(of.after) + len(of.before) + len(of.variants) > 0
    report.add(BENCH, "its indexes, once", (time.perf_counter() - began) * 1000, "ms")
    rng = random.Random(2)  # noqa: S311
    ids = [f"BIG-{rng.randrange(PRIMARIES - NEAR, PRIMARIES):05d}" for _ in range(ASKED)]
    for kind in (ChangeKind.DEFINITION, ChangeKind.SCHEDULE, ChangeKind.SLA, ChangeKind.DEPRECATION):
        _measure(report, f"impact of a {kind}", [partial(impact, of, "acme", Change(kind=kind, kpi_id=each), NOW) for each in ids])
    table = max(of.sources, key=lambda name: len(of.after.get(f"gdp:{name}", ())))
    readers = len(of.after[f"gdp:{table}"])
    whole = Change(kind=ChangeKind.SOURCE, source=table)
    column = Change(kind=ChangeKind.SOURCE, source=table, column=next(iter(of.sources[table].columns)))
    _measure(report, f"impact of a table {readers:,} KPIs read", [partial(impact, of, "acme", whole, NOW)] * 5)
    _measure(report, "impact of one of its columns", [partial(impact, of, "acme", column, NOW)] * 5)
    _measure(report, "lineage, 3 steps both ways", [partial(lineage, of, each, 3) for each in ids])
    _measure(report, "the same as SVG", [partial(_drawn, of, each) for each in ids])


def _drawn(of: Graph, kpi_id: str) -> str:
    found = lineage(of, kpi_id, 3)
    return svg(found) + mermaid(found)


def _measure(report: Report, name: str, calls: list[Callable[[], object]]) -> None:
    values = []
    for call in calls:
        began = time.perf_counter()
        call()
        values.append((time.perf_counter() - began) * 1000)
    report.median(BENCH, name, values, "ms")

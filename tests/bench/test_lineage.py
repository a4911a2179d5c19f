"""What column lineage adds to reading the statements of many KPIs, and the whole lineage of a dictionary."""

from __future__ import annotations

import time
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import pytest

from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.lineage import render_all, render_kpi
from kpis.lineage.column import sql_lineage
from kpis.schema import Dictionary, Kpi, SqlExpression
from kpis.sql import parse_query
from tests.bench.report import Report

pytestmark = pytest.mark.bench
BENCH = "lineage"
COUNT = 1000
REPEATS = 3


def many(dictionary: Dictionary) -> Dictionary:
    """Many KPIs from the statements of the shipped ones, each text different, so that nothing is read only once for several."""
    primaries = [kpi for kpi in dictionary.kpis if isinstance(kpi.expression, SqlExpression)]
    return dictionary.model_copy(update={"kpis": tuple(_copy(kpi, n) for n, kpi in enumerate(islice(cycle(primaries), COUNT)))})


def _copy(kpi: Kpi, number: int) -> Kpi:
    assert isinstance(kpi.expression, SqlExpression)
    return kpi.model_copy(update={"id": f"COPY-{number}", "expression": SqlExpression(sql=f"{kpi.expression.sql}\n-- {number}")})


def test_column_lineage_of_many_statements(report: Report) -> None:
    dictionary = many(check_packs(Path("kpis/packs"), root=Path()).dictionary)
    reading, tracing, events = [], [], []
    for _ in range(REPEATS):
        parse_query.cache_clear()
        sql_lineage.cache_clear()
        around = Surroundings(dictionary)
        for kpi in dictionary.kpis:
            around.hash_of(kpi)
        began = time.perf_counter()
        for kpi in dictionary.kpis:
            assert isinstance(kpi.expression, SqlExpression)
            parse_query(kpi.expression.sql)
        parsed = time.perf_counter()
        size = sum(len(artifact.content) for kpi in dictionary.kpis for artifact in render_kpi(kpi, around))
        first = time.perf_counter()
        assert sum(len(artifact.content) for kpi in dictionary.kpis for artifact in render_kpi(kpi, around)) == size
        again = time.perf_counter()
        reading.append((parsed - began) * 1000 / COUNT)
        events.append((again - first) * 1000 / COUNT)
        tracing.append((first - parsed) * 1000 / COUNT - events[-1])
    report.median(BENCH, "reading a statement (shared with the checks)", reading, "ms a KPI")
    report.median(BENCH, "its column lineage", tracing, "ms a KPI")
    report.median(BENCH, "its OpenLineage event", events, "ms a KPI")
    report.ratio(BENCH, "column lineage over reading", median(tracing), median(reading), of="medians")
    began = time.perf_counter()
    list(render_all(Surroundings(dictionary)))
    report.add(BENCH, f"graph of {COUNT:,} KPIs, hashes included", time.perf_counter() - began, "s")

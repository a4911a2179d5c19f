"""What a definition puts into the graph, written beside its pointer and read back."""

from __future__ import annotations

import json

import pytest

from lambdas.domain.lineage import graph_of
from lambdas.domain.lineage.graph import assembled, part_of
from lambdas.domain.lineage.parts import part_text, read_part
from tests.unit.lambdas.lineage.factory import dictionary

SOURCES = {source.id: source for source in dictionary().sources}


@pytest.mark.parametrize("kpi", dictionary().kpis, ids=lambda kpi: kpi.id)
def test_a_part_read_back_is_the_one_that_was_written(kpi) -> None:
    assert read_part(kpi.id, part_text(kpi, SOURCES)) == part_of(kpi, SOURCES)


def test_a_graph_of_parts_is_the_graph_of_their_definitions() -> None:
    kpis = [kpi for kpi in dictionary().kpis if "acme" in kpi.tenants]
    parts = [read_part(kpi.id, part_text(kpi, SOURCES)) for kpi in kpis]
    whole = graph_of(kpis, SOURCES.values())
    found = assembled([part for part in parts if part], whole.kpis, whole.sources)
    assert (found.nodes, found.links, found.parents) == (whole.nodes, whole.links, whole.parents)


def test_a_part_is_small() -> None:
    assert max(len(part_text(kpi, SOURCES)) for kpi in dictionary().kpis) < 4_000


def test_no_text_and_text_of_another_format_are_no_part() -> None:
    kpi = dictionary().kpis[0]
    later = json.loads(part_text(kpi, SOURCES)) | {"format": 2}
    assert read_part(kpi.id, "") is None
    assert read_part(kpi.id, json.dumps(later)) is None

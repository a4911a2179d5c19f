"""Drawings: the same bytes for the same lineage, nothing of a name becomes markup, and every arrow points right."""

from __future__ import annotations

import os
import random
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.lineage import graph_of, lineage, mermaid, svg
from lambdas.domain.lineage.layout import BEND, arranged
from tests.unit.lambdas.lineage.factory import GOLDEN, graph, kpi

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "</text><script>alert(1)</script>",
    '"]; click n0 "javascript:alert(1)"',
    "]]>&amp;<!--",
    "%%{init: {}}%%",
    "end",
    "#quot;",
    "\ufffe",
    "現金" * 40,
)


def golden(name: str, content: str) -> None:
    """Compare with the committed file; KPI_GOLDEN=write writes it anew, for a look at the difference."""
    file = GOLDEN / name
    if os.environ.get("KPI_GOLDEN") == "write":
        file.write_text(content)
    assert content == file.read_text(), f"{name} is drawn otherwise; look at it and write it anew with KPI_GOLDEN=write"


def test_the_drawings_of_the_liquidity_index_are_the_committed_ones() -> None:
    found = lineage(graph("acme"), "CFO-HX-01", 9)
    golden("cfo-hx-01.svg", svg(found))
    golden("cfo-hx-01.mmd", mermaid(found))


def test_the_drawing_says_in_words_what_it_shows() -> None:
    root = ET.fromstring(svg(lineage(graph("acme"), "CFO-EF-02", 1)))  # noqa: S314 - our own drawing
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "lineage-title lineage-description"
    assert root.findtext(f"{SVG}title") == "Lineage of CFO-EF-02: Days sales outstanding"
    description = root.findtext(f"{SVG}desc") or ""
    assert description.startswith("It comes from 2 and is used by 6. Arrows: GDP_Receivables to CFO-EF-02; GDP_Sales to CFO-EF-02; ")
    assert "CFO-EF-02 to CFO liquidity" in description


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_comes_out_as_text(name: str) -> None:
    found = lineage(graph_of([kpi("SH-AA-01", name=name, consumers=[{"type": "dashboard", "name": name}])]), "SH-AA-01")
    drawing = svg(found)
    root = ET.fromstring(drawing)  # noqa: S314
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "defs",
        "marker",
        "path",
        "rect",
        "g",
        "text",
    }
    titles = [element.text or "" for element in root.iter(f"{SVG}title")]
    assert f"SH-AA-01: {name}".replace("\ufffe", "\ufffd") in titles
    lines = mermaid(found).splitlines()
    assert len(lines) == 1 + len(found.nodes) + len(found.links) + 1
    assert all(line.count('"') == 2 for line in lines[1 : 1 + len(found.nodes)])
    assert not any("click" in line and '"' not in line for line in lines)


def test_the_order_of_definitions_changes_no_byte() -> None:
    kpis = list(graph("acme").kpis.values())
    random.Random(1).shuffle(kpis)  # noqa: S311
    again = lineage(graph_of(kpis, graph("acme").sources.values()), "CFO-HX-01", 9)
    assert svg(again) == svg(lineage(graph("acme"), "CFO-HX-01", 9))


def test_a_drawing_of_very_many_shows_the_nearest_and_says_how_many_are_left() -> None:
    many = graph_of([kpi("SH-AA-01"), *(kpi(f"SH-BB-{number:03d}", ["SH-AA-01"]) for number in range(300))])
    drawing = svg(lineage(many, "SH-AA-01", 3))
    assert "152 more are not drawn." in drawing
    assert drawing.count("<g>") == 150


names = st.sampled_from([f"n{number}" for number in range(9)])


@given(st.sets(names, min_size=1), st.lists(st.tuples(names, names), max_size=25))
@settings(max_examples=200, deadline=None)
def test_every_node_stands_once_and_every_way_goes_from_layer_to_layer(nodes: set[str], links: list[tuple[str, str]]) -> None:
    """Also with circles, which runs of older definitions can show."""
    layout = arranged(nodes, links)
    place = {name: column for column, layer in enumerate(layout.layers) for name in layer}
    assert sorted(name for name in place if not name.startswith(BEND)) == sorted(nodes)
    assert sum(map(len, layout.layers)) == len(place)
    assert layout == arranged(sorted(nodes, reverse=True), reversed(links))
    for (a, b), way in layout.ways.items():
        assert (way[0], way[-1]) == (a, b)
        if place[a] < place[b]:
            assert all(place[following] == place[name] + 1 for name, following in pairwise(way))


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=25))
@settings(max_examples=100, deadline=None)
def test_without_circles_every_arrow_points_right(pairs: list[tuple[int, int]]) -> None:
    links = [(f"n{min(pair)}", f"n{max(pair)}") for pair in pairs if pair[0] != pair[1]]
    layout = arranged([f"n{number}" for number in range(9)], links)
    place = {name: column for column, layer in enumerate(layout.layers) for name in layer}
    assert all(place[a] < place[b] for a, b in links)

"""The dictionary's graph: complete, the same for equal dictionaries, and readable by Mermaid whatever a name says."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.artifact import Surroundings
from kpis.checks import check_packs
from kpis.generate import write_packs
from kpis.lineage import render_all
from kpis.lineage.graph import MAX_EDGES, MAX_TEXT, Edge, Graph, Node, graph_of, label, mermaid
from kpis.schema import Dictionary

LINE = re.compile(
    r'^(flowchart LR|\s*%% [^\n]*|\s*subgraph p_\w+\["[^"\[\]{}`<>]*"\]|\s*end|\s*n\d+(\[\(?"[^"\[\]{}`<>]*"\)?\]|\(\["[^"\[\]{}`<>]*"\]\))'
    r"|\s*n\d+ -->(\|\d+\|)? n\d+)$"
)


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return check_packs(Path("kpis/packs"), root=Path()).dictionary


def test_the_graph_has_every_kpi_and_every_declared_source(dictionary: Dictionary) -> None:
    around = Surroundings(dictionary)
    graph = graph_of(around)
    assert {node.id for node in graph.nodes if node.pack} == {f"kpi:{kpi.id}" for kpi in dictionary.kpis}
    declared = {(f"gdp:{ref.gdp}", f"kpi:{kpi.id}") for kpi in dictionary.kpis for ref in kpi.gdp_sources}
    declared |= {(f"kpi:{ref.kpi}", f"kpi:{kpi.id}") for kpi in dictionary.kpis for ref in kpi.kpi_sources}
    assert {(edge.source, edge.target) for edge in graph.edges} == declared
    assert {node.definition_hash for node in graph.nodes} <= {around.hash_of(each) for each in (*dictionary.kpis, *dictionary.sources)}


def test_every_edge_ends_at_a_node(dictionary: Dictionary) -> None:
    files = {artifact.path: artifact.content for artifact in render_all(Surroundings(dictionary))}
    graph = json.loads(files["lineage/graph.json"])
    ids = {node["id"] for node in graph["nodes"]}
    assert {edge[end] for edge in graph["edges"] for end in ("source", "target")} <= ids


def test_the_order_of_the_dictionary_does_not_matter(dictionary: Dictionary) -> None:
    turned = dictionary.model_copy(update={"kpis": dictionary.kpis[::-1], "sources": dictionary.sources[::-1]})
    assert list(render_all(Surroundings(turned))) == list(render_all(Surroundings(dictionary)))


def test_every_line_of_the_drawing_is_a_mermaid_statement(dictionary: Dictionary) -> None:
    drawn = mermaid(graph_of(Surroundings(dictionary)))
    assert [line for line in drawn.splitlines() if LINE.match(line) is None] == []
    assert drawn.count("-->") == len(graph_of(Surroundings(dictionary)).edges)


def test_a_dictionary_larger_than_mermaid_draws_is_drawn_by_pack(tmp_path: Path) -> None:
    write_packs(tmp_path, 600)
    graph = graph_of(Surroundings(check_packs(tmp_path, root=Path()).dictionary))
    assert len(graph.edges) > MAX_EDGES
    drawn = mermaid(graph)
    assert [line for line in drawn.splitlines() if LINE.match(line) is None] == []
    assert "generated: 600 KPIs" in drawn
    assert drawn.count("-->") <= MAX_EDGES


def test_a_drawing_with_more_text_than_mermaid_reads_is_drawn_by_pack() -> None:
    kpis = [Node(f"kpi:A-{number}", '"' * 60, "", "primary", "p") for number in range(400)]
    graph = Graph((Node("gdp:T", "t", ""), *kpis), tuple(Edge("gdp:T", kpi.id) for kpi in kpis))
    drawn = mermaid(graph)
    assert len(graph.edges) <= MAX_EDGES
    assert len(drawn) <= MAX_TEXT
    assert "p: 400 KPIs" in drawn


@given(st.text(max_size=200), st.text(max_size=80))
def test_no_text_becomes_mermaid_syntax(name: str, pack: str) -> None:
    graph = Graph((Node("gdp:T", "t", ""), Node("kpi:A-1", name, "", "composite", pack or "p")), (Edge("gdp:T", "kpi:A-1"),))
    assert [line for line in mermaid(graph).splitlines() if LINE.match(line) is None] == []


def test_an_escaped_text_reads_as_it_was_written() -> None:
    def read(escaped: str) -> str:
        return re.sub(r"#(\d+);", lambda match: chr(int(match[1])), escaped)

    for text in ('say "hi"', "a[b]{c}(d)", "end", "<b>x</b>", "#quot;", "100 %% not a comment", "日本語", "`code`", "a|b"):
        assert read(label(text)) == text
    assert '"' not in label('"')
    assert len(read(label("x" * 500))) == 60

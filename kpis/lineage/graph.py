"""The whole dictionary's lineage as one graph: golden data tables and KPIs, and what reads what."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from kpis.artifact import Artifact, Surroundings
from kpis.lineage.facets import OWN_FACETS
from kpis.lineage.model import GDP, KPI
from kpis.schema import Kpi

MAX_EDGES = 500
"""Edges Mermaid draws unless it is told otherwise (`maxEdges`); a larger dictionary is drawn by pack."""
MAX_TEXT = 50_000
"""Characters Mermaid reads unless it is told otherwise (`maxTextSize`)."""
MAX_LABEL = 60
_SCHEMAS = Path(__file__).parent / "schemas"
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, order=True)
class Node:
    """A table (`gdp:` id) or a KPI (`kpi:` id); `pack` and `layer` are empty for a table."""

    id: str
    name: str
    definition_hash: str
    layer: str = ""
    pack: str = ""


@dataclass(frozen=True, order=True)
class Edge:
    """`target` reads `source`: columns of a table by name, the value of a KPI under the formula's alias."""

    source: str
    target: str
    columns: tuple[str, ...] = ()
    alias: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and edges, each sorted."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(around: Surroundings) -> Graph:
    """The graph of a dictionary. Only what KPIs declare is read, so it costs no parsing; column lineage is in each KPI's own artifact."""
    kpis = sorted(around.dictionary.kpis, key=lambda kpi: kpi.id)
    tables = {source.id: source for kpi in kpis for source in around.sources_of(kpi)}
    nodes = [Node(f"{GDP}{source.id}", source.table, around.hash_of(source)) for source in tables.values()]
    nodes += [Node(f"{KPI}{kpi.id}", kpi.name, around.hash_of(kpi), kpi.layer, kpi.pack) for kpi in kpis]
    return Graph(tuple(sorted(nodes)), tuple(sorted(edge for kpi in kpis for edge in _edges(kpi))))


def _edges(kpi: Kpi) -> Iterator[Edge]:
    for ref in kpi.gdp_sources:
        yield Edge(f"{GDP}{ref.gdp}", f"{KPI}{kpi.id}", tuple(sorted(ref.attributes)))
    for ref in kpi.kpi_sources:
        yield Edge(f"{KPI}{ref.kpi}", f"{KPI}{kpi.id}", ("value",), ref.alias)


def render_all(around: Surroundings) -> Iterator[Artifact]:
    """`lineage/graph.json`, `lineage/graph.mmd` (Mermaid), and the schemas of our own OpenLineage facets."""
    graph = graph_of(around)
    document = {"nodes": [asdict(node) for node in graph.nodes], "edges": [asdict(edge) for edge in graph.edges]}
    written = orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    yield Artifact("lineage/graph.json", written)
    yield Artifact("lineage/graph.mmd", mermaid(graph).encode())
    for name in OWN_FACETS:
        yield Artifact(f"openlineage/schemas/{name}.json", (_SCHEMAS / f"{name}.json").read_bytes())


def mermaid(graph: Graph) -> str:
    """The graph as a Mermaid flowchart; by pack when there are more edges than Mermaid draws."""
    digest = hashlib.sha256("".join(f"{node.id} {node.definition_hash}\n" for node in graph.nodes).encode()).hexdigest()
    head = ("flowchart LR", f"  %% definitions sha256:{digest}")
    drawn = "\n".join((*head, *_every(graph))) + "\n"
    if len(graph.edges) <= MAX_EDGES and len(drawn) <= MAX_TEXT:
        return drawn
    return "\n".join((*head, *_by_pack(graph))) + "\n"


def _every(graph: Graph) -> Iterator[str]:
    numbers = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    for pack in sorted({node.pack for node in graph.nodes}):
        inside = [node for node in graph.nodes if node.pack == pack]
        shapes = (f"  {numbers[node.id]}{_shape(node)}" for node in inside)
        yield from (f'  subgraph p_{_word(pack)}["{label(pack)}"]', *(f"  {each}" for each in shapes), "  end") if pack else shapes
    for edge in graph.edges:
        yield f"  {numbers[edge.source]} --> {numbers[edge.target]}"


def _by_pack(graph: Graph) -> Iterator[str]:
    counts = f"{len(graph.nodes)} nodes and {len(graph.edges)} edges"
    yield f"  %% {counts} are more than Mermaid draws: by pack and table; graph.json has them all"
    packs = {node.id: node.pack or node.id for node in graph.nodes}
    groups: Sequence[str] = sorted(set(packs.values()))
    numbers = {group: f"n{index}" for index, group in enumerate(groups)}
    sizes = Counter(packs.values())
    for group in groups:
        table = group.startswith(GDP)
        yield f'  {numbers[group]}[("{label(group)}")]' if table else f'  {numbers[group]}["{label(group)}: {sizes[group]} KPIs"]'
    between = Counter((packs[edge.source], packs[edge.target]) for edge in graph.edges)
    heaviest = sorted(between, key=lambda pair: (-between[pair], pair))[:MAX_EDGES]
    if len(between) > MAX_EDGES:
        yield f"  %% the {MAX_EDGES} heaviest of {len(between)}"
    for source, target in sorted(heaviest):
        yield f"  {numbers[source]} -->|{between[source, target]}| {numbers[target]}"


def _shape(node: Node) -> str:
    own = node.id.partition(":")[2]
    text = label(own if own.lower() == node.name.lower() else f"{own}: {node.name}")
    if node.id.startswith(GDP):
        return f'[("{text}")]'
    return f'(["{text}"])' if node.layer == "composite" else f'["{text}"]'


def _word(text: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else f"_{ord(each):x}_" for each in text)


def label(text: str) -> str:
    """A text inside a quoted Mermaid label: at most `MAX_LABEL` characters, and nothing of it is markup.

    Mermaid reads `#name;` as a character, and quotes, brackets, backticks, `%` and `<` as syntax or HTML; each is written by its number.
    """
    flat = _BREAKS.sub(" ", text)
    cut = flat if len(flat) <= MAX_LABEL else f"{flat[: MAX_LABEL - 1]}…"
    return "".join(each if each.isalnum() or each in " .,:-_/…" else f"#{ord(each)};" for each in cut)

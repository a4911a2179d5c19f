"""A lineage as Mermaid text and as an SVG drawing. Names are text in both: nothing of them becomes markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from lambdas.domain.lineage.graph import Evidence, Link, LinkKind, Node, NodeKind, name_of
from lambdas.domain.lineage.layout import BEND, Layout, arranged
from lambdas.domain.lineage.walk import Lineage

MAX_DRAWN = 150
"""Nodes a drawing shows, the nearest; more cannot be read."""
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 232, 46, 72, 16, 24
LINE = 30
"""Half-width characters of a box's line of text."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FILLS = {
    NodeKind.TABLE: "#dbe7f3",
    NodeKind.KPI: "#e6f0dc",
    NodeKind.DASHBOARD: "#f6e7c9",
    NodeKind.REPORT: "#f6e7c9",
    NodeKind.APPLICATION: "#f6e7c9",
    NodeKind.TEAM: "#efe3f1",
}
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#5b6673"/></marker></defs>'
)
_WORDS = {NodeKind.TABLE: "Golden data", NodeKind.KPI: "KPI"}


@dataclass(frozen=True)
class _Drawing:
    """What is drawn: the nearest nodes, with where each node and each bend stands (the left middle of a box)."""

    nodes: Mapping[str, Node]
    links: tuple[Link, ...]
    layout: Layout
    places: Mapping[str, tuple[float, float]]
    size: tuple[float, float]
    left_out: int


def mermaid(lineage: Lineage) -> str:
    """The lineage as a Mermaid flowchart, from golden data on the left to consumers on the right."""
    from kpis.lineage.graph import label  # brings the SQL parser along

    numbers = {node.id: f"n{index}" for index, node in enumerate(lineage.nodes)}
    lines = ["flowchart LR"]
    for node in lineage.nodes:
        text = label(_title(node))
        shape = f'[("{text}")]' if node.kind is NodeKind.TABLE else f'["{text}"]' if node.kind is NodeKind.KPI else f'(["{text}"])'
        lines.append(f"  {numbers[node.id]}{shape}")
    for link in lineage.links:
        arrow = "-.->" if _dotted(link) else "-->"
        lines.append(f"  {numbers[link.source]} {arrow} {numbers[link.target]}")
    lines.append(f"  style {numbers[lineage.root]} stroke-width:3px")
    if lineage.left_out:
        lines.append(f"  %% {lineage.left_out} more nodes are left out")
    return "\n".join(lines) + "\n"


def svg(lineage: Lineage) -> str:
    """The lineage as an SVG image with a title and a description in words for who cannot see it."""
    drawing = _drawing(lineage)
    width, height = (_number(each) for each in drawing.size)
    root = drawing.nodes[lineage.root]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'aria-labelledby="lineage-title lineage-description" font-family="system-ui, sans-serif" font-size="12">'
    )
    lines = [
        opening,
        f'<title id="lineage-title">{_text(f"Lineage of {_title(root)}")}</title>',
        f'<desc id="lineage-description">{_text(_described(lineage, drawing))}</desc>',
        _ARROW,
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_arrows(drawing),
        *(_box(node, drawing.places[node.id], root=node.id == lineage.root) for node in drawing.nodes.values()),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawing(lineage: Lineage) -> _Drawing:
    nearest = sorted(lineage.nodes, key=lambda node: (abs(lineage.distance[node.id]), node.id))[:MAX_DRAWN]
    nodes = {node.id: node for node in sorted(nearest)}
    links = tuple(link for link in lineage.links if link.source in nodes and link.target in nodes)
    layout = arranged(nodes, ((link.source, link.target) for link in links))
    heights = [sum(_room(name) for name in layer) for layer in layout.layers]
    places: dict[str, tuple[float, float]] = {}
    for column, layer in enumerate(layout.layers):
        top = MARGIN + (max(heights) - heights[column]) / 2
        for name in layer:
            places[name] = (MARGIN + column * (WIDTH + GAP_X), top + _room(name) / 2)
            top += _room(name)
    size = (2 * MARGIN + len(layout.layers) * (WIDTH + GAP_X) - GAP_X, 2 * MARGIN + max(heights))
    return _Drawing(nodes, links, layout, places, size, lineage.left_out + len(lineage.nodes) - len(nodes))


def _room(name: str) -> float:
    """The height a box takes with its gap, or an arrow that passes the layer."""
    return GAP_Y if name.startswith(BEND) else HEIGHT + GAP_Y


def _described(lineage: Lineage, drawing: _Drawing) -> str:
    """The picture in words: counts, then every arrow."""
    up = sum(1 for node in drawing.nodes if lineage.distance[node] < 0)
    down = sum(1 for node in drawing.nodes if lineage.distance[node] > 0)
    arrows = "; ".join(f"{name_of(a)} to {name_of(b)}" for a, b in sorted(drawing.layout.ways))
    rest = f" {drawing.left_out} more are not drawn." if drawing.left_out else ""
    return f"It comes from {up} and is used by {down}. Arrows: {arrows or 'none'}.{rest}"


def _arrows(drawing: _Drawing) -> Iterator[str]:
    dotted = {(link.source, link.target): _dotted(link) for link in reversed(drawing.links)}
    for pair, way in sorted(drawing.layout.ways.items()):
        path = ""
        for name, following in pairwise(way):
            (x, y), (end_x, end_y) = drawing.places[name], drawing.places[following]
            x += WIDTH  # a bend takes a whole column, so that its arrow runs straight past the boxes there
            path += f"{'L' if path else 'M'}{_number(x)} {_number(y)}"
            middle = _number((x + end_x) / 2)
            path += f"C{middle} {_number(y)} {middle} {_number(end_y)} {_number(end_x)} {_number(end_y)}"
        dashes = ' stroke-dasharray="5 4"' if dotted.get(pair) else ""
        yield f'<path d="{path}" fill="none" stroke="#5b6673" stroke-width="1.2"{dashes} marker-end="url(#arrow)"/>'


def _dotted(link: Link) -> bool:
    """A check is no data flow, and a link that only a run showed is not in the definition."""
    return link.kind is LinkKind.CHECKS or link.evidence is Evidence.OBSERVED


def _box(node: Node, place: tuple[float, float], *, root: bool) -> str:
    x, y = place[0], place[1] - HEIGHT / 2
    heading, below = _lines(node)
    border = 'stroke="#1f2933" stroke-width="3"' if root else 'stroke="#8896a5"'
    return (
        f'<g><title>{_text(_title(node))}</title><rect x="{_number(x)}" y="{_number(y)}" width="{WIDTH}" height="{HEIGHT}" rx="6" '
        f'fill="{_FILLS[node.kind]}" {border}/><text x="{_number(x + 10)}" y="{_number(y + 19)}" font-weight="600" fill="#1f2933">'
        f'{_text(_cut(heading))}</text><text x="{_number(x + 10)}" y="{_number(y + 36)}" fill="#3e4c59">{_text(_cut(below))}</text></g>'
    )


def _lines(node: Node) -> tuple[str, str]:
    own = name_of(node.id)
    if node.kind in (NodeKind.KPI, NodeKind.TABLE):
        return own, node.name if node.name != own else _WORDS[node.kind]
    return own, node.kind.capitalize()


def _title(node: Node) -> str:
    heading, below = _lines(node)
    return f"{heading}: {below}" if node.kind in (NodeKind.KPI, NodeKind.TABLE) else f"{below}: {heading}"


def _cut(text: str) -> str:
    """As much of a text as a line holds; East Asian wide characters take two places (UAX 11)."""
    flat = " ".join(text.split())
    used = 0
    for index, character in enumerate(flat):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > LINE:
            return f"{flat[: max(index - 1, 0)]}…"
    return flat


def _text(text: str) -> str:
    """A text inside an element: escaped, and without what XML 1.0 cannot hold."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text), quote=False)


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")

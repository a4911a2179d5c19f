"""What a definition puts into the graph, as text beside the pointer that says it runs: a graph of thousands needs no definition then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from kpis.schema import Kpi, Source
from lambdas.domain.lineage.graph import Link, LinkKind, Node, NodeKind, Part, kpi_node, part_of

FORMAT = 1
"""Changes when older text would be read wrongly; such text counts as none."""


def part_text(kpi: Kpi, sources: Mapping[str, Source]) -> str:
    """The part of a definition as one line of JSON; what is empty is left out."""
    part = part_of(kpi, sources)
    own = part.node.id
    return json.dumps(
        {
            "format": FORMAT,
            "node": _told(part.node, {"id", "kind"}),
            "links": [_told(link, {"source"} if link.source == own else {"target"}) for link in part.links],
            "tables": [_told(node, {"kind"}) for node in part.tables],
            "parent": part.parent,
        },
        separators=(",", ":"),
    )


def read_part(kpi_id: str, text: str) -> Part | None:
    """The part in a text; None when there is none, or one of another format."""
    told: dict[str, Any] = json.loads(text) if text else {}
    if told.get("format") != FORMAT:
        return None
    own = kpi_node(kpi_id)
    return Part(
        kpi_id,
        Node(**{"id": own, "kind": NodeKind.KPI} | told["node"]),
        tuple(_link({"source": own, "target": own} | each) for each in told["links"]),
        tuple(Node(**each | {"kind": NodeKind.TABLE}) for each in told["tables"]),
        told["parent"],
    )


def _link(values: Mapping[str, Any]) -> Link:
    given: dict[str, Any] = {"kind": LinkKind(values["kind"]), "columns": tuple(values.get("columns", ()))}
    return Link(**{**values, **given})


def _told(value: Node | Link, without: set[str]) -> dict[str, Any]:
    every = ((field.name, getattr(value, field.name)) for field in fields(value))
    shown = {name: each for name, each in every if name not in without and each not in ("", (), False)}
    shown.pop("evidence", None)
    return shown

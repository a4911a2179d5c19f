"""Lineage and impact over one tenant's catalog (K25)."""

from __future__ import annotations

from lambdas.domain.lineage.change import Change, ChangeKind, parse_change
from lambdas.domain.lineage.columns import ColumnInput, ColumnUse, inputs_of
from lambdas.domain.lineage.draw import mermaid, svg
from lambdas.domain.lineage.graph import Evidence, Graph, Link, LinkKind, Node, NodeKind, graph_of
from lambdas.domain.lineage.impact import impact
from lambdas.domain.lineage.report import ImpactReport
from lambdas.domain.lineage.runs import Observation, observations, observed, seen_in
from lambdas.domain.lineage.walk import Direction, Lineage, lineage

__all__ = [
    "Change",
    "ChangeKind",
    "ColumnInput",
    "ColumnUse",
    "Direction",
    "Evidence",
    "Graph",
    "ImpactReport",
    "Lineage",
    "Link",
    "LinkKind",
    "Node",
    "NodeKind",
    "Observation",
    "graph_of",
    "impact",
    "inputs_of",
    "lineage",
    "mermaid",
    "observations",
    "observed",
    "parse_change",
    "seen_in",
    "svg",
]

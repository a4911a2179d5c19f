"""Lineage of the dictionary: column by column from each KPI's own definition, as OpenLineage events and as one graph."""

from __future__ import annotations

from kpis.lineage.column import column_lineage
from kpis.lineage.graph import render_all
from kpis.lineage.model import ColumnLineage, Field, Input, Kind, Output, Subtype, Use
from kpis.lineage.naming import Naming, Warehouse
from kpis.lineage.openlineage import job_event, render_kpi
from kpis.lineage.runs import Outcome, Phase, RuleResult, RunFacts, run_event

__all__ = [
    "ColumnLineage",
    "Field",
    "Input",
    "Kind",
    "Naming",
    "Outcome",
    "Output",
    "Phase",
    "RuleResult",
    "RunFacts",
    "Subtype",
    "Use",
    "Warehouse",
    "column_lineage",
    "job_event",
    "render_all",
    "render_kpi",
    "run_event",
]

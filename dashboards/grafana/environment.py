"""The template environment of the Grafana dashboards, and the small JSON pieces templates ask for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2

from kpis import prometheus_names
from kpis.common import Verdict
from kpis.metric_names import VERDICT_CODES
from kpis.templating import text_environment

SCHEMA_VERSION = 42
"""Of the classic dashboard JSON, as Grafana 12 and grafana-foundation-sdk 0.0.21 write it."""
TEMPLATES = Path(__file__).parents[1] / "templates"
VERDICT_STEPS = [(None, "green"), (1, "yellow"), (2, "red")]
SLA_STEPS = [(None, "red"), (1, "green")]
_COLORS = {Verdict.ADEQUATE: "green", Verdict.LOW: "yellow", Verdict.CRITICAL: "red"}
Json = dict[str, Any]


@cache
def environment() -> jinja2.Environment:
    """The environment all Grafana templates are compiled in."""
    made = text_environment(TEMPLATES, keep_trailing_newline=True)
    cast("dict[str, Any]", made.globals).update(
        m=prometheus_names,
        schema_version=SCHEMA_VERSION,
        runs=runs,
        excluded=excluded,
        thresholds=thresholds,
        ordered=ordered,
        renamed=renamed,
        number_column=number_column,
        unit_column=unit_column,
        state_column=state_column,
        verdict_steps=VERDICT_STEPS,
        sla_steps=SLA_STEPS,
        verdict_mappings=verdict_mappings(),
        sla_mappings=sla_mappings(),
        verdict_colors=[column(verdict, color=_fixed(_COLORS[verdict])) for verdict in Verdict],
    )
    return made


def runs(status: str, of: str) -> str:
    """PromQL for the runs of a status in a day; 0 where there was none, which has no series of its own."""
    return f'(sum(increase({prometheus_names.RUNS}{{status="{status}",{of}}}[1d])) or vector(0))'


def thresholds(steps: Sequence[tuple[float | None, str]] | str) -> list[Json] | str:
    """Steps as Grafana writes them; the mark of a stencil stays as it is."""
    return steps if isinstance(steps, str) else [{"value": value, "color": color} for value, color in steps]


def verdict_mappings() -> list[Json]:
    """The words of the verdict's codes."""
    words = {str(int(code)): {"text": verdict, "color": _COLORS[verdict], "index": int(code)} for verdict, code in VERDICT_CODES.items()}
    return [{"type": "value", "options": words}]


def sla_mappings() -> list[Json]:
    """The words of `kpi_sla_ok`."""
    return [
        {"type": "value", "options": {"0": {"text": "late", "color": "red", "index": 0}, "1": {"text": "ok", "color": "green", "index": 1}}}
    ]


def name_mappings(names: dict[str, str]) -> list[Json]:
    """Names to show in place of ids."""
    if not names:
        return []
    options = {kpi_id: {"text": f"{kpi_id}: {names[kpi_id]}", "index": index} for index, kpi_id in enumerate(sorted(names))}
    return [{"type": "value", "options": options}]


def column(name: str, **properties: Any) -> Json:
    """An override of the field of a name."""
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key, "value": properties[key]} for key in properties]}


def number_column(name: str, decimals: int) -> Json:
    """A column of numbers."""
    return column(name, decimals=decimals)


def unit_column(name: str, unit: str) -> Json:
    """A column in a unit of Grafana."""
    return column(name, unit=unit)


def state_column(name: str, mappings: list[Json]) -> Json:
    """A column of codes, shown as colored words."""
    return column(name, mappings=mappings) | {
        "properties": [
            {"id": "mappings", "value": mappings},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ]
    }


def _fixed(color: str) -> Json:
    return {"mode": "fixed", "fixedColor": color}


def excluded(names: Sequence[str]) -> dict[str, bool]:
    """Columns a table leaves out."""
    return dict.fromkeys(names, True)


def ordered(columns: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The places of a table's columns."""
    return {name: index for index, (name, _) in enumerate(columns)}


def renamed(columns: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The headings of a table's columns."""
    return dict(columns)

"""One page and one runbook page for each KPI, and the index of the dictionary, in Markdown (K16)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import relpath
from typing import Any
from urllib.parse import quote

from artifacts.markdown import environment
from kpis.artifact import Artifact, Surroundings
from kpis.common import format_duration
from kpis.describe import (
    describe_bands,
    describe_extension,
    describe_formula,
    describe_route,
    describe_rule,
    describe_schedule,
    describe_sla,
)
from kpis.rules import Rule
from kpis.schema import Kpi

DICTIONARY = "docs/dictionary"
RUNBOOKS = "docs/runbooks/kpis"
FOLDERS = (DICTIONARY, RUNBOOKS)
"""Folders whose every page is generated; a page of a KPI that is gone is removed."""

# What an operator does about a rule that failed, by its check.
_ADVICE = {
    "source_present": "Ask for the load of the period, then run again.",
    "range_covered": "Find the days without rows and have them loaded.",
    "entities_covered": "Have the missing entities loaded, or change the expected list by a new version.",
    "freshness": "The load is late: wait for it or ask for it.",
    "upstream_delivered": "Run the upstream KPI first.",
    "null_ratio": "Have the missing values filled at their source.",
    "column_range": "A value is impossible: have it corrected at its source.",
    "row_count": "Compare the load with those before it; part of it may be missing.",
    "reconciliation": "One of the two totals is incomplete: have it loaded.",
    "upstream_range": "Look at the upstream KPI's run first.",
    "value_range": "Correct the source, or confirm the value and change the bounds by a new version.",
    "variance": "Compare with the periods before; confirm or correct the source.",
    "verdict_alignment": "The bands changed while it ran: run it again.",
    "cross_kpi": "One of the KPIs was computed on other data: run those named again, then this one.",
}


def render_kpi(kpi: Kpi, around: Surroundings) -> Iterator[Artifact]:
    """The KPI's page and its runbook."""
    facts = _facts(kpi, around)
    for template, path in (("kpi.md.j2", f"{DICTIONARY}/{kpi.id}.md"), ("runbook.md.j2", f"{RUNBOOKS}/{kpi.id}.md")):
        yield Artifact(path, environment().get_template(template).render(**_pages(facts, template)).encode(), (kpi.id,))


def render_all(around: Surroundings) -> Iterator[Artifact]:
    """The index of all KPIs, sources and signals."""
    dictionary = around.dictionary
    kpis = sorted(dictionary.kpis, key=lambda kpi: kpi.id)
    packs = [
        {"header": pack, "kpis": [kpi for kpi in kpis if kpi.pack == pack.id]}
        for pack in sorted(dictionary.packs, key=lambda pack: pack.id)
    ]
    text = (
        environment()
        .get_template("index.md.j2")
        .render(
            count=len(kpis),
            packs=packs,
            sources=sorted(dictionary.sources, key=lambda source: source.id),
            signals=sorted(dictionary.signals, key=lambda signal: signal.id),
        )
    )
    yield Artifact(f"{DICTIONARY}/README.md", text.encode())


def _facts(kpi: Kpi, around: Surroundings) -> dict[str, Any]:
    sources, upstream = around.sources_of(kpi), around.upstream_of(kpi)
    return {
        "kpi": kpi,
        "hash": around.hash_of(kpi),
        "tenant": kpi.tenants[0],
        "environment": kpi.environments[0],
        "bands": describe_bands(kpi.verdict, kpi.unit),
        "schedule": describe_schedule(kpi.schedule),
        "timeout": format_duration(kpi.schedule.timeout),
        "slas": [describe_sla(sla) for sla in kpi.sla],
        "formula": describe_formula(kpi),
        "sources": sources,
        "upstream": upstream,
        "downstream": around.downstream_of(kpi),
        "reads": ", ".join([source.table for source in sources] + [f"{each.id} {each.name}" for each in upstream]),
        "extensions": [describe_extension(extension) for extension in kpi.extensions],
        "routes": [describe_route(route) for route in kpi.alerts],
        "last_change": max(kpi.change_log, key=lambda change: (change.date, change.version)),
        "team_runbook": _relative(kpi.runbook),
    }


def _pages(facts: dict[str, Any], template: str) -> dict[str, Any]:
    """The rules as the page lists them: in a line, and in the runbook with what to do."""
    kpi: Kpi = facts["kpi"]
    render = _advised if template.startswith("runbook") else _described
    return facts | {"pre_rules": render(kpi.pre_validation), "post_rules": render(kpi.post_validation)}


def _described(rules: Sequence[Rule]) -> list[str]:
    return [describe_rule(rule) + (f". {rule.description}" if rule.description else "") for rule in rules]


def _advised(rules: Sequence[Any]) -> list[dict[str, str]]:
    return [{"text": describe_rule(rule), "why": (rule.description or "").rstrip("."), "advice": _ADVICE[rule.check]} for rule in rules]


def _relative(runbook: str) -> str:
    """The team's runbook as a link from the generated page."""
    path, mark, anchor = runbook.partition("#")
    return quote(relpath(path, RUNBOOKS)) + mark + quote(anchor)

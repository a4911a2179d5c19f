"""The generated dictionary page (K16): one HTML file without dependencies, and the data it lists beside it.

The data is a file of its own so that the page opens at once with 10,000 KPIs; rows are made as they scroll into view.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import orjson

from kpis.hashing import definition_hash
from kpis.rules import Rule
from kpis.schema import Dictionary, FormulaExpression, Kpi, SqlExpression, WeightedExpression
from kpis.summary import describe_sla

_TEMPLATES = Path(__file__).parent / "templates"


def render_portal_files(dictionary: Dictionary, *, digest: str) -> dict[str, bytes]:
    """See `dashboards.render_portal`; equal dictionaries give equal bytes."""
    kpis = sorted(dictionary.kpis, key=lambda kpi: kpi.id)
    sources = sorted(dictionary.sources, key=lambda source: source.id)
    data = {
        "digest": digest,
        "kpis": [portal_row(kpi) for kpi in kpis],
        "sources": [{"id": source.id, "table": source.table, "description": source.description} for source in sources],
    }
    style, script = _asset("portal.css"), _asset("portal.js")
    page = (
        _environment()
        .get_template("portal.html.j2")
        .render(
            digest=digest,
            kpis=len(kpis),
            packs=sorted(dictionary.packs, key=lambda pack: pack.id),
            layers=sorted({str(kpi.layer) for kpi in kpis}),
            statuses=sorted({str(kpi.status) for kpi in kpis}),
            style=style,
            script=script,
            style_hash=_content_hash(style),
            script_hash=_content_hash(script),
        )
    )
    return {"index.html": page.encode(), "dictionary.json": orjson.dumps(data, option=orjson.OPT_SORT_KEYS)}


def portal_row(kpi: Kpi) -> dict[str, Any]:
    """What the page shows of one KPI; texts are as written in the pack."""
    return {
        "id": kpi.id,
        "name": kpi.name,
        "pack": kpi.pack,
        "layer": kpi.layer,
        "version": kpi.contract_version,
        "status": kpi.status,
        "purpose": kpi.purpose,
        "formula": _formula(kpi),
        "sources": _sources(kpi),
        "rules": [_rule("before", rule) for rule in kpi.pre_validation] + [_rule("after", rule) for rule in kpi.post_validation],
        "sla": [describe_sla(sla) for sla in kpi.sla],
        "verdict": _bands(kpi),
        "schedule": _schedule(kpi),
        "owners": [kpi.owners.business, kpi.owners.technical],
        "tenants": list(kpi.tenants),
        "runbook": kpi.runbook,
        "hash": definition_hash(kpi),
    }


def _bands(kpi: Kpi) -> str:
    """`lower is better: Adequate from 4,000,000, Low from 5,000,000 USD`."""
    bands = kpi.verdict
    return f"{bands.direction.replace('_', ' ')}: Adequate from {bands.adequate:,.10g}, Low from {bands.low:,.10g} {kpi.unit}"


def _sources(kpi: Kpi) -> list[str]:
    tables = [f"gdp:{source.gdp}" for source in kpi.gdp_sources]
    return tables + [f"kpi:{source.kpi} as {source.alias}" for source in kpi.kpi_sources]


def _formula(kpi: Kpi) -> str:
    expression = kpi.expression
    match expression:
        case SqlExpression():
            return expression.sql
        case FormulaExpression():
            return expression.formula
        case WeightedExpression():
            terms = (f"{term.weight:g} * {name} [{term.floor:g}..{term.ceiling:g}]" for name, term in expression.weights.items())
            return " + ".join(terms)


def _rule(when: str, rule: Rule) -> str:
    """One rule in a line: `before source_present flights (error): source=flights, min_rows=1`."""
    values = rule.model_dump(mode="json", exclude_none=True)
    known = {name: values.pop(name, "") for name in ("id", "check", "severity", "type", "description")}
    facts = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"{when} {known['check']} {known['id']} ({known['severity']})" + (f": {facts}" if facts else "")


def _schedule(kpi: Kpi) -> str:
    parts = [str(kpi.schedule.frequency)]
    if kpi.schedule.cron:
        parts.append(f"cron {kpi.schedule.cron} {kpi.schedule.timezone}")
    if kpi.schedule.event:
        parts.append(f"on {kpi.schedule.event}")
    return ", ".join(parts)


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text().strip()


def _content_hash(text: str) -> str:
    """What the page's content security policy allows: this inline text and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=True)

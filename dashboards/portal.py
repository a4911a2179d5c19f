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

from kpis.describe import describe_bands, describe_formula, describe_rule, describe_schedule, describe_sla
from kpis.hashing import definition_hash
from kpis.schema import Dictionary, Kpi

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
        "formula": describe_formula(kpi),
        "sources": _sources(kpi),
        "rules": [
            *(f"before {describe_rule(rule)}" for rule in kpi.pre_validation),
            *(f"after {describe_rule(rule)}" for rule in kpi.post_validation),
        ],
        "sla": [describe_sla(sla) for sla in kpi.sla],
        "verdict": describe_bands(kpi.verdict, kpi.unit),
        "schedule": describe_schedule(kpi.schedule),
        "owners": [kpi.owners.business, kpi.owners.technical],
        "tenants": list(kpi.tenants),
        "runbook": kpi.runbook,
        "hash": definition_hash(kpi),
    }


def _sources(kpi: Kpi) -> list[str]:
    tables = [f"gdp:{source.gdp}" for source in kpi.gdp_sources]
    return tables + [f"kpi:{source.kpi} as {source.alias}" for source in kpi.kpi_sources]


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text().strip()


def _content_hash(text: str) -> str:
    """What the page's content security policy allows: this inline text and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined, autoescape=True)

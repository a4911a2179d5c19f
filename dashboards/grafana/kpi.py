"""The dashboard of one KPI, for those who opt into one: the drill-down with the KPI fixed, in its own unit and bands."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from dashboards.grafana.bands import Band, band_of
from dashboards.grafana.environment import environment, thresholds
from dashboards.grafana.names import kpi_uid, view_uid
from dashboards.grafana.render import FOLDER, TAG, About, checked, written
from dashboards.grafana.site import Site, links_of
from dashboards.grafana.stencil import Stencil, json_mark, text_mark
from kpis.artifact import Artifact, Surroundings
from kpis.schema import Kpi

TEMPLATE = "kpi.json.j2"
_WHOLE = ("uid", "title", "description", "tags", "unit", "steps", "decimals")
_PART = "kpi_id"
_DEFAULT = Site()


def render_kpi(kpi: Kpi, around: Surroundings, site: Site = _DEFAULT) -> Iterator[Artifact]:
    """`grafana/dashboards/kpis/<ID>.json`.

    The template is rendered and checked once for a site; a KPI's own values are written into it.

    Raises:
        GrafanaError: when the template gives a dashboard that would not work.
    """
    yield Artifact(f"{FOLDER}/kpis/{kpi.id}.json", _stencil(site).fill(values_of(kpi, around)), (kpi.id,))


def render_anew(kpi: Kpi, around: Surroundings, site: Site = _DEFAULT) -> bytes:
    """The same bytes by rendering and checking the whole template for this KPI: forty times slower, and what the other is held against."""
    values = values_of(kpi, around)
    band = Band(values["unit"], values["decimals"], tuple((step["value"], step["color"]) for step in values["steps"]))
    return checked(f"kpis/{kpi.id}", TEMPLATE, site, _context(values, band))


def values_of(kpi: Kpi, around: Surroundings) -> dict[str, Any]:
    """What differs between the dashboards of two KPIs."""
    band = band_of(kpi)
    return {
        "kpi_id": kpi.id,
        "uid": kpi_uid(kpi.id),
        "title": f"{kpi.id}: {kpi.name}",
        "description": f"{kpi.purpose}\n\nVersion {kpi.contract_version}, definition sha256:{around.hash_of(kpi)}",
        "tags": [TAG, "kpi", kpi.pack],
        "unit": band.unit,
        "decimals": band.decimals,
        "steps": thresholds(band.steps),
    }


def _context(values: dict[str, Any], band: object) -> dict[str, Any]:
    return {
        "about": About(values["uid"], values["title"], values["description"], values["tags"]),
        "own": values["kpi_id"],
        "band": band,
        "overrides": [],
        "kpi_links": links_of(view_uid("kpi"), values["kpi_id"]),
    }


@lru_cache(maxsize=8)
def _stencil(site: Site) -> Stencil:
    sample = {
        "kpi_id": "KPI-SAMPLE",
        "uid": "kpi-sample",
        "title": "Sample",
        "description": "sha256:",
        "tags": [TAG],
        "unit": "none",
        "decimals": 0,
        "steps": thresholds([(None, "red"), (0, "yellow"), (1, "green")]),
    }
    checked("of a KPI", TEMPLATE, site, _context(sample, Band("none", 0, ((None, "red"), (0, "yellow"), (1, "green")))))
    marks: dict[str, Any] = {name: json_mark(name) for name in _WHOLE} | {_PART: text_mark(_PART)}
    band = {"unit": marks["unit"], "decimals": marks["decimals"], "steps": marks["steps"]}
    text = environment().get_template(f"grafana/{TEMPLATE}").render(site=site, **_context(marks, band))
    return Stencil.cut(written(orjson.loads(text)).decode())

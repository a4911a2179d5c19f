"""Renders the Grafana dashboards of a dictionary: the views, one for each pack, one drill-down for all KPIs, and their provisioning."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dashboards.grafana.bands import PLAIN, Band, band_of
from dashboards.grafana.environment import Json, column, environment, name_mappings, thresholds
from dashboards.grafana.names import pack_uid, view_uid
from dashboards.grafana.site import Site, links_of
from dashboards.grafana.text import markdown
from dashboards.grafana.validate import GrafanaError, problems
from kpis.artifact import Artifact, Surroundings
from kpis.common import Status
from kpis.schema import Kpi, Pack

FOLDER = "grafana/dashboards"
TOP = 20
"""Rows of a table of the worst KPIs."""
NAMED = 200
"""KPIs that a dashboard knows by name, unit and bands, the most important first; it shows the others by their id and plain number."""
TAG = "kpi-observatory"
_ANY_KPI = "${__field.labels.kpi_id}"
# The cell itself, not what a mapping shows for it.
_ROW_KPI = "${__value.raw}"
_VIEWS = (
    ("executive", "KPI health", "SLA compliance, health index and the KPIs that fail most (K9)."),
    ("ops", "KPI operations", "Runs by outcome, validation failures by rule type, what pre-validation skipped (K10)."),
    ("dev", "KPI development", "Durations against their baseline, the slowest KPIs, definitions that fail (K11)."),
    ("data", "KPI freshness, completeness, cost and usage", "Is the data there and on time, what does it cost and who uses it (K12)."),
)


@dataclass(frozen=True)
class About:
    """Who a dashboard is."""

    uid: str
    title: str
    description: str
    tags: tuple[str, ...]


def render_all(around: Surroundings, site: Site | None = None) -> Iterator[Artifact]:
    """The dashboards about many KPIs, `grafana/dashboards/<name>.json`, and `grafana/provisioning/`.

    Their number depends on the packs, never on the KPIs; `site` says where links lead.

    Raises:
        GrafanaError: when a template gives a dashboard that would not work.
    """
    where = site or Site()
    kpis = most_important(around.dictionary.kpis)
    digest = digest_of(around, kpis)
    named = _named(kpis)
    for name, title, purpose in _VIEWS:
        about = About(view_uid(name), title, _described(purpose, len(kpis), digest), (TAG, name))
        yield _artifact(name, f"{name}.json.j2", where, {"about": about, **named, "top": TOP})
    yield _drill_down(kpis, digest, named, where)
    for pack in sorted(around.dictionary.packs, key=lambda each: each.id):
        yield _pack(pack, [kpi for kpi in kpis if kpi.pack == pack.id], around, where)
    for kind in ("dashboards", "datasources"):
        text = environment().get_template(f"grafana/provisioning-{kind}.yaml.j2").render(digest=digest)
        yield Artifact(f"grafana/provisioning/{kind}/kpi-observatory.yaml", text.encode())


def most_important(kpis: Iterable[Kpi]) -> list[Kpi]:
    """Active KPIs by tier, then criticality, then id."""
    active = [kpi for kpi in kpis if kpi.status is Status.ACTIVE]
    return sorted(active, key=lambda kpi: (kpi.tier, -kpi.criticality.rank, kpi.id))


def digest_of(around: Surroundings, kpis: Iterable[Kpi]) -> str:
    """SHA-256 (64 hex digits) of the definitions a dashboard is about."""
    lines = sorted(f"{kpi.id} {around.hash_of(kpi)}\n" for kpi in kpis)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _drill_down(kpis: Sequence[Kpi], digest: str, named: Json, site: Site) -> Artifact:
    purpose = (
        f"One KPI: its value in the bands of its contract, its verdicts, runs and rules. The {len(kpis[:NAMED])} most important have bands."
    )
    about = About(view_uid("kpi"), "KPI", _described(purpose, len(kpis), digest), (TAG, "kpi"))
    overrides = [_band_override(kpi.id, band_of(kpi)) for kpi in sorted(kpis[:NAMED], key=lambda each: each.id)]
    return _artifact("kpi", "kpi.json.j2", site, {**named, "about": about, "own": "", "band": PLAIN, "overrides": overrides})


def _band_override(kpi_id: str, band: Band) -> Json:
    return column(kpi_id, unit=band.unit, decimals=band.decimals, thresholds={"mode": "absolute", "steps": thresholds(band.steps)})


def _pack(pack: Pack, kpis: Sequence[Kpi], around: Surroundings, site: Site) -> Artifact:
    purpose = f"{pack.name}: {pack.description}"
    about = About(
        pack_uid(pack.id), f"KPI pack {pack.name}", _described(purpose, len(kpis), digest_of(around, kpis)), (TAG, "pack", pack.id)
    )
    heading = f"# {markdown(pack.name)}\n{markdown(pack.description)}"
    return _artifact(f"pack-{pack.id}", "pack.json.j2", site, {"about": about, **_named(kpis), "pack_id": pack.id, "heading": heading})


def _described(purpose: str, count: int, digest: str) -> str:
    return f"{purpose}\n\nGenerated from the KPI dictionary: {count} active KPIs, definitions sha256:{digest}"


def _named(kpis: Sequence[Kpi]) -> Json:
    """What templates know of KPIs by name."""
    shown = name_mappings({kpi.id: kpi.name for kpi in kpis[:NAMED]})
    links = links_of(view_uid("kpi"), _ROW_KPI)

    def name_column(heading: str) -> Json:
        return column(heading, mappings=shown, links=links)

    return {"name_column": name_column, "kpi_links": links_of(view_uid("kpi"), _ANY_KPI)}


def _artifact(name: str, template: str, site: Site, context: dict[str, Any]) -> Artifact:
    return Artifact(f"{FOLDER}/{name}.json", checked(name, template, site, context))


def checked(name: str, template: str, site: Site, context: dict[str, Any]) -> bytes:
    """A dashboard from its template: JSON with sorted keys.

    Raises:
        GrafanaError: when it would not work, naming the template and everything that is wrong.
    """
    document = orjson.loads(environment().get_template(f"grafana/{template}").render(site=site, **context))
    found = problems(document)
    if found:
        listed = "\n".join(f"- {each}" for each in found)
        raise GrafanaError(f"dashboard {name} (dashboards/templates/grafana/{template}) would not work in Grafana:\n{listed}")
    return written(document)


def written(document: Json) -> bytes:
    """A dashboard as a file."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

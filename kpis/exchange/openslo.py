"""A KPI's service level objective as OpenSLO v1: the share of the time in which its latest result is there and within its SLA.

`openslo/<ID>.yaml` has the SLO, its burn-rate policies and their targets; `openslo/services.yaml` the services (a pack each) and the
data source they name. Time slices, because a KPI that runs once a day has too few events for a ratio of events (see `kpis.slo`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2

from kpis.artifact import Artifact, Surroundings
from kpis.burn import burns_of, severity_of
from kpis.common import Environment, format_duration
from kpis.exchange.openslo_models import DESCRIPTION_MAX, DISPLAY_NAME_MAX, shorthand_of
from kpis.exchange.texts import clip, dns_label, yaml_text
from kpis.prometheus_names import ENVIRONMENT, KPI_ID, SLA_OK, label_value
from kpis.schema import AlertRoute, Kpi, Pack
from kpis.slo import Slo, slo_of
from kpis.templating import text_environment

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Policy:
    """One alert policy of an objective: `threshold` is how many times faster than allowed the budget goes."""

    name: str
    severity: str
    threshold: float
    lookback: str
    after: str
    description: str


@dataclass(frozen=True)
class Target:
    """One route, under a name that OpenSLO allows."""

    name: str
    channel: str
    description: str
    route: str


PIPELINE = Target("platform-alert-pipeline", "sns", "The alert pipeline of the platform; the KPI has no route of its own.", "")


def render_kpi(kpi: Kpi, around: Surroundings) -> Iterator[Artifact]:
    """The SLO of a KPI with its alert policies, as `openslo/<ID>.yaml`."""
    slo = slo_of(kpi)
    text = _template("openslo_kpi.yaml.j2").render(
        kpi=kpi,
        digest=around.hash_of(kpi),
        name=dns_label(kpi.id.lower()),
        display_name=clip(kpi.name, DISPLAY_NAME_MAX),
        description=clip(kpi.purpose, DESCRIPTION_MAX),
        service=dns_label(kpi.pack),
        series=series_of(kpi),
        window=shorthand_of(whole_minutes(slo.window)),
        objective=slo.objective,
        burns=policies_of(kpi, slo),
        targets=targets_of(kpi),
    )
    yield Artifact(f"openslo/{kpi.id}.yaml", text.encode(), (kpi.id,))


def render_all(around: Surroundings) -> Iterator[Artifact]:
    """The data source, and a service for each pack, as `openslo/services.yaml`."""
    packs = sorted(around.dictionary.packs, key=lambda pack: pack.id)
    text = _template("openslo_services.yaml.j2").render(services=[_service(pack) for pack in packs])
    yield Artifact("openslo/services.yaml", text.encode())


def _service(pack: Pack) -> dict[str, Any]:
    return {
        "pack": pack,
        "name": dns_label(pack.id),
        "display_name": clip(pack.name, DISPLAY_NAME_MAX),
        "description": clip(pack.description, DESCRIPTION_MAX),
        "tenants": json.dumps(sorted(pack.tenants)),
    }


def series_of(kpi: Kpi) -> str:
    """The gauge of a KPI, of all its tenants, in production where it runs there."""
    where = Environment.PRD if Environment.PRD in kpi.environments else "|".join(sorted(kpi.environments))
    operator = "=" if where == Environment.PRD else "=~"
    return f"{SLA_OK}{{{KPI_ID}={label_value(kpi.id)},{ENVIRONMENT}{operator}{label_value(where)}}}"


def whole_minutes(window: timedelta) -> timedelta:
    """The window in OpenSLO's shortest unit; at least a day, so less than a tenth of a percent shorter."""
    return timedelta(minutes=window // timedelta(minutes=1))


def policies_of(kpi: Kpi, slo: Slo) -> tuple[Policy, ...]:
    """The burn alerts of the KPI's Prometheus rules; OpenSLO has no second window, so the short one is how long the burn must last."""
    return tuple(
        Policy(
            f"burn-{burn.tier}",
            severity_of(kpi.criticality, burn.urgency).value,
            burn.factor,
            burn.long,
            burn.short,
            f"{burn.share:.2%} of the error budget of {format_duration(slo.window)} is gone within {burn.long}, "
            f"{burn.factor:g} times faster than the objective of {slo.objective:g}% allows.",
        )
        for burn in burns_of(slo)
    )


def targets_of(kpi: Kpi) -> tuple[Target, ...]:
    """Who hears of it: the KPI's routes, each once; the platform's pipeline when it has none."""
    routes: dict[tuple[str, str], AlertRoute] = {}
    for route in sorted(kpi.alerts, key=lambda route: route.severity.rank):
        routes.setdefault((route.channel, route.target), route)
    return tuple(_target(kpi, route) for _, route in sorted(routes.items())) or (PIPELINE,)


def _target(kpi: Kpi, route: AlertRoute) -> Target:
    description = clip(f"Alerts from severity {route.severity} up go to {route.target} by {route.channel}.", DESCRIPTION_MAX)
    return Target(dns_label(f"{kpi.id.lower()} {route.channel} {route.target}"), route.channel, description, route.target)


@cache
def _template(name: str) -> jinja2.Template:
    environment = text_environment(_TEMPLATES, keep_trailing_newline=True)
    cast("dict[str, Any]", environment.filters)["text"] = yaml_text
    return environment.get_template(name)

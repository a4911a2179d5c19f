"""Renders the CloudWatch dashboards from the dictionary's summary and the templates in `dashboards/templates/`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import jinja2
import orjson

from dashboards import context, links
from dashboards.checks.quotas import MAX_BODY_BYTES
from dashboards.context import EVERYONE, Audience
from dashboards.model import Dashboard, Scene
from dashboards.split import AWS, Quotas, fits, parts_of
from dashboards.validate import DashboardError, Known, body_problems
from kpis.summary import DictionarySummary
from kpis.templating import dumps, text_environment

_TEMPLATES = Path(__file__).parent / "templates"
VIEWS: Mapping[str, str] = {"executive": "Executive", "ops": "Operations", "dev": "Development", "data": "Freshness, cost and usage"}
"""The four readers' views (K9 to K12) with their labels."""
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "executive": ("pack",),
    "ops": ("pack",),
    "dev": ("pack", "kpi"),
    "data": ("pack",),
    "tenant": ("kpi",),
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_WHO = ("tenant", "environment")


NO_KPIS = DictionarySummary(packs=(), sources=0, signals=(), kpis_per_pack={}, kpis_per_layer={}, kpis_per_tenant={}, tier_0=(), rows=())


@dataclass(frozen=True)
class Plan:
    """One dashboard before it is rendered."""

    key: str
    name: str
    template: str
    context: Mapping[str, Any]


def render_platform_dashboards(summary: DictionarySummary, scene: Scene, *, packs: bool = False) -> tuple[Dashboard, ...]:
    """See `dashboards.render_platform`.

    Raises:
        DashboardError: when a template gives a body that CloudWatch would refuse or show nothing of.
    """
    stem = scene.platform
    names = {label: f"{stem}-{view}" for view, label in VIEWS.items()}
    shown = [pack for pack in sorted(summary.packs, key=lambda each: each.id) if packs and pack.id in summary.kpis_per_pack]
    siblings = names | {f"pack {pack.id}": f"{stem}-pack-{pack.id}" for pack in shown}
    common = context.base(scene, EVERYONE, summary.rows, siblings)
    plans = [
        Plan(view, f"{stem}-{view}", view, common | {"variables": context.variables((*_WHO, *_CHOICES[view]), summary, summary.rows)})
        for view in VIEWS
    ]
    for pack in shown:
        rows = [row for row in summary.rows if row.pack == pack.id]
        own = context.base(scene, EVERYONE, rows, siblings) | {
            "subject": links.escaped(pack.name),
            "purpose": links.escaped(pack.description),
            "pack": pack.id,
            "tier_0": context.tier_0(rows),
            "variables": context.variables(_WHO, summary, rows),
        }
        plans.append(Plan(f"pack-{pack.id}", f"{stem}-pack-{pack.id}", "pack", own))
    return _rendered(plans, scene, siblings.values())


def render_tenant_dashboards(
    summary: DictionarySummary, scene: Scene, *, tenant_id: str, environment: str, every_view: bool = False
) -> tuple[Dashboard, ...]:
    """See `dashboards.render_tenant`.

    Raises:
        DashboardError: as `render_platform_dashboards`.
    """
    stem = f"{scene.platform}-{tenant_id}-{environment}"
    rows = [row for row in summary.for_tenant(tenant_id) if environment in row.environments]
    views: Mapping[str, str] = VIEWS if every_view else {}
    own = {"Overview": f"{stem}-overview"} | {label: f"{stem}-{view}" for view, label in views.items()}
    siblings = own | {f"Platform: {label}": f"{scene.platform}-{view}" for view, label in VIEWS.items()}
    common = context.base(scene, Audience(tenant_id, environment), rows, siblings) | {"tier_0": context.tier_0(rows)}
    plans = [Plan("overview", f"{stem}-overview", "tenant", common | {"variables": context.variables(_CHOICES["tenant"], summary, rows)})]
    plans += [
        Plan(view, f"{stem}-{view}", view, common | {"variables": context.variables(_CHOICES[view], summary, rows)}) for view in views
    ]
    return _rendered(plans, scene, siblings.values())


def render_every_kpi_dashboards(summary: DictionarySummary, scene: Scene, pack_id: str, *, quotas: Quotas = AWS) -> tuple[Dashboard, ...]:
    """See `dashboards.render_every_kpi`.

    Raises:
        DashboardError: as `render_platform_dashboards`; also for a pack the dictionary does not have.
    """
    pack = next((each for each in summary.packs if each.id == pack_id), None)
    if pack is None:
        known = ", ".join(sorted(each.id for each in summary.packs))
        raise DashboardError(f"pack '{pack_id}' is not in the dictionary; expected one of {known}")
    rows = [row for row in summary.rows if row.pack == pack_id]
    siblings = {label: f"{scene.platform}-{view}" for view, label in VIEWS.items()}
    own = context.base(scene, EVERYONE, rows, siblings) | {
        "subject": links.escaped(pack.name),
        "purpose": links.escaped(pack.description),
        "rows": rows,
        "card": partial(context.card, scene),
        "variables": context.variables(_WHO if any(row.tier == 0 for row in rows) else (), summary, rows),
    }
    name = f"{scene.platform}-every-{pack_id}"
    return _rendered([Plan(f"every-{pack_id}", name, "every-kpi", own)], scene, siblings.values(), quotas)


def render_kpi_stencil_text(scene: Scene) -> str:
    """See `dashboards.render_kpi_stencil`.

    Raises:
        DashboardError: as `render_platform_dashboards`.
    """
    stem = f"{scene.platform}-{context.TENANT_VARIABLE}-{context.ENVIRONMENT_VARIABLE}"
    siblings = {"Tenant": f"{stem}-overview"} | {f"Platform: {label}": f"{scene.platform}-{view}" for view, label in VIEWS.items()}
    own = context.base(scene, EVERYONE, (), siblings) | {
        "scoped": context.scope_lines(EVERYONE),
        "tenant_id": context.TENANT_VARIABLE,
        "environment": context.ENVIRONMENT_VARIABLE,
        "variables": context.variables((*_WHO, "kpi"), NO_KPIS, ()),
    }
    plans = [Plan(name, f"{scene.platform}-kpi", "kpi", own | {"tier_0": name == "tier_0"}) for name in ("standard", "tier_0")]
    bodies = {each.key: orjson.loads(each.body) for each in _rendered(plans, scene, siblings.values())}
    # Where somebody is to choose, the reconciler puts in what was chosen.
    return dumps({name: {"widgets": body["widgets"]} for name, body in bodies.items()})


def _rendered(plans: Sequence[Plan], scene: Scene, linked: Iterable[str], quotas: Quotas = AWS) -> tuple[Dashboard, ...]:
    """Every plan as one dashboard, or as several where it exceeds a quota; each checked."""
    found: list[tuple[str, str, dict[str, Any], str]] = []
    renamed: dict[str, str] = {}
    for plan in plans:
        text = _environment().get_template(f"{plan.template}.json.j2").render(plan.context)
        body: dict[str, Any] = orjson.loads(text)
        if fits(body, len(text.encode()), quotas):
            found.append((plan.key, plan.name, body, plan.template))
            continue
        parts = parts_of(body, plan.name, partial(links.dashboard, scene.region), quotas)
        if len(parts) > 1:
            renamed[plan.name] = parts[0][0]
        found += [(plan.key + name.removeprefix(plan.name), name, part, plan.template) for name, part in parts]
    names = {*linked, *(name for _, name, _, _ in found)} - renamed.keys()
    functions = [f"{scene.platform}-{name}" for name in context.FUNCTIONS]
    known = Known(alarms=frozenset(scene.alarms), functions=functions, dashboards=names, runbook=scene.runbook_exists)
    return tuple(_checked(key, name, _relinked(body, scene, renamed), template, known) for key, name, body, template in found)


def _relinked(body: dict[str, Any], scene: Scene, renamed: Mapping[str, str]) -> dict[str, Any]:
    """Links to a dashboard that was cut lead to its first part."""
    for widget in body["widgets"] if renamed else ():
        if widget["type"] == "text":
            markdown: str = widget["properties"]["markdown"]
            for before, after in renamed.items():
                markdown = markdown.replace(f"({links.dashboard(scene.region, before)})", f"({links.dashboard(scene.region, after)})")
            widget["properties"]["markdown"] = markdown
    return body


def _checked(key: str, name: str, body: dict[str, Any], template: str, known: Known) -> Dashboard:
    problems = list(body_problems(body, known))
    text = dumps(body)
    if len(text.encode()) > MAX_BODY_BYTES:
        problems.append(f"body: {len(text.encode()):,} bytes; at most {MAX_BODY_BYTES:,}")
    if not _NAME.match(name):
        problems.append(f"name: is {name!r}; expected up to 255 letters, digits, hyphens and underscores")
    if problems:
        listed = "\n".join(f"- {each}" for each in problems)
        raise DashboardError(f"dashboard {name} (dashboards/templates/{template}.json.j2) cannot be deployed:\n{listed}")
    return Dashboard(key=key, name=name, body=text)


@cache
def _environment() -> jinja2.Environment:
    environment = text_environment(_TEMPLATES)
    # Jinja's own filter also escapes for HTML, which costs as much as the rest and is undone when the JSON is read.
    cast("dict[str, Any]", environment.filters)["tojson"] = dumps
    return environment

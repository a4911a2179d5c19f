"""What the templates know: series, log groups, links, the most important KPIs and the variables of each dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dashboards import links
from dashboards.model import Links, Scene
from dashboards.widgets import Widgets
from kpis.common import Status
from kpis.metric_names import ENVIRONMENT, KPI_DIMENSIONS, NAMESPACE, TENANT, TENANT_DIMENSIONS, Metric
from kpis.summary import DictionaryRow, DictionarySummary

TOP = 20
"""KPIs listed on a dashboard by name, so that its size does not grow with the dictionary."""
TIER_0_LIMIT = 10
FUNCTIONS = ("api", "run-open", "run-light", "run-close", "reconciler", "dispatcher", "log-stream", "widgets", "governance")
LOG_TABLES = ("log-run", "log-sourcing", "log-pre-validation", "log-post-validation", "log-delivery")
ALL_PACKS = "all"
ENVIRONMENTS = ("prod", "stg", "dev")
# What CloudWatch replaces by what the reader chose; unlike any text a dictionary has reason to hold.
TENANT_VARIABLE, ENVIRONMENT_VARIABLE, PACK_VARIABLE, KPI_VARIABLE = (
    f"kpi-variable-{name}" for name in ("tenant", "environment", "pack", "kpi")
)


@dataclass(frozen=True)
class Audience:
    """Whose KPIs a dashboard shows: one tenant's in one environment, or everybody's with variables to choose (`everyone`)."""

    tenant_id: str
    environment: str
    everyone: bool = False

    @property
    def dimensions(self) -> list[str]:
        """The dimensions of the tenant's series."""
        return [TENANT, self.tenant_id, ENVIRONMENT, self.environment]

    @property
    def fleet(self) -> list[str]:
        """The dimensions of the series that sum up all KPIs shown."""
        return [] if self.everyone else self.dimensions


EVERYONE = Audience(TENANT_VARIABLE, ENVIRONMENT_VARIABLE, everyone=True)


@dataclass(frozen=True)
class Frame:
    """What every heading says besides its title."""

    navigation: str
    counts: str
    digest: str


def base(scene: Scene, audience: Audience, rows: Sequence[DictionaryRow], siblings: Mapping[str, str]) -> dict[str, Any]:
    """The context of every template; `siblings` are the dashboards to link to, by label."""
    top = most_important(rows)[:TOP]
    return {
        "w": Widgets(scene, {"tenant_id": audience.tenant_id, "environment": audience.environment}),
        "ns": NAMESPACE,
        "stem": scene.platform,
        "deployment": scene.deployment,
        "everyone": audience.everyone,
        "subject": scene.deployment if audience.everyone else f"{audience.tenant_id}, {audience.environment}",
        "fleet": audience.fleet,
        "who": audience.dimensions,
        "scoped": [] if audience.everyone else scope_lines(audience),
        "frame": Frame(navigation(scene, siblings), counts(rows), scene.digest),
        "alarms": scene.alarms,
        "top_table": top_table(scene, top, len(rows)),
        "top_height": 2 + len(top) // 2,
        "state_machine_arn": scene.state_machine_arn,
        **_of_the_platform(scene.platform),
        "verdicts": search(KPI_DIMENSIONS, Metric.KPI_VERDICT, audience),
        "breaches_by_tenant": search(TENANT_DIMENSIONS, Metric.SLA_BREACHES, audience),
        "rows_by_tenant": search(TENANT_DIMENSIONS, Metric.ROWS_PROCESSED, audience),
        "pack": PACK_VARIABLE,
        "kpi_id": KPI_VARIABLE,
    }


def most_important(rows: Iterable[DictionaryRow]) -> list[DictionaryRow]:
    """Active KPIs by tier, then criticality, then id."""
    active = [row for row in rows if row.status is Status.ACTIVE]
    return sorted(active, key=lambda row: (row.tier, -row.criticality.rank, row.id))


def tier_0(rows: Iterable[DictionaryRow]) -> list[DictionaryRow]:
    """The KPIs that get a graph of their own."""
    return most_important(row for row in rows if row.tier == 0)[:TIER_0_LIMIT]


def counts(rows: Sequence[DictionaryRow]) -> str:
    return f"{len(rows)} KPIs of {len({row.pack for row in rows})} packs"


def navigation(scene: Scene, siblings: Mapping[str, str]) -> str:
    """Links to the other dashboards, and to runs, views, the dictionary page and the API."""
    own = [f"[{label}]({links.dashboard(scene.region, name)})" for label, name in siblings.items()]
    return " · ".join(own) + "\n\n" + _around(scene.deployment, scene.region, scene.account_id, scene.links)


@lru_cache(maxsize=16)
def _around(deployment: str, region: str, account_id: str, known: Links) -> str:
    """Links to runs, views, the dictionary page, the API and runbooks."""
    scene = Scene(deployment, region, account_id, digest="", links=known)
    places = {
        "runs": links.state_machine(scene),
        "run log": links.run_log(scene),
        "run messages": links.log_group(scene, "run-close"),
        "tables and views": links.views(scene),
        "dictionary": known.portal and f"{known.portal}/",
        "API": known.api and f"{known.api}/health",
        "runbooks": known.docs and f"{known.docs}/docs/runbooks",
    }
    return " · ".join(f"[{label}]({url})" for label, url in places.items() if url)


def top_table(scene: Scene, rows: Sequence[DictionaryRow], total: int) -> str:
    """The most important KPIs as a Markdown table with links to definition and runbook."""
    lines = [
        f"**The most important KPIs** ({len(rows)} of {total}; the dictionary page has them all)\n",
        "KPI | Name | Version | Layer | Criticality | SLA | Owner | Runbook",
        "--- | --- | --- | --- | --- | --- | --- | ---",
    ]
    for row in rows:
        cells = (row.name, row.contract_version, row.layer, row.criticality, ", ".join(row.sla), row.business_owner)
        shown = [links.link(row.id, links.kpi_page(scene, row.id)), *(links.escaped(cell) for cell in cells)]
        lines.append(" | ".join([*shown, links.runbook(scene, row.runbook)]))
    return "\n".join(lines)


def card(scene: Scene, row: DictionaryRow) -> str:
    """One KPI as Markdown: what it is, who has it, where to look."""
    facts = [
        f"**{links.link(row.id, links.kpi_page(scene, row.id))}** {links.escaped(row.name)}",
        f"{row.contract_version}, {row.layer}, {row.criticality}, tier {row.tier}, {links.escaped(row.unit)} a {row.grain}",
        f"SLA: {links.escaped(', '.join(row.sla))}",
        f"Owner: {links.escaped(row.business_owner)}",
        f"Runbook: {links.runbook(scene, row.runbook)}",
        f"Definition `sha256:{row.definition_hash[:12]}`",
    ]
    return "\n\n".join(facts)


def scope_lines(audience: Audience) -> list[str]:
    """The filter of a log query for one tenant and environment."""
    return [f"filter tenant_id = {insights_text(audience.tenant_id)} and environment = {insights_text(audience.environment)}"]


def insights_text(text: str) -> str:
    """A text as a string of Logs Insights."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def search(dimensions: Sequence[str], metric: Metric, audience: Audience) -> str:
    """The search for all series of a metric, of one tenant unless for everyone."""
    found = f'{{{NAMESPACE},{",".join(dimensions)}}} MetricName="{metric}"'
    own = "" if audience.everyone else f' {TENANT}="{audience.tenant_id}" {ENVIRONMENT}="{audience.environment}"'
    return found + own


def variables(names: Sequence[str], summary: DictionarySummary, rows: Sequence[DictionaryRow]) -> list[dict[str, Any]]:
    """The variables of a dashboard, by name: tenant, environment, pack, kpi."""
    makers: Mapping[str, Callable[[], dict[str, Any]]] = {
        "tenant": lambda: _tenant_variable(summary),
        "environment": _environment_variable,
        "pack": lambda: _pack_variable(rows),
        "kpi": lambda: _kpi_variable(rows),
    }
    return [{"type": "pattern", "id": name, "visible": True, **makers[name]()} for name in names]


def _tenant_variable(summary: DictionarySummary) -> dict[str, Any]:
    return {
        "pattern": TENANT_VARIABLE,
        "inputType": "select",
        "label": "Tenant",
        # What the dashboard shows before anybody chooses.
        "defaultValue": min(summary.kpis_per_tenant, default="none"),
        "search": search(TENANT_DIMENSIONS, Metric.RUNS_COMPLETED, EVERYONE),
        "populateFrom": TENANT,
    }


def _environment_variable() -> dict[str, Any]:
    return {
        "pattern": ENVIRONMENT_VARIABLE,
        "inputType": "select",
        "label": "Environment",
        "defaultValue": ENVIRONMENTS[0],
        "values": [{"value": each, "label": each} for each in ENVIRONMENTS],
    }


def _pack_variable(rows: Sequence[DictionaryRow]) -> dict[str, Any]:
    packs = sorted({row.pack for row in rows})
    values = [{"value": ALL_PACKS, "label": "all packs"}, *({"value": pack, "label": pack} for pack in packs)]
    return {"pattern": PACK_VARIABLE, "inputType": "select", "label": "Pack", "defaultValue": ALL_PACKS, "values": values}


def _kpi_variable(rows: Sequence[DictionaryRow]) -> dict[str, Any]:
    """Typed in, since a list of every KPI would grow with the dictionary."""
    top = most_important(rows)
    return {"pattern": KPI_VARIABLE, "inputType": "input", "label": "KPI", "defaultValue": top[0].id if top else "none"}


@lru_cache(maxsize=16)
def _of_the_platform(stem: str) -> Mapping[str, Any]:
    """Log groups and series of functions and tables."""
    group = f"/aws/lambda/{stem}"
    return {
        "run_logs": [f"{group}-run-close"],
        "function_logs": [f"{group}-{name}" for name in FUNCTIONS],
        "function_metrics": {metric: _of_functions(metric, stem) for metric in ("Invocations", "Errors", "Duration")},
        "table_metrics": [["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", f"{stem}-{name}"] for name in LOG_TABLES],
    }


def _of_functions(metric: str, stem: str) -> list[list[Any]]:
    return [["AWS/Lambda", metric, "FunctionName", f"{stem}-{name}", {"label": name}] for name in FUNCTIONS]

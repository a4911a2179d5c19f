"""Renders the CloudWatch dashboards from the dictionary's summary and the templates in `dashboards/templates/`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2
import orjson

from dashboards.model import Dashboard
from dashboards.validate import DashboardError, problems
from kpis import metric_names
from kpis.common import Status
from kpis.summary import DictionaryRow, DictionarySummary

TOP = 20
"""KPIs listed on a dashboard by name, so that its size does not grow with the dictionary."""
TIER_0_LIMIT = 10
PLATFORM_DASHBOARDS = ("executive", "ops", "dev", "data")
FUNCTIONS = ("api", "run-open", "run-light", "run-close", "reconciler", "dispatcher", "log-stream")
LOG_TABLES = ("log-run", "log-sourcing", "log-pre-validation", "log-post-validation", "log-delivery")
PLATFORM_ALARMS = (
    "run-failure-ratio",
    "function-errors",
    "function-throttles",
    "state-machine-failures",
    "dead-letters",
    "api-errors",
    "missing-runs",
    "log-tamper",
)
TENANT_ALARMS = ("kpi-health", "sla-breaches", "validation-hard-stops", "runtime-anomalies")
_CRITICALITY = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_TEMPLATES = Path(__file__).parent / "templates"


def render_platform_dashboards(
    summary: DictionarySummary, *, deployment: str, region: str, account_id: str, digest: str
) -> tuple[Dashboard, ...]:
    """See `dashboards.render_platform`.

    Raises:
        DashboardError: when a template gives a body that CloudWatch would refuse.
    """
    stem = f"kpi-{deployment}"
    tenants = sorted(summary.kpis_per_tenant)
    context = _context(summary.rows, stem=stem, region=region, account_id=account_id, digest=digest) | {
        "deployment": deployment,
        # What the dashboard shows before anybody chooses a tenant.
        "tenant_id": tenants[0] if tenants else "none",
        "environment": "prod",
    }
    return tuple(_render(name, f"{stem}-{name}", f"{name}.json.j2", context) for name in PLATFORM_DASHBOARDS)


def render_tenant_dashboards(
    summary: DictionarySummary, *, tenant_id: str, environment: str, deployment: str, region: str, account_id: str, digest: str
) -> tuple[Dashboard, ...]:
    """See `dashboards.render_tenant`.

    Raises:
        DashboardError: when a template gives a body that CloudWatch would refuse.
    """
    platform = f"kpi-{deployment}"
    stem = f"{platform}-{tenant_id}-{environment}"
    rows = [row for row in summary.for_tenant(tenant_id) if environment in row.environments]
    context = _context(rows, stem=platform, region=region, account_id=account_id, digest=digest) | {
        "tenant_id": tenant_id,
        "environment": environment,
        "tier_0": most_important(row for row in rows if row.tier == 0)[:TIER_0_LIMIT],
        "tenant_alarms": [f"{stem}-{name}" for name in TENANT_ALARMS],
    }
    return (_render("overview", f"{stem}-overview", "tenant.json.j2", context),)


def most_important(rows: Iterable[DictionaryRow]) -> list[DictionaryRow]:
    """Active KPIs by tier, then criticality, then id."""
    active = [row for row in rows if row.status is Status.ACTIVE]
    return sorted(active, key=lambda row: (row.tier, _CRITICALITY[row.criticality], row.id))


def top_table(rows: Sequence[DictionaryRow], total: int) -> str:
    """The most important KPIs as a Markdown table; cells keep every character but line breaks, and `|` is escaped."""
    header = f"**The most important KPIs** ({len(rows)} of {total}; the dictionary page has them all)\n\n"
    lines = ["KPI | Name | Version | Layer | Criticality | SLA | Owner", "--- | --- | --- | --- | --- | --- | ---"]
    for row in rows:
        cells = (row.id, row.name, row.contract_version, row.layer, row.criticality, ", ".join(row.sla), row.business_owner)
        lines.append(" | ".join(_cell(cell) for cell in cells))
    return header + "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|") or "-"


def _context(rows: Sequence[DictionaryRow], *, stem: str, region: str, account_id: str, digest: str) -> dict[str, Any]:
    top = most_important(rows)[:TOP]
    group = f"/aws/lambda/{stem}"
    return {
        "ns": metric_names.NAMESPACE,
        "stem": stem,
        "region": region,
        "account_id": account_id,
        "digest": digest,
        "counts": f"{len(rows)} KPIs of {len({row.pack for row in rows})} packs",
        "top": top,
        "top_table": top_table(top, len(rows)),
        "platform_alarms": [f"{stem}-{name}" for name in PLATFORM_ALARMS],
        "state_machine_arn": f"arn:aws:states:{region}:{account_id}:stateMachine:{stem}-run",
        "run_logs": [f"{group}-run-close"],
        "function_logs": [f"{group}-{name}" for name in FUNCTIONS],
        "function_metrics": {metric: _of_functions(metric, stem) for metric in ("Invocations", "Errors", "Duration")},
        "table_metrics": [["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", f"{stem}-{name}"] for name in LOG_TABLES],
        "variable_search": _search(metric_names.TENANT_DIMENSIONS, metric_names.Metric.RUNS_COMPLETED),
        "tier_0_search": _search(metric_names.KPI_DIMENSIONS, metric_names.Metric.KPI_VERDICT),
    }


def _of_functions(metric: str, stem: str) -> list[list[Any]]:
    return [["AWS/Lambda", metric, "FunctionName", f"{stem}-{name}", {"label": name}] for name in FUNCTIONS]


def _search(dimensions: Sequence[str], metric: metric_names.Metric) -> str:
    return f'{{{metric_names.NAMESPACE},{",".join(dimensions)}}} MetricName="{metric}"'


def _query_text(groups: Sequence[str], lines: Sequence[str]) -> str:
    sources = " | ".join(f"SOURCE '{group}'" for group in groups)
    return sources + "".join(f"\n| {line}" for line in lines)


def _quoted(text: str) -> str:
    """A text as a string of Logs Insights."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dumps(value: Any) -> str:
    """JSON of a value, the same bytes for equal values: what `tojson` gives in the templates."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        # The output is JSON, not HTML: every value goes through tojson.
        autoescape=False,  # noqa: S701
    )
    environment.policies["json.dumps_function"] = dumps
    environment.policies["json.dumps_kwargs"] = {}
    cast("dict[str, Any]", environment.filters)["quoted"] = _quoted
    cast("dict[str, Any]", environment.globals)["query_text"] = _query_text
    return environment


def _render(key: str, name: str, template: str, context: dict[str, Any]) -> Dashboard:
    text = _environment().get_template(template).render(**context)
    body = dumps(orjson.loads(text))
    found = problems(body)
    if found:
        listed = "\n".join(f"- {each}" for each in found)
        raise DashboardError(f"dashboard {name} (dashboards/templates/{template}) would be refused by CloudWatch:\n{listed}")
    return Dashboard(key=key, name=name, body=body)

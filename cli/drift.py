"""`kpi drift`: where schedules, mute rules and search indexes are not what the catalog says; nothing is changed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import aws
from cli import stack as stacks
from cli.control_plane import tenants
from cli.errors import ExitCode, KpiError
from kpis.common import Environment
from local.settings import LocalSettings, load_settings

GRADES = ("critical", "high", "medium", "low")
HEADERS = ("tenant", "grade", "what", "name", "difference", "detail")
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


@dataclass(frozen=True)
class Drift:
    """What one tenant's plan says: findings, and what the packs and the catalog are apart."""

    tenant: str
    found: int
    grades: dict[str, int]
    findings: list[dict[str, str]]
    catalog: dict[str, Any]


def command(
    tenant: Annotated[list[str] | None, typer.Option("--tenant", "-t", help="Only this tenant; may be repeated.")] = None,
    environment: Annotated[Environment, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = Environment.PRD,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare schedules, mute rules and search indexes with the catalog; exit 1 when they differ.

    Asks the deployed reconciler for a plan, which changes nothing. The reconciler itself looks every five minutes and mends what it finds.
    """
    settings = load_settings()
    names = tenants(settings, tenant, environment)
    if not names:
        raise KpiError(
            environment, "no tenant is deployed here, so there is nothing to compare", next="run `make up`, or choose another --env"
        )
    plans = [plan(settings, name, environment) for name in names]
    if as_json:
        print(json.dumps([vars(each) for each in plans], indent=2))
    else:
        show(plans, Console())
    if any(each.found for each in plans):
        raise typer.Exit(ExitCode.FAILED)


def plan(settings: LocalSettings, tenant: str, environment: str) -> Drift:
    """The drift of a tenant.

    Raises:
        KpiError: with the reconciler's words, when it cannot tell.
    """
    function = str(stacks.outputs(settings, stacks.PLATFORM_STACK)["reconcilerFunction"])
    asked = {"action": "plan", "tenant_id": tenant, "environment": environment}
    answer = aws.client(settings, "lambda").invoke(FunctionName=function, Payload=json.dumps(asked).encode())
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise KpiError(f"{tenant}.{environment}", str(told.get("errorMessage") or "the reconciler failed"), code=ExitCode.FAILED)
    drift: dict[str, Any] = told["drift"]
    return Drift(f"{tenant}.{environment}", drift["found"], drift["grades"], drift["findings"], told["catalog"])


def show(plans: list[Drift], console: Console) -> None:
    """Print a table of findings, worst first, and a line for each tenant."""
    table = Table(*HEADERS, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for each in plans:
        for finding in each.findings:
            grade = Text(finding["grade"], style=_STYLES[finding["grade"]])
            table.add_row(each.tenant, grade, finding["part"], finding["name"], finding["difference"], finding["detail"])
    if table.row_count:
        console.print(table)
    for each in plans:
        counts = ", ".join(f"{each.grades[grade]} {grade}" for grade in GRADES if each.grades[grade])
        more = each.found - len(each.findings)
        rest = f"; {more} more are not listed" if more else ""
        console.print(f"{each.tenant}: {counts or 'no drift'}{rest}{waiting(each.catalog)}", soft_wrap=True, highlight=False)


def waiting(catalog: dict[str, Any]) -> str:
    """What the next import of the packs would do, in words; empty when that is nothing."""
    parts = [f"{len(catalog[kind])} to be {kind}" for kind in ("created", "updated", "retired", "requested") if catalog[kind]]
    parts += [f"{len(catalog['left'])} left to the control plane"] if catalog["left"] else []
    return f" (packs: {', '.join(parts)})" if parts else ""

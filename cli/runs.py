"""`kpi runs`: runs of a tenant, newest first."""

from __future__ import annotations

import json
from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.control_plane import ControlPlane, tenants
from kpis.common import Environment
from local.settings import load_settings


def command(
    tenant: Annotated[str, typer.Argument(help="The tenant, such as acme.")],
    kpi: Annotated[str | None, typer.Argument(help="Only runs of this KPI, such as CFO-EF-02.")] = None,
    status: Annotated[str | None, typer.Option(help="Only success, failed, partial or skipped.")] = None,
    since: Annotated[str | None, typer.Option(help="Only runs started at or after this moment, such as 2026-01-31T00:00:00Z.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")] = 30,
    environment: Annotated[Environment, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = Environment.PRD,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List runs of a tenant, newest first. Details of one: kpi show TENANT RUN_ID."""
    settings = load_settings()
    (name,) = tenants(settings, [tenant], environment)
    asked = {"environment": environment, "limit": str(min(limit, 100)), "kpi_id": kpi, "status": status, "since": since}
    found = list(islice(ControlPlane(settings).items("/runs", name, **{key: each for key, each in asked.items() if each}), limit))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table = Table()
    # The first two are arguments of other commands, so a narrow terminal shortens the rest.
    for name, values in (("run", [run["run_id"] for run in found]), ("KPI", [run["kpi_id"] for run in found])):
        table.add_column(name, no_wrap=True, min_width=max(map(len, values), default=0))
    for name in ("version", "started (UTC)", "trigger", "try", "status", "rows", "SLA", "error"):
        table.add_column(name)
    for run in found:
        table.add_row(
            run["run_id"],
            run["kpi_id"],
            run["contract_version"],
            run["started_at"][:19].replace("T", " "),
            run["trigger_type"],
            str(run.get("retry_seq", 0)),
            run.get("status") or "running",
            str(run.get("rows_processed", "")),
            "breach" if run.get("sla_breached") else "",
            run.get("error_code") or "",
        )
    Console().print(table)

"""`kpi status`: the first picture. Every KPI of every tenant with its last run; what needs somebody comes first."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.control_plane import ControlPlane, tenants
from local.settings import load_settings

BROKEN = ("failed", "skipped")
RUNNING = ("active", "deprecated")
DELIVERING = ("success", "partial")
TOTAL = "ALL"
HEADERS = ("tenant", "KPI", "version", "last run (UTC)", "period", "status", "value", "verdict", "SLA", "name")
WIDE = 160
"""Columns where there is no terminal to ask."""
WORST = {"Adequate": 1, "Low": 2, "Critical": 3}
_STYLES = {"failed": "bold red", "skipped": "bold red", "partial": "yellow", "success": "green", "never run": "dim"}
_VERDICT_STYLES = {"Adequate": "green", "Low": "yellow", "Critical": "bold red"}


@dataclass(frozen=True)
class Line:
    """One KPI of one tenant. `why` says in words what is wrong; empty when nothing is."""

    tenant_id: str
    kpi_id: str
    name: str
    version: str
    period: str
    last_run: str
    status: str
    value: float | None
    entity: str | None
    unit: str
    verdict: str | None
    sla: str
    run_id: str
    why: str

    @property
    def rank(self) -> tuple[int, str, str]:
        """Failures on top, then breaches and bad verdicts, then the rest by tenant and id."""
        if self.status in BROKEN:
            grade = 0
        elif self.sla == "breach" or self.verdict == "Critical":
            grade = 1
        elif self.verdict == "Low" or self.status == "partial":
            grade = 2
        else:
            grade = 4 if self.status == "success" else 3
        return grade, self.tenant_id, self.kpi_id


def command(
    tenant: Annotated[list[str] | None, typer.Option("--tenant", "-t", help="Only this tenant; may be repeated.")] = None,
    environment: Annotated[str, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = "prod",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show tenant, KPI, version, last run, value, verdict and SLA of every KPI, failures on top.

    Reads through the control plane's API as the demo's platform admin. Details of a run: kpi show TENANT RUN_ID.
    """
    settings = load_settings()
    plane = ControlPlane(settings)
    lines = [line for name in tenants(settings, tenant, environment) for line in read(plane, name, environment)]
    lines.sort(key=lambda line: line.rank)
    if as_json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        show(lines)


def read(plane: ControlPlane, tenant: str, environment: str) -> list[Line]:
    """The KPIs of a tenant that run, with their last runs and what those delivered."""
    items = plane.items("/kpis", tenant, environment=environment, include="last_run", limit="200")
    return [line_of(plane, tenant, item, item["last_run"] or {}) for item in items if item["status"] in RUNNING]


def line_of(plane: ControlPlane, tenant: str, item: dict[str, Any], run: dict[str, Any]) -> Line:
    """One KPI of the catalog with its last run as a line."""
    status = run.get("status") or ("running" if run else "never run")
    delivered = headline(plane, tenant, run) if status in DELIVERING else {}
    return Line(
        tenant_id=tenant,
        kpi_id=item["kpi_id"],
        name=item["name"],
        version=run.get("contract_version") or item["contract_version"],
        period=(delivered.get("period_start") or run.get("time_range") or "").split("T")[0],
        last_run=(run.get("started_at") or "")[:19].replace("T", " "),
        status=status,
        value=delivered.get("value"),
        entity=delivered.get("entity"),
        unit=delivered.get("unit") or "",
        verdict=delivered.get("verdict"),
        sla="breach" if run.get("sla_breached") else ("within" if run.get("finished_at") else ""),
        run_id=run.get("run_id", ""),
        why=" ".join(filter(None, (run.get("error_code"), run.get("error_message")))),
    )


def headline(plane: ControlPlane, tenant: str, run: dict[str, Any]) -> dict[str, Any]:
    """What a run delivered: the tenant's total, or the entity with the worst verdict."""
    rows = plane.get("/results", tenant, environment=run["environment"], kpi_id=run["kpi_id"], limit="200")["items"]
    own: list[dict[str, Any]] = [row for row in rows if row["run_id"] == run["run_id"]]
    total = next((row for row in own if row["entity"] == TOTAL), None)
    return total or max(own, key=lambda row: WORST.get(row["verdict"], 0), default=run)


def show(lines: list[Line]) -> None:
    """Print the table and what is wrong, in words, below it."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    rows = [cells(line) for line in lines]
    for position, header in enumerate(HEADERS):
        # Only the last column, the name, gives way in a narrow terminal.
        width = max([len(header), *(len(str(row[position])) for row in rows)]) if position < len(HEADERS) - 1 else 10
        table.add_column(header, justify="right" if header == "value" else "left", no_wrap=True, overflow="ellipsis", min_width=width)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in lines:
        if line.why:
            text = f"{line.tenant_id} {line.kpi_id}: {line.why}\n    details: kpi show {line.tenant_id} {line.run_id}"
            console.print(Text(text), soft_wrap=True)
    broken = sum(line.status in BROKEN for line in lines)
    critical = sum(line.verdict == "Critical" for line in lines)
    console.print(f"{len(lines)} KPIs: {broken} without a delivered number, {critical} with verdict Critical")


def cells(line: Line) -> tuple[str | Text, ...]:
    """One row, in the order of HEADERS."""
    return (
        line.tenant_id,
        line.kpi_id,
        line.version,
        line.last_run[:16],
        line.period,
        Text(line.status, style=_STYLES.get(line.status, "")),
        number(line),
        Text(line.verdict or "", style=_VERDICT_STYLES.get(line.verdict or "", "")),
        Text(line.sla, style="bold red" if line.sla == "breach" else ""),
        line.name,
    )


def number(line: Line) -> str:
    """The value with its unit; the entity when it is not the tenant's total."""
    if line.value is None:
        return ""
    where = "" if line.entity in (None, "ALL") else f" ({line.entity})"
    return f"{line.value:,.2f} {line.unit}{where}"

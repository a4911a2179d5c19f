"""`kpi show`: one run end to end, as the five log tables hold it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.control_plane import ControlPlane, tenants
from local.settings import load_settings

SECTIONS = {
    "sourcing": ("source_type", "source_object", "source_version", "attributes", "sql_hash"),
    "pre_validation": ("rule_id", "rule_type", "severity", "result", "details"),
    "post_validation": ("rule_id", "rule_type", "severity", "result", "details"),
    "delivery": ("time_grain", "time_range", "scd_view", "extensions", "verdict", "output_sample"),
}


def command(
    tenant: Annotated[str, typer.Argument(help="The tenant, such as acme.")],
    run_id: Annotated[str, typer.Argument(help="The run's id, from `kpi runs` or `kpi status`.")],
    environment: Annotated[str, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = "prod",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what ran, on what data, which checks it passed and what was delivered."""
    settings = load_settings()
    (name,) = tenants(settings, [tenant], environment)
    found = ControlPlane(settings).get(f"/runs/{run_id}", name)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    console = Console()
    console.print(_pairs("kpi_log_run", found["run"]))
    for section, columns in SECTIONS.items():
        rows: list[Any] | dict[str, Any] = found[section] or []
        console.print(_rows(f"kpi_log_{section}", columns, rows if isinstance(rows, list) else [rows]))


def _pairs(title: str, row: dict[str, Any]) -> Table:
    table = Table("column", "value", title=title, title_justify="left")
    for name, value in row.items():
        table.add_row(name, str(value))
    return table


def _rows(title: str, columns: tuple[str, ...], rows: list[Any]) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    return table

"""`kpi services`: what runs in the background, where it listens and where it logs."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli import service_set
from cli.errors import ExitCode
from cli.up import completed_file
from local.processes import ServiceStatus
from local.settings import load_settings


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing; the exit code answers.")] = False,
) -> None:
    """Show the background services. Exit code 0 when `kpi up` went through and all of them run, else 3."""
    settings = load_settings()
    found = [part.status(settings) for part in service_set.parts()]
    complete = completed_file(settings).exists() and all(service_set.is_up(status) for status in found)
    if as_json:
        print(json.dumps({"complete": complete, "services": [_document(status) for status in found]}, indent=2))
    elif not quiet:
        Console().print(_table(found))
    raise typer.Exit(ExitCode.OK if complete else ExitCode.ENVIRONMENT)


def _document(status: ServiceStatus) -> dict[str, object]:
    return {
        "name": status.name,
        "state": status.state.value,
        "pid": status.pid,
        "log": str(status.log) if status.log else None,
        "detail": status.detail,
    }


def _table(found: list[ServiceStatus]) -> Table:
    table = Table("service", "state", "pid", "log")
    for status in found:
        table.add_row(status.name, status.state.value, str(status.pid or ""), str(status.log or ""))
    return table

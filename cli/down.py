"""`kpi down`: stop everything this checkout runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import service_set
from cli.destroy import destroy, destroy_order
from cli.up import completed_file
from local import processes
from local.settings import load_settings
from local.steps import Steps


def command(
    destroy_first: Annotated[bool, typer.Option("--destroy", help="Run pulumi destroy on every stack before stopping.")] = False,
) -> None:
    """Stop the background services and whatever they left. Data stays under .local/ for the next `kpi up`."""
    settings = load_settings()
    steps = Steps()
    if destroy_first:
        destroy(settings, steps, destroy_order(settings))
    completed_file(settings).unlink(missing_ok=True)
    stopped = [part.name for part in reversed(service_set.parts()) if part.stop(settings)]
    if processes.kill_orphans(settings):
        stopped.append("orphans")
    steps.say(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")

"""The `kpi` command: which sub-commands there are, and in which module each lives.

A module is imported when its command is asked for, so that a command starts fast and a broken one breaks only itself. A module
gives either `command` (a function with typer annotations) or `app` (a `typer.Typer` with sub-commands).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

# In the order of a first day: set up, look, check, run, change, stop.
COMMANDS: dict[str, str] = {
    "up": "cli.up",
    "status": "cli.status",
    "services": "cli.services",
    "env": "cli.env",
    "check": "cli.check",
    "render": "cli.render",
    "diff": "cli.diff",
    "test-alarms": "cli.test_alarms",
    "backtest": "cli.backtest",
    "limits": "cli.limits",
    "cost": "cli.cost",
    "import": "cli.import_",
    "export": "cli.export",
    "audit": "cli.audit",
    "drift": "cli.drift",
    "openapi": "cli.openapi",
    "tenant": "cli.tenant",
    "run": "cli.run",
    "backfill": "cli.backfill",
    "runs": "cli.runs",
    "show": "cli.show",
    "view": "cli.views",
    "secret": "cli.secret",
    "preview": "cli.preview",
    "destroy": "cli.destroy",
    "down": "cli.down",
}

_EPILOG = (
    'Start with `kpi up`. To type pulumi yourself: eval "$(kpi env)", then for instance `pulumi preview -s platform.local`. '
    "Exit codes: 0 done, 1 a check or run did not pass, 2 wrong arguments, 3 something around the command is missing, taken or down."
)


class LazyGroup(TyperGroup):
    """Finds sub-commands by name in COMMANDS instead of importing them all."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = import_module(module)
        group: typer.Typer | None = getattr(found, "app", None)
        if group is None:
            group = typer.Typer(add_completion=False, rich_markup_mode=None)
            group.command(name=cmd_name, no_args_is_help=False)(found.command)
        command: Any = typer.main.get_command(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    name="kpi",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=_EPILOG,
    context_settings={"max_content_width": 120},
)


@app.callback()
def kpi() -> None:
    """The KPI observatory: a governed KPI control plane on AWS, and the same on this machine."""

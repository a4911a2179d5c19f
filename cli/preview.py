"""`kpi preview`: the literal `pulumi preview` on the demo stacks."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import stack as stacks
from cli.errors import ExitCode
from local.settings import load_settings


def command(
    stack: Annotated[list[str] | None, typer.Argument(help="Stacks, such as platform.local; all demo stacks when left out.")] = None,
    expect_no_changes: Annotated[bool, typer.Option("--expect-no-changes", help="Exit with 1 when anything would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show every changed property.")] = False,
) -> None:
    """Show what `kpi up` would change, without changing it."""
    settings = load_settings()
    options = [*(["--expect-no-changes"] if expect_no_changes else []), *(["--diff"] if diff else [])]
    codes = [stacks.pulumi(settings, ["preview", "-s", name, *options]) for name in stack or stacks.DEMO_STACKS]
    raise typer.Exit(ExitCode.FAILED if any(codes) else ExitCode.OK)

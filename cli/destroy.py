"""`kpi destroy`: the literal `pulumi destroy`, tenants before the platform."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import recover
from cli import stack as stacks
from cli.errors import KpiError
from local.settings import LocalSettings, load_settings
from local.steps import Steps


def command(
    stack: Annotated[list[str] | None, typer.Argument(help="Stacks, such as acme.prod; all demo stacks when left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy embedded stacks, including the tables and buckets that are protected. Never touches an AWS account."""
    settings = load_settings()
    names = [name for name in destroy_order(settings) if not stack or name in stack]
    unknown = [name for name in stack or [] if name not in names]
    if unknown:
        raise KpiError(unknown[0], "no such stack is deployed here", f"one of: {', '.join(destroy_order(settings)) or 'none is deployed'}")
    if names and not yes:
        typer.confirm(f"Destroy {', '.join(names)} on {settings.endpoint_url} with everything in them?", abort=True)
    destroy(settings, Steps(), names)


def destroy_order(settings: LocalSettings) -> list[str]:
    """Deployed stacks, those that others refer to last."""
    return sorted(stacks.deployed(settings), key=lambda name: (name.startswith("platform."), name))


def destroy(settings: LocalSettings, steps: Steps, names: list[str]) -> None:
    """Destroy stacks one after the other.

    Raises:
        StepError: with the engine's diagnostics.
    """
    for name in names:
        with steps.step(name, "destroy with the Pulumi engine"):
            recover.release_locks(settings, steps, name)
            # Protection guards the record in an AWS account; on embedded AWS destroying is an ordinary thing to ask for.
            stacks.pulumi_step(settings, steps, ["state", "unprotect", "-s", name, "--all", "--yes"])
            stacks.pulumi_step(settings, steps, ["destroy", "-s", name, "--yes", "--skip-preview"])

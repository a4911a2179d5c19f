"""`kpi view`: ask one of the log views of the running system, for one tenant."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli import aws, stack
from cli.errors import ExitCode, KpiError
from local.settings import load_settings
from views.execute import AthenaViews, ViewQueryError, ViewResult
from views.render import TENANT_ID, VIEWS

_DEFAULT_LIMIT = 20


def command(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(VIEWS)}.")],
    *,
    tenant: Annotated[str, typer.Option(help="The tenant whose rows are shown; a view never shows another's.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many rows, newest run first.")] = _DEFAULT_LIMIT,
    platform: Annotated[str, typer.Option(help="The platform stack.")] = stack.PLATFORM_STACK,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Show the rows of a log view for one tenant, through Athena."""
    if name not in VIEWS:
        raise KpiError(f"view {name}", "does not exist", f"one of {', '.join(VIEWS)}", code=ExitCode.USAGE)
    if TENANT_ID.match(tenant) is None:
        raise KpiError(f"--tenant {tenant}", "is not a tenant id", "lower-case letters, digits, - and _, such as acme", code=ExitCode.USAGE)
    settings = load_settings()
    outputs = stack.outputs(settings, platform)
    views = AthenaViews(aws.client(settings, "athena"), str(outputs["athenaWorkgroup"]), str(outputs["glueDatabase"]))
    try:
        result = views.ask(name, tenant=tenant, limit=limit)
    except ViewQueryError as error:
        raise KpiError(name, str(error), next="look at the platform's services with `kpi services`") from error
    _show(name, tenant, result, as_json=as_json)


def _show(name: str, tenant: str, result: ViewResult, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result.records(), indent=2))
        return
    if not result.rows:
        print(f"{name} has no rows for tenant {tenant} yet; rows reach the lake up to a minute after a run")
        return
    # Up to fourteen columns fit no terminal side by side, so a row is a block of lines.
    width = max(map(len, result.columns))
    for number, row in enumerate(result.rows, start=1):
        print(f"{name} of {tenant}, row {number}")
        for column, value in zip(result.columns, row, strict=True):
            print(f"  {column:<{width}}  {'' if value is None else value}".rstrip())

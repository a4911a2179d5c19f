"""`kpi limits`: the whole plan against AWS's quotas, before anything is deployed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.errors import ExitCode, KpiError
from cli.plan import read_plan
from plans.limits import Finding, Level, Report, check, number
from plans.quota import Effect, Quota
from plans.quotas import QUOTAS, QuotaError, granted

WIDE = 160
SHOWN = 12
"""Rows without `--all`: what comes closest."""
ROOMS = 6
_STYLES = {Level.OVER: "bold red", Level.NEAR: "yellow", Level.OK: "green"}


def command(
    stack: Annotated[str | None, typer.Option(help="A platform with its tenants, or a tenant with its platform. Default: all.")] = None,
    packs: Annotated[Path | None, typer.Option(help="The folder of dictionary packs. Default: that of the stacks' config.")] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What AWS has granted the account, such as iam.roles=2000; may be repeated."),
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Show every limit, also those that no plan of this product can exceed.")] = False,
    headroom: Annotated[bool, typer.Option("--headroom", help="Show how many more tenants and KPIs fit, and what runs out first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check the planned stacks, dashboards, alarms and schedules against every AWS limit they meet.

    Reads the configs below stacks/ and the dictionary; needs no account and nothing deployed. Exit code 1 when something is over.
    `pulumi preview` and `pulumi up` make the same check first and stop where AWS would refuse.
    """
    quotas = _granted(grant or [])
    report = check(read_plan(stack, packs).plan, quotas)
    if as_json:
        print(json.dumps(document(report, quotas), indent=2))
    else:
        _show(report, quotas, every=every, headroom=headroom)
    if report.over:
        raise typer.Exit(ExitCode.FAILED)


def _granted(texts: list[str]) -> tuple[Quota, ...]:
    increases: dict[str, int] = {}
    for text in texts:
        key, found, value = text.partition("=")
        if not found or not value.isdecimal():
            raise KpiError(f"--grant {text}", "is not a quota and a number", "KEY=VALUE, such as iam.roles=2000", code=ExitCode.USAGE)
        increases[key] = int(value)
    try:
        return granted(increases)
    except QuotaError as error:
        raise KpiError("--grant", str(error), code=ExitCode.USAGE) from error


def document(report: Report, quotas: tuple[Quota, ...] = QUOTAS) -> dict[str, Any]:
    """The report as JSON: every measured limit with its fullest subject, all that is over, headroom and waits."""
    measured = {finding.quota.key for finding in report.findings}
    return {
        "ok": not report.over,
        "blocks": bool(report.blocking),
        "over": [_finding(finding) for finding in report.over],
        "limits": [_finding(finding) for finding in report.worst()],
        "not_measured": [quota.key for quota in quotas if quota.key not in measured],
        "headroom": [{"more": room.what, "fits": room.fits, "until": room.finding.quota.key} for room in report.headroom()],
        "waits": [{"what": what, "seconds": round(seconds, 1)} for what, seconds in report.waits],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    quota = finding.quota
    return {
        "quota": quota.key,
        "what": quota.what,
        "subject": finding.subject,
        "place": finding.place,
        "used": round(finding.used, 4),
        "limit": quota.value,
        "unit": quota.unit,
        "share": round(finding.share, 4),
        "level": finding.level.value,
        "effect": quota.effect.value,
        "adjustable": quota.adjustable,
        "source": quota.source,
        "remedy": quota.remedy,
    }


def _show(report: Report, quotas: tuple[Quota, ...], *, every: bool, headroom: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    worst = report.worst()
    shown = worst if every else worst[: max(SHOWN, sum(finding.level is not Level.OK for finding in worst))]
    console.print(_limits(shown))
    if every:
        _not_measured(console, report, quotas)
    if headroom:
        console.print(_rooms(report))
    for what, seconds in report.waits:
        console.print(f"{what}: {number(seconds)} s of a first `pulumi up`", highlight=False)
    for finding in report.over:
        word = "AWS would slow this down" if finding.quota.effect is Effect.SLOWS else "AWS would refuse"
        console.print(Text(f"{word}: {finding}", style="red"), soft_wrap=True)
    hidden = f" (--all shows {len(worst) - len(shown)} more)" if len(worst) > len(shown) else ""
    near = sum(finding.level is Level.NEAR for finding in worst)
    console.print(f"{len(worst)} limits measured{hidden}: {len(report.over)} over, {near} from 80% on", highlight=False)


def _limits(findings: tuple[Finding, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("service", "limit", "used", "of", "share", "kind"):
        table.add_column(header, justify="right" if header in ("used", "of", "share") else "left", no_wrap=True)
    table.add_column("fullest", overflow="fold")
    for finding in sorted(findings, key=lambda each: (each.quota.service, -each.share)):
        quota = finding.quota
        share = Text(f"{finding.share:.1%}", style=_STYLES[finding.level])
        kind = "default" if quota.adjustable else "hard"
        subject = " ".join(filter(None, (finding.subject, finding.place)))
        name = quota.key.partition(".")[2]
        table.add_row(quota.service, name, number(finding.used), f"{number(quota.value)} {quota.unit}", share, kind, subject)
    return table


def _not_measured(console: Console, report: Report, quotas: tuple[Quota, ...]) -> None:
    measured = {finding.quota.key for finding in report.findings}
    for quota in quotas:
        if quota.key not in measured:
            console.print(f"not measured: {quota.key} {number(quota.value)} {quota.unit} ({quota.what})", highlight=False, soft_wrap=True)


def _rooms(report: Report) -> Table:
    table = Table("room for", "more", "until", "because", box=box.SIMPLE_HEAD, pad_edge=False)
    for what in ("tenants", "KPIs"):
        for room in [room for room in report.headroom() if room.what == what][:ROOMS]:
            quota = room.finding.quota
            more = "tenants and environments" if what == "tenants" else "KPIs in the busiest minute"
            table.add_row(more, f"{room.fits:,}", quota.key, _because(quota))
    return table


def _because(quota: Quota) -> str:
    kind = "throttled beyond" if quota.effect is Effect.SLOWS else "refused beyond"
    return f"{kind} {number(quota.value)} {quota.unit}{' (AWS may grant more)' if quota.adjustable else ''}"

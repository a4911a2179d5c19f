"""`kpi backtest`: what the alarms would have done on the runs there were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from alerts.testing.backtest import Backtest, Span, about, backtest
from alerts.testing.backtest_report import json_report, text_report
from alerts.testing.history import By, Run, read_run
from alerts.testing.overrides import Override, OverrideError, override, read_override
from alerts.testing.stacks import Deployed, Stacks, UnknownStackError
from alerts.validate import AlarmError
from cli.control_plane import ControlPlane
from cli.control_plane import tenants as deployed_tenants
from cli.errors import ExitCode, KpiError
from cli.periods import moment
from cli.stack import PLATFORM_STACK
from kpis.common import parse_duration
from kpis.diagnostics import DictionaryError, nearest
from lambdas.domain import anomalies
from lambdas.domain.closing import BASELINE_RUNS
from lambdas.domain.timestamps import iso
from local.settings import load_settings

LEAD = timedelta(days=8)
"""Runs before the judged time that are read too: CloudWatch looks back a week at most."""
PAGE = "200"


class RunSource(Protocol):
    """Lists the runs of a tenant, newest first."""

    def items(self, path: str, tenant: str, **parameters: str) -> Iterable[dict[str, Any]]: ...


@dataclass(frozen=True)
class Question:
    """What is asked: which part of the history, placed how in time. `start` and `end` only where they were given."""

    by: By
    start: datetime | None
    end: datetime | None
    since: timedelta
    window: timedelta
    now: datetime


def command(
    since: Annotated[str, typer.Option(help="How far back from the end, such as 90d or 12h.")] = "90d",
    start: Annotated[str | None, typer.Option("--from", help="Instead of --since: first moment, YYYY-MM-DD or ISO 8601.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="First moment not included any more. Default: now, or the last period.")] = None,
    tenant: Annotated[list[str] | None, typer.Option("--tenant", "-t", help="Only this tenant's stack; may be repeated.")] = None,
    stack: Annotated[list[str] | None, typer.Option(help="Only this stack, such as acme.prod; may be repeated.")] = None,
    alarm: Annotated[list[str] | None, typer.Option(help="Only this alarm, by key; may be repeated.")] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="What if: alarm-key.field=value, such as sla-breaches.threshold=2; may be repeated.")
    ] = None,
    by: Annotated[By, typer.Option(help="When a run happened: when it closed (clock), or at the end of its data period.")] = By.CLOCK,
    window: Annotated[str, typer.Option(help="How long after an event an alarm may take before it has missed it.")] = "1h",
    environment: Annotated[str, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = "prod",
    fail_on_missed: Annotated[bool, typer.Option("--fail-on-missed", help="Exit code 1 when an event was missed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Judge the alarms of the stacks on the runs of the log: when would they have fired, how often, and what would they have missed?

    The metrics are rebuilt from the run log as the functions emit them. Alarms on metrics that it does not tell (those of AWS services)
    are named and not judged. With --set the same history is judged a second time under changed alarms. It is a report: the exit code
    is 0 whatever it finds, unless --fail-on-missed.
    """
    question = _question(since, start, end, window, by)
    settings = load_settings()
    stacks = Stacks()
    chosen = _chosen(stacks, deployed_tenants(settings, tenant, environment), environment, tenant, stack, by)
    asked = [_override(text) for text in changes or ()]
    _check_keys([*(alarm or ()), *(each.alarm for each in asked)], chosen)
    try:
        what_if = [override(each, asked) for each in chosen] if asked else []
    except OverrideError as error:
        raise KpiError("--set", str(error), code=ExitCode.USAGE) from error
    owners = _tenants_of(chosen, deployed_tenants(settings, None, environment))
    read = read_runs(ControlPlane(settings), owners, environment, question, stacks)
    runs = [run for run in read if run.has_moment(by)]
    only = frozenset(alarm or ())
    with Console(stderr=True).status(f"judging the alarms of {len(chosen)} stacks on {len(runs)} runs"):
        present, changed = (judge(each, runs, question, only) for each in (chosen, what_if))
    if as_json:
        print(json.dumps(json_report(present, changed), indent=2))
    else:
        left_out = f"; {len(read) - len(runs)} left out, whose period the log does not tell" if len(read) > len(runs) else ""
        where = "when it closed" if by is By.CLOCK else "at the end of its data period"
        print(f"{len(read)} closed runs read; each placed {where}{left_out}")
        print("\n".join(text_report(present, changed)))
    if fail_on_missed and any(test.missed for test in present):
        raise typer.Exit(ExitCode.FAILED)


def judge(stacks: Sequence[Deployed], runs: Sequence[Run], question: Question, only: frozenset[str]) -> list[Backtest]:
    """One back-test of all stacks by the clock; by period one for each, since the data of tenants lie in different years."""
    if not stacks:
        return []
    if question.by is By.CLOCK:
        return [backtest(stacks, runs, _span(question, question.now.timestamp()), only)]
    found: list[Backtest] = []
    for stack in stacks:
        last = max((run.moment(By.PERIOD) for run in about(stack, runs)), default=question.now.timestamp())
        found.append(backtest([stack], runs, _span(question, last + question.window.total_seconds()), only))
    return found


def _span(question: Question, latest: float) -> Span:
    end = question.end.timestamp() if question.end else latest
    start = question.start.timestamp() if question.start else end - question.since.total_seconds()
    return Span(start, end, question.by, question.window.total_seconds())


def read_runs(plane: RunSource, tenants: Sequence[str], environment: str, question: Question, stacks: Stacks) -> list[Run]:
    """Every closed run that the question needs, page by page, oldest first, with a count while it goes on.

    Runtime anomalies are found again as the closing function finds them: against the KPI's runs before.
    """
    asked = {"environment": environment, "limit": PAGE}
    if question.by is By.CLOCK:
        begin = question.start or (question.end or question.now) - question.since
        asked["since"] = iso(begin - LEAD)
    rows: list[dict[str, Any]] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed} runs"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        for tenant in tenants:
            task = progress.add_task(f"runs of {tenant}", total=None)
            for row in plane.items("/runs", tenant, **asked):
                rows.append(row)
                progress.advance(task)
    tier_0 = frozenset(kpi for stack in stacks.names() for kpi in stacks.summary(stacks.where(stack).packs).tier_0)
    return closed_runs(rows, tier_0)


def closed_runs(rows: Iterable[Mapping[str, Any]], tier_0: frozenset[str]) -> list[Run]:
    """Rows of `/runs` as closed runs, oldest first.

    Raises:
        KpiError: when a row is not one of `/runs`.
    """
    ordered = sorted((row for row in rows if row.get("finished_at")), key=lambda row: (str(row["finished_at"]), str(row["run_id"])))
    earlier: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    found: list[Run] = []
    for row in ordered:
        before = earlier.setdefault((row["tenant_id"], row["environment"], row["kpi_id"]), [])
        try:
            run = read_run(row, tier_0=row["kpi_id"] in tier_0)
            if run is not None and run.row.status == "success":
                count = len(anomalies.find(run.duration_ms, run.row.rows_processed, before[-BASELINE_RUNS:]))
                run = read_run(row, tier_0=run.tier_0, anomalies=count)
        except ValidationError as error:
            raise KpiError(f"run {row.get('run_id')}", f"is not a run as the API documents it: {error.errors()[0]['msg']}") from error
        before.append(row)
        found += [run] if run is not None else []
    return found


def _question(since: str, start: str | None, end: str | None, window: str, by: By) -> Question:
    question = Question(
        by=by,
        start=moment(start, "--from") if start else None,
        end=moment(end, "--to") if end else None,
        since=_duration(since, "--since"),
        window=_duration(window, "--window"),
        now=datetime.now(UTC),
    )
    if question.start and question.start >= (question.end or (question.now if by is By.CLOCK else datetime.max.replace(tzinfo=UTC))):
        raise KpiError("--from", f"{start} is not before {end or 'now'}", "a moment before the end", code=ExitCode.USAGE)
    return question


def _duration(text: str, option: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise KpiError(option, str(error), code=ExitCode.USAGE) from error


def _chosen(
    stacks: Stacks, deployed: Sequence[str], environment: str, tenants: Sequence[str] | None, names: Sequence[str] | None, by: By
) -> list[Deployed]:
    """The stacks asked for: those named, those of the tenants named, or all.

    By period the platform's only when it is named: its tenants' data lie in different years, and their sum on one calendar never was.
    """
    wanted = [*(names or ()), *(f"{tenant}.{environment}" for tenant in tenants or ())]
    if not wanted:
        wanted = [*([PLATFORM_STACK] if by is By.CLOCK else []), *(f"{tenant}.{environment}" for tenant in deployed)]
    try:
        return [stacks.deployed(stacks.where(name)) for name in dict.fromkeys(wanted)]
    except UnknownStackError as error:
        raise KpiError("--stack", str(error), code=ExitCode.USAGE) from error
    except (AlarmError, DictionaryError) as error:
        raise KpiError("alarms", f"they cannot be rendered: {error}", next="run `kpi check`", code=ExitCode.FAILED) from error


def _tenants_of(chosen: Sequence[Deployed], deployed: Sequence[str]) -> list[str]:
    """Whose runs are needed: everybody's for a platform."""
    if any(not each.where.tenant_id for each in chosen):
        return list(deployed)
    missing = sorted({each.where.tenant_id for each in chosen} - set(deployed))
    if missing:
        raise KpiError(missing[0], "no such tenant here", f"one of {', '.join(deployed) or 'none yet'}", code=ExitCode.USAGE)
    return sorted({each.where.tenant_id for each in chosen})


def _override(text: str) -> Override:
    try:
        return read_override(text)
    except OverrideError as error:
        raise KpiError("--set", str(error), code=ExitCode.USAGE) from error


def _check_keys(keys: Iterable[str], chosen: Sequence[Deployed]) -> None:
    known = {key for each in chosen for key in each.by_key}
    for key in keys:
        if key not in known:
            raise KpiError(
                key, f"no such alarm in {', '.join(each.where.stack for each in chosen)}{nearest(key, known)}", code=ExitCode.USAGE
            )

"""`kpi backfill`: run every KPI of tenants for past days, in order, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from textwrap import shorten
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import kpis
from cli.control_plane import tenants as deployed_tenants
from cli.errors import ExitCode
from cli.periods import date_range, periods_for
from cli.run_client import Finished, RunClient, Runs, RunState
from kpis.common import ScdView, Status
from kpis.graph import topological_order
from kpis.hashing import definition_hash
from kpis.rules import CrossKpi
from kpis.schema import Kpi
from lambdas.domain.model import Period, RunRequest, TriggerType
from lambdas.domain.naming import execution_name
from local.settings import LocalSettings, load_settings

CONCURRENCY = 6
SHOWN_WIDTH = 220
_RUNNABLE = (Status.ACTIVE, Status.DEPRECATED)


@dataclass(frozen=True)
class Chain:
    """The runs of one KPI of one tenant, oldest first: each may look at the ones before it."""

    kpi: Kpi
    requests: tuple[tuple[str, RunRequest], ...]


def command(
    start: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    end: Annotated[str, typer.Option("--to", help="First day not included any more.")],
    tenant: Annotated[list[str] | None, typer.Option("--tenant", "-t", help="Only this tenant; may be repeated.")] = None,
    environment: Annotated[str, typer.Option("--env", help="KPI environment: dev, stg or prod.")] = "prod",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Runs at a time.")] = CONCURRENCY,
    again: Annotated[str, typer.Option(help="Any word: runs what has been done once more, once for each word.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run every KPI for all its periods between --from and --to: primaries first, then what is computed from them.

    A KPI whose grain is longer than the range (a month in a week) runs for its last period that was complete by --to.
    What an earlier call has done is skipped. Exit code 1 when the engine itself did not finish a run; runs that failed for a
    reason of their own (bad data) are reported and are no error of the backfill.
    """
    settings = load_settings()
    chosen = deployed_tenants(settings, tenant, environment)
    ended = backfill(settings, chosen, date_range(start, end), environment=environment, concurrency=concurrency, again=again, quiet=as_json)
    if as_json:
        print(json.dumps(summary(ended), indent=2))
    else:
        show(ended)
    if any(each.state is RunState.BROKEN for each in ended):
        raise typer.Exit(ExitCode.FAILED)


def backfill(
    settings: LocalSettings,
    tenants: Sequence[str],
    span: Period,
    *,
    environment: str = "prod",
    concurrency: int = CONCURRENCY,
    again: str = "",
    quiet: bool = False,
) -> list[Finished]:
    """Run everything of the tenants for a range, with a progress bar unless `quiet`."""
    waves = plan(kpis.load().kpis, tenants, span, environment=environment, again=again)
    total = sum(len(chain.requests) for wave in waves for chain in wave)
    client = RunClient(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task(f"runs of {', '.join(tenants)}", total=total)
        return run_waves(waves, client, concurrency, lambda _done: progress.advance(task))


def plan(dictionary: Iterable[Kpi], tenants: Sequence[str], span: Period, *, environment: str, again: str = "") -> list[list[Chain]]:
    """What to run: waves of chains. A wave only needs the waves before it; chains of a wave are independent."""
    every = [kpi for kpi in dictionary if kpi.status in _RUNNABLE and environment in kpi.environments]
    depth = _depths(every)
    waves: dict[int, list[Chain]] = {}
    for kpi in every:
        for tenant in tenants:
            if tenant in kpi.tenants:
                waves.setdefault(depth[kpi.id], []).append(_chain(kpi, tenant, span, environment, again))
    return [waves[key] for key in sorted(waves)]


def _depths(dictionary: Sequence[Kpi]) -> dict[str, int]:
    """How many waves must come before a KPI: those of the KPIs it reads, and of those its rules compare it with."""
    by_id = {kpi.id: kpi for kpi in dictionary}
    depth: dict[str, int] = {}
    for kpi_id in topological_order(dictionary):
        depth[kpi_id] = 1 + max((depth.get(ref.kpi, 0) for ref in by_id[kpi_id].kpi_sources), default=0)
    for _ in by_id:  # a comparison may move a KPI later, and with it what reads it; circles of comparisons end with the loop
        moved = {kpi_id: max(depth[kpi_id], _after(kpi, depth)) for kpi_id, kpi in by_id.items()}
        if moved == depth:
            break
        depth = moved
    return depth


def _after(kpi: Kpi, depth: dict[str, int]) -> int:
    compared = {other for rule in kpi.post_validation if isinstance(rule, CrossKpi) for other in rule.kpis.values()}
    needed = compared | {ref.kpi for ref in kpi.kpi_sources}
    return 1 + max((depth.get(other, 0) for other in needed - {kpi.id}), default=0)


def _chain(kpi: Kpi, tenant: str, span: Period, environment: str, again: str) -> Chain:
    requests: list[tuple[str, RunRequest]] = []
    definition = definition_hash(kpi)
    for period in periods_for(span, kpi.grain):
        request = RunRequest.model_validate(
            {
                "tenant_id": tenant,
                "environment": environment,
                "kpi_id": kpi.id,
                "trigger_type": TriggerType.MANUAL,
                "triggered_by": "cli/backfill",
                "period": period,
                "scd_view": ScdView.AS_REPORTED,
            }
        )
        requests.append((execution_name("backfill", tenant, kpi.id, [environment, definition, period.text, again]), request))
    return Chain(kpi, tuple(requests))


def run_waves(waves: Sequence[Sequence[Chain]], runs: Runs, concurrency: int, advance: Callable[[Finished], None]) -> list[Finished]:
    """Run wave after wave, `concurrency` chains at a time."""
    ended: list[Finished] = []

    def follow(chain: Chain) -> list[Finished]:
        done: list[Finished] = []
        for name, request in chain.requests:
            done.append(runs.run(name, request))
            advance(done[-1])
        return done

    with ThreadPoolExecutor(concurrency) as pool:
        for wave in waves:
            for done in pool.map(follow, wave):
                ended += done
    return ended


def summary(ended: Sequence[Finished]) -> dict[str, object]:
    """Counts by state and the reasons of what did not deliver."""
    states = Counter(each.state.value for each in ended)
    problems = [
        {"tenant_id": each.request.tenant_id, "kpi_id": each.request.kpi_id, "period": each.request.period and each.request.period.text}
        | {"state": each.state.value, "run_id": each.document.get("run_id"), "why": each.why}
        for each in ended
        if each.state not in (RunState.SUCCESS, RunState.PARTIAL)
    ]
    return {"runs": len(ended), "done_before": sum(each.known for each in ended), "states": dict(states), "problems": problems}


def show(ended: Sequence[Finished]) -> None:
    """Print the counts and the reasons, most frequent first."""
    console = Console()
    states = Counter(each.state.value for each in ended)
    counted = ", ".join(f"{count} {state}" for state, count in states.most_common()) or "nothing to run"
    console.print(f"{len(ended)} runs ({sum(each.known for each in ended)} done before): {counted}", markup=False)
    by_kpi = Counter((each.request.tenant_id, each.request.kpi_id, each.state.value) for each in ended if each.why)
    first = {(each.request.tenant_id, each.request.kpi_id, each.state.value): each for each in reversed(ended) if each.why}
    for key, count in by_kpi.most_common(20):
        each = first[key]
        when = each.request.period.text[:10] if each.request.period else ""
        text = f"  {count} x {key[0]} {key[1]} {key[2]}, first {when}: {each.why}"
        console.print(shorten(text, SHOWN_WIDTH, placeholder=" ..."), markup=False)

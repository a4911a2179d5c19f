"""What a run costs beside its SQL, where that goes, and how many runs a minute the embedded system takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

import kpis
from cli.backfill import plan, run_waves
from cli.periods import date_range
from cli.run_client import Finished, RunClient, RunState
from kpis.common import ScdView
from lambdas.domain.model import Period, RunRequest, TriggerType
from tests.bench import machine
from tests.bench.report import Report
from tests.local.conftest import Stack

pytestmark = pytest.mark.bench

OVERHEAD = "run overhead"
THROUGHPUT = "runs a minute"
TENANT, KPI = "acme", "CFO-CA-01"
DAY = date_range("2025-11-18", "2025-11-19")
WEEK = date_range("2025-11-13", "2025-11-20")
WARM_UP, RUNS = 3, 30
HANDLERS = ("run-open", "run-light", "run-close")


def request(_name: str) -> str:
    document = RunRequest(
        tenant_id=TENANT,
        environment="prod",
        kpi_id=KPI,
        trigger_type=TriggerType.MANUAL,
        triggered_by="tests/bench",
        period=DAY,
        scd_view=ScdView.AS_REPORTED,
    )
    return document.model_dump_json(exclude_none=True)


def measured(stack: Stack, arn: str, document: Any) -> list[machine.Timeline]:
    """Timelines of runs on warm functions."""
    word = machine.unique_word()
    machine.measure(stack, arn, [f"{word}-warm-{number}" for number in range(WARM_UP)], document)
    return machine.measure(stack, arn, [f"{word}-{number}" for number in range(RUNS)], document)


def seconds_of(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def rows_before(stack: Stack) -> int:
    """The emulator looks at every one of them where DynamoDB reads the latest sixty, so they explain a slow Close."""
    return len(stack.log_rows("run", TENANT, kpi_id=KPI))


def test_the_overhead_of_a_run_is_known_by_part(stack: Stack, report: Report) -> None:
    with machine.trivial_machine(stack) as arn:
        floor = measured(stack, arn, lambda _name: "{}")
    report.add(OVERHEAD, f"rows of {KPI} in the log before", rows_before(stack), "rows", of="Close compares with the latest of them")
    since = time.time()
    real = measured(stack, stack.outputs["stateMachineArn"], request)
    assert {each.output["status"] for each in real} == {"success"}
    run_ids = {str(each.output["run_id"]) for each in real}

    lines = {name: machine.logged(stack, name, run_ids, since) for name in HANDLERS}
    closed = [line for line in lines["run-close"] if "RunOverheadMs" in line]
    sql = [float(line["sql_ms"]) for line in lines["run-light"] if "sql_ms" in line]
    overhead = report.median(OVERHEAD, "open to close, without the SQL", [line["RunOverheadMs"] for line in closed], "ms", aim="< 100 ms")
    report.median(OVERHEAD, "open to close", [line["RunDurationMs"] for line in closed], "ms")
    report.median(OVERHEAD, "SQL on the warehouse", sql, "ms")
    for name in HANDLERS:
        report.median(OVERHEAD, f"inside {name}", [line["duration_ms"] for line in lines[name] if "duration_ms" in line], "ms")
    states = report.median(OVERHEAD, "first state to the end", [each.states_ms for each in real], "ms")
    report.median(OVERHEAD, "emulator: before the first state", [each.wait_ms for each in real], "ms")

    table = stack.dynamodb.Table(stack.outputs["tables"]["catalog"])
    read = {"pk": TENANT, "sk": f"prod#active#{KPI}"}
    reads = [seconds_of(lambda: table.get_item(Key=read)) * 1000 for _ in range(RUNS)]
    report.median(OVERHEAD, "emulator: one read of a row (a run makes 8 calls)", reads, "ms")
    idle = report.median(
        OVERHEAD,
        "floor: open to close with functions that do nothing",
        [1000 * (each.output["closed"] - each.output["opened"]) for each in floor],
        "ms",
    )
    idle_states = report.median(OVERHEAD, "floor: first state to the end", [each.states_ms for each in floor], "ms")
    report.ratio(OVERHEAD, "open to close without the SQL, against the floor", overhead, idle, of="medians")
    report.ratio(OVERHEAD, "first state to the end, against the floor", states, idle_states, of="medians")
    assert len(closed) == len(sql) == RUNS
    assert overhead <= median(line["RunDurationMs"] for line in closed)


def backfilled(client: RunClient, span: Period, concurrency: int) -> tuple[float, list[Finished]]:
    """Seconds and runs of a backfill of every KPI of the tenant."""
    waves = plan(kpis.load().kpis, [TENANT], span, environment="prod", again=machine.unique_word())
    began = time.perf_counter()
    ended = run_waves(waves, client, concurrency, lambda _done: None)
    return time.perf_counter() - began, ended


@pytest.mark.parametrize("concurrency", [1, 6, 12])
def test_every_run_of_a_backfill_comes_to_its_end(stack: Stack, report: Report, concurrency: int) -> None:
    client = RunClient(stack.settings)
    backfilled(client, DAY, concurrency)  # not measured: starts a function's process for each run at a time
    seconds, ended = backfilled(client, WEEK, concurrency)
    report.add(THROUGHPUT, f"{concurrency} at a time", 60 * len(ended) / seconds, "runs/min", of=f"{len(ended)} runs in {seconds:.1f} s")
    assert [each for each in ended if each.state is RunState.BROKEN or each.known] == []

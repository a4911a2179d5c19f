"""How much the schedules ask of AWS in their busiest minute, and how large a run gets between the states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from kpis.common import Lane
from kpis.schema import Trigger
from plans.cadence import YEAR, firings
from plans.model import KpiLoad, Measure, Plan, StackPlan

SECONDS = 60
"""EventBridge Scheduler fires within the minute a schedule names, so a minute's runs are spread over it."""
LIGHT_SECONDS = 5.0
STATES_OF_A_RUN = 6
EVENTS_OF_AN_ATTEMPT = 20
_RUN_BYTES = 1600
_OUTCOME_BYTES = 800
_FAILED_RULE_BYTES = 64
_TASK_TOKEN_BYTES = 2048
_REQUEST_BYTES = 400
_RUN_ROWS_WRITES = 4
"""An open and a close row, each once in the table and once in its index."""

Profile = frozenset[tuple[tuple[str, str], int]]


def scheduled(load: KpiLoad) -> bool:
    """Whether EventBridge Scheduler starts the KPI."""
    return load.runnable and load.cron is not None and load.trigger is not Trigger.EVENT


def log_rows(load: KpiLoad) -> int:
    """Rows of the five log tables that one attempt writes: open, close, delivery, one a source and one a rule."""
    return 3 + load.sources + load.pre_rules + load.post_rules


def write_units(load: KpiLoad) -> int:
    """DynamoDB write units of one attempt: every row is below 1 KB, and run rows are written to the index too."""
    return _RUN_ROWS_WRITES + log_rows(load) - 2


def measure_runs(plan: Plan) -> Iterator[Measure]:
    """Measures of one account and Region."""
    own = {stack.name: [load for load in plan.loads if load.runs_for(stack) and scheduled(load)] for stack in plan.tenants}
    schedules = sum(map(len, own.values()))
    average = schedules / len(own) if own else 0
    yield Measure("scheduler.schedules", "schedules of all tenants", schedules, per_tenant=average, per_kpi=1)
    everything = [load for loads in own.values() for load in loads]
    yield from _rates(everything, len(own))
    yield from _partitions(plan.tenants, own)
    for load in plan.loads:
        yield from _one(load)
    for stack in plan.tenants:
        yield Measure("scheduler.name", f"schedule group {stack.prefix}", len(stack.prefix))


def _rates(loads: Iterable[KpiLoad], tenants: int) -> Iterator[Measure]:
    loads = list(loads)
    started = busiest(Counter((load.cron or "", load.timezone) for load in loads))
    light = busiest(Counter((load.cron or "", load.timezone) for load in loads if load.lane is Lane.LIGHT))
    heavy = busiest(Counter((load.cron or "", load.timezone) for load in loads if load.lane is Lane.HEAVY))
    rows = (
        ("scheduler.invocations", started, 1.0),
        ("states.start_rate", started, 1.0),
        ("states.transition_rate", started, STATES_OF_A_RUN),
        ("ecs.run_task_rate", heavy, 1.0),
        ("lambda.concurrency", light, LIGHT_SECONDS),
    )
    for key, (runs, minute), weight in rows:
        rate = weight / SECONDS
        what = "heavy runs" if key.startswith("ecs") else "runs"
        subject = f"{runs} {what} in the busiest minute, {minute}"
        yield Measure(key, subject, runs * rate, per_tenant=runs * rate / tenants if tenants else rate, per_kpi=rate)


def _partitions(tenants: Iterable[StackPlan], own: Mapping[str, list[KpiLoad]]) -> Iterator[Measure]:
    """Every row of a tenant, of all its environments, begins with the tenant's id, so one partition takes them."""
    weights: dict[str, Counter[tuple[str, str]]] = {}
    for stack in tenants:
        for load in own[stack.name]:
            weights.setdefault(stack.tenant, Counter())[load.cron or "", load.timezone] += write_units(load)
    units = max((write_units(load) for loads in own.values() for load in loads), default=0)
    for tenant, weight in sorted(weights.items()):
        writes, minute = busiest(weight)
        yield Measure("dynamodb.partition_writes", f"{tenant} at {minute}", writes / SECONDS, per_kpi=units / SECONDS)


def _one(load: KpiLoad) -> Iterator[Measure]:
    subject = f"KPI {load.id}"
    rules = load.pre_rules + load.post_rules
    yield Measure("scheduler.name", f"schedule {load.id}", len(load.id))
    yield Measure("scheduler.input", subject, _REQUEST_BYTES + len(load.id))
    yield Measure("states.payload", subject, _RUN_BYTES + _OUTCOME_BYTES + rules * _FAILED_RULE_BYTES)
    yield Measure("states.history", subject, (1 + load.retries) * EVENTS_OF_AN_ATTEMPT)
    if load.lane is Lane.HEAVY:
        # The request travels as a JSON text inside JSON, so its quotes are written twice.
        yield Measure("ecs.overrides", subject, 2 * _RUN_BYTES + _TASK_TOKEN_BYTES)


def busiest(schedules: Mapping[tuple[str, str], int]) -> tuple[int, str]:
    """The most that fires in one minute, and that minute as `02:00 UTC on 5 January`; schedules are (cron, time zone) with weights."""
    return _busiest(frozenset(schedules.items()))


@lru_cache(maxsize=512)
def _busiest(profile: Profile) -> tuple[int, str]:
    if len(profile) == 1:
        ((schedule, weight),) = profile
        found = firings(*schedule)
        return (weight, _moment(found[0])) if found else (0, "none")
    counts: Counter[int] = Counter()
    for schedule, weight in profile:
        for minute in firings(*schedule):
            counts[minute] += weight
    if not counts:
        return 0, "none"
    most = max(counts.values())
    return most, _moment(min(minute for minute, count in counts.items() if count == most))


def _moment(minute: int) -> str:
    from datetime import UTC, datetime, timedelta

    moment = datetime(YEAR, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return f"{moment:%H:%M} UTC on {moment.day} {moment:%B}"

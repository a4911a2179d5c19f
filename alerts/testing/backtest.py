"""Alarms judged on history: when they would have fired, how noisy they would have been, and what they would have missed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from alerts.simulator import State
from alerts.simulator.timeline import MemoryHistory, Timeline, simulate
from alerts.specs import CompositeAlarm, Late, MetricAlarm, MetricStat
from alerts.testing.cases import closure, series_of, stats_of
from alerts.testing.history import By, Run, known, metric_history
from alerts.testing.stacks import Deployed
from kpis.common import Verdict
from kpis.metric_names import ENVIRONMENT, KPI, TENANT, Metric

FLAP_SECONDS = 3600.0
"""An alarm that fires again within this time of its recovery flaps."""


class Kind(StrEnum):
    """What somebody should have heard of."""

    FAILED = "failed run"
    SKIPPED = "skipped run"
    BREACH = "SLA breach"
    CRITICAL = "Critical verdict"


_TOLD_BY: Mapping[Kind, frozenset[str]] = {
    Kind.FAILED: frozenset({Metric.RUNS_FAILED, Metric.RUNS_COMPLETED, Metric.POST_VALIDATION_HARD_STOPS}),
    Kind.SKIPPED: frozenset({Metric.RUNS_SKIPPED, Metric.RUNS_COMPLETED, Metric.PRE_VALIDATION_HARD_STOPS}),
    Kind.BREACH: frozenset({Metric.SLA_BREACHES}),
    Kind.CRITICAL: frozenset({Metric.KPI_VERDICT, Metric.KPI_VALUE}),
}


@dataclass(frozen=True)
class Firing:
    """An alarm from its start to its end, seconds since the epoch; `end` is None when it has not recovered."""

    start: float
    end: float | None
    reason: str


@dataclass(frozen=True)
class Judged:
    """What one alarm would have done. `flaps` are the firings that came within an hour of the last recovery."""

    alarm: str
    firings: tuple[Firing, ...]
    until: float

    @property
    def seconds(self) -> float:
        """How long it was in ALARM in all."""
        return sum(self._lengths())

    @property
    def median_seconds(self) -> float:
        """The median length of a firing; 0 without one."""
        return median(self._lengths()) if self.firings else 0.0

    @property
    def flaps(self) -> int:
        pairs = zip(self.firings, self.firings[1:], strict=False)
        return sum(left.end is not None and right.start - left.end <= FLAP_SECONDS for left, right in pairs)

    def _lengths(self) -> list[float]:
        return [(self.until if each.end is None else each.end) - each.start for each in self.firings]

    def active(self, start: float, end: float) -> bool:
        """Whether it was in ALARM at some moment of [start, end]."""
        return any(each.start <= end and (each.end is None or each.end > start) for each in self.firings)


@dataclass(frozen=True)
class Event:
    """Something in the history that somebody should have heard of."""

    kind: Kind
    at: float
    run: Run


@dataclass(frozen=True)
class Missed:
    """An event after which no alarm that could tell it was in ALARM; `why` names those that stayed quiet."""

    event: Event
    why: str


@dataclass(frozen=True)
class StackHistory:
    """The alarms of one stack on its runs.

    `metrics` are the metric alarms that were simulated for them, by key. `unjudged` says by alarm key which metrics it reads that the
    run log does not tell.
    """

    deployed: Deployed
    start: float
    end: float
    runs: int
    alarms: tuple[Judged, ...]
    metrics: Mapping[str, Judged]
    unjudged: Mapping[str, str]


@dataclass(frozen=True)
class Backtest:
    """The stacks judged, and what of the runs' history nobody would have heard of."""

    stacks: tuple[StackHistory, ...]
    events: Mapping[Kind, int]
    missed: tuple[Missed, ...]


@dataclass(frozen=True)
class Span:
    """What part of the history is judged, in seconds since the epoch, and how its runs lie in time.

    An event is missed when no alarm that reads it is in ALARM within `window` seconds after it.
    """

    start: float
    end: float
    by: By
    window: float = FLAP_SECONDS


def about(deployed: Deployed, runs: Iterable[Run]) -> list[Run]:
    """The runs a stack's alarms are about: a tenant's own, or all for a platform."""
    where = deployed.where
    if not where.tenant_id:
        return list(runs)
    return [run for run in runs if (run.row.tenant_id, run.row.environment) == (where.tenant_id, where.environment)]


def backtest(stacks: Sequence[Deployed], runs: Sequence[Run], span: Span, only: frozenset[str] = frozenset()) -> Backtest:
    """Judge the alarms of these stacks (with `only`, just these keys) on the runs of their history.

    Runs before the span fill the windows of the first judgement. An event counts as missed when no alarm of any of the stacks tells it.
    """
    found = tuple(_stack(deployed, runs, span, only) for deployed in stacks)
    concerned = {run.row.run_id: run for deployed in stacks for run in about(deployed, runs)}
    inside = [run for run in concerned.values() if span.start <= run.moment(span.by) < span.end]
    events = sorted((event for run in inside for event in _events(run, span.by)), key=lambda event: (event.at, event.run.row.run_id))
    counts = {kind: sum(event.kind is kind for event in events) for kind in Kind}
    return Backtest(found, counts, tuple(_missed(found, events, span.window)))


def _stack(deployed: Deployed, runs: Sequence[Run], span: Span, only: frozenset[str]) -> StackHistory:
    """History begins right after its first run: alarms cannot be blamed for a time without a system."""
    own = sorted(about(deployed, runs), key=lambda run: run.moment(span.by))
    moments = [run.moment(span.by) for run in own]
    begin = max(span.start, moments[0] + 1) if moments else span.end
    keys = [key for key in deployed.by_key if not only or key in only]
    unjudged = {key: why for key in keys if (why := _unknown(deployed, key))}
    judged = [key for key in keys if key not in unjudged]
    alarms = closure(deployed, judged, suppressors=False)
    wanted = {series_of(stat) for alarm in alarms.metrics for stat in stats_of(alarm)}
    timeline = simulate(
        alarms,
        MemoryHistory(metric_history(own, span.by, wanted)),
        start=begin,
        end=span.end,
        late={each: each.value for each in Late},
    )
    judgements = tuple(_judged(timeline, deployed.by_key[key], span.end) for key in judged)
    metrics = {alarm.key: _judged(timeline, alarm, span.end) for alarm in alarms.metrics}
    count = bisect_left(moments, span.end) - bisect_left(moments, span.start)
    return StackHistory(deployed, begin, span.end, count, judgements, metrics, unjudged)


def _unknown(deployed: Deployed, key: str) -> str:
    """The metrics an alarm reads that the run log does not tell; empty when it tells all."""
    alarm = deployed.by_key[key]
    return ", ".join(sorted({f"{stat.namespace} {stat.metric}" for stat in _stats(deployed, alarm) if not known(series_of(stat))}))


def _stats(deployed: Deployed, alarm: MetricAlarm | CompositeAlarm) -> Iterator[MetricStat]:
    """Every series that an alarm and everything it is made of reads."""
    for each in closure(deployed, [alarm.key], suppressors=False).metrics:
        yield from stats_of(each)


def _judged(timeline: Timeline, alarm: MetricAlarm | CompositeAlarm, until: float) -> Judged:
    firings: list[Firing] = []
    for change in timeline.transitions:
        # A change to the same state is an action done late, which the back-test does not ask about.
        if change.alarm != alarm.name or change.old is change.new:
            continue
        if change.new is State.ALARM:
            firings.append(Firing(change.at, None, change.reason))
        elif change.old is State.ALARM and firings:
            firings[-1] = Firing(firings[-1].start, change.at, firings[-1].reason)
    return Judged(alarm.key, tuple(firings), until)


def _events(run: Run, by: By) -> Iterator[Event]:
    at = run.moment(by)
    if run.row.status == "failed":
        yield Event(Kind.FAILED, at, run)
    if run.row.status == "skipped":
        yield Event(Kind.SKIPPED, at, run)
    if run.row.sla_breached:
        yield Event(Kind.BREACH, at, run)
    if run.row.verdict is Verdict.CRITICAL:
        yield Event(Kind.CRITICAL, at, run)


@dataclass(frozen=True)
class _Reader:
    """An alarm that can tell an event, and the metric alarms (itself, or of those below it) by which it can."""

    alarm: Judged
    by: tuple[Judged, ...]

    def tells(self, start: float, end: float) -> bool:
        """A composite may be in ALARM for another reason: one of the alarms that read the event must be too."""
        return self.alarm.active(start, end) and any(each.active(start, end) for each in self.by)


def _missed(stacks: Sequence[StackHistory], events: Iterable[Event], window: float) -> Iterator[Missed]:
    known_readers: dict[tuple[Kind, str, str, str], list[_Reader]] = {}
    for event in events:
        row = event.run.row
        subject = (event.kind, row.tenant_id, row.environment, row.kpi_id)
        if subject not in known_readers:
            known_readers[subject] = [reader for stack in stacks for reader in _readers(stack, event)]
        readers = known_readers[subject]
        if any(reader.tells(event.at, event.at + window) for reader in readers):
            continue
        quiet = ", ".join(sorted({reader.alarm.alarm for reader in readers}))
        yield Missed(event, f"{quiet} stayed quiet" if quiet else "no judged alarm reads it")


def _readers(stack: StackHistory, event: Event) -> Iterator[_Reader]:
    for alarm in stack.alarms:
        below = closure(stack.deployed, [alarm.alarm], suppressors=False).metrics
        by = tuple(stack.metrics[each.key] for each in below if any(_tells(stat, event) for stat in stats_of(each)))
        if by:
            yield _Reader(alarm, by)


def _tells(stat: MetricStat, event: Event) -> bool:
    """Whether an event of this kind and KPI changes this statistic."""
    row = event.run.row
    words = {TENANT: row.tenant_id, ENVIRONMENT: row.environment, KPI: row.kpi_id}
    # The number of closed runs says nothing of how they ended.
    counts_runs = stat.metric == Metric.RUNS_COMPLETED and stat.stat == "SampleCount"
    return (
        stat.metric in _TOLD_BY[event.kind] and not counts_runs and all(words.get(name) == value for name, value in stat.dimensions.items())
    )

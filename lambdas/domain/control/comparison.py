"""Samples of a canary: what its runs and those of the baseline delivered for the same entities and periods (K21).

Every delivered run of the baseline is followed by a run of the candidate for its part. A period counts once that run has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kpis.common import Verdict
from lambdas.domain.control.canary import Canary, Sample, Side
from lambdas.domain.model import RunStatus

SETTLED_AFTER = timedelta(minutes=5)
"""How long after the baseline's end the candidate's run may take to begin before it counts as missing."""
LOST_AFTER = timedelta(hours=6)
"""After this a run without an end is lost, not in flight; longer than the longest timeout of a KPI may be."""


@dataclass(frozen=True)
class CompareRun:
    """A run of either version. `period` is its interval; `status` None: it has not ended."""

    run_id: int
    period: str
    candidate: bool
    status: RunStatus | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Value:
    """What a run stored for an entity."""

    run_id: int
    entity: str
    value: float | None
    verdict: Verdict


def samples_of(canary: Canary, runs: Iterable[CompareRun], values: Iterable[Value], at: datetime) -> list[Sample]:
    """Each entity of the subset and period once, as both versions delivered it last.

    Periods for which the baseline delivered nothing, or the candidate is still at work, are left out.

    Args:
        canary: the canary.
        runs: runs since it began or was resumed.
        values: what these runs stored; values a run only fell back to are not among them.
        at: now.
    """
    by_run: dict[int, dict[str, Value]] = {}
    for value in values:
        if canary.subset.contains(canary.kpi_id, value.entity):
            by_run.setdefault(value.run_id, {})[value.entity] = value
    by_period: dict[str, tuple[list[CompareRun], list[CompareRun]]] = {}
    for run in sorted(runs, key=lambda run: run.run_id):
        by_period.setdefault(run.period, ([], []))[run.candidate].append(run)
    # A person may ask for a week that begins as a day does; only then a start does not tell which period it is.
    begun = Counter(_start(period) for period in by_period)
    samples: list[Sample] = []
    for period, (before, after) in sorted(by_period.items()):
        delivered = [run for run in before if run.status is RunStatus.SUCCESS]
        if delivered and not _under_way(delivered[-1], after, at):
            name = _start(period) if begun[_start(period)] == 1 else period
            samples += _samples(name, delivered, after, by_run)
    return samples


def _start(period: str) -> str:
    return period.split("/", 1)[0]


def _under_way(baseline: CompareRun, candidates: Sequence[CompareRun], at: datetime) -> bool:
    if any(run.status is None and at - run.started_at < LOST_AFTER for run in candidates):
        return True
    return not candidates and at - (baseline.finished_at or baseline.started_at) < SETTLED_AFTER


def _samples(
    period: str, before: Sequence[CompareRun], after: Sequence[CompareRun], by_run: Mapping[int, Mapping[str, Value]]
) -> list[Sample]:
    baseline = _latest(before, by_run)
    candidate = _latest([run for run in after if run.status is RunStatus.SUCCESS], by_run)
    # A candidate that nothing vouches for did no better than one that failed. One that was skipped or lost is only missing.
    failed = bool(after) and after[-1].status in (RunStatus.FAILED, RunStatus.PARTIAL)
    return [
        Sample(period, entity, _side(baseline.get(entity)), Side(None, failed=True) if failed else _side(candidate.get(entity)))
        for entity in sorted(baseline.keys() | candidate.keys())
    ]


def _latest(runs: Sequence[CompareRun], by_run: Mapping[int, Mapping[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for run in runs:
        found |= by_run.get(run.run_id, {})
    return found


def _side(value: Value | None) -> Side:
    return Side(None) if value is None else Side(value.value, value.verdict)

"""A canary is judged on what both versions delivered for the same entities and periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kpis.common import Verdict
from lambdas.domain.control.canary import Canary, Outcome, Sample, Side, Subset, Tolerances, assess
from lambdas.domain.control.comparison import LOST_AFTER, SETTLED_AFTER, CompareRun, Value, samples_of
from lambdas.domain.model import RunStatus

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
OK, FAILED, SKIPPED, PARTIAL = RunStatus.SUCCESS, RunStatus.FAILED, RunStatus.SKIPPED, RunStatus.PARTIAL
PERIOD = "2026-01-04T00:00:00.000Z/2026-01-05T00:00:00.000Z"
START = PERIOD.split("/", maxsplit=1)[0]


def canary(subset: Subset | None = None) -> Canary:
    values: dict[str, Any] = {
        "canary_id": "c-1",
        "environment": "prod",
        "kpi_id": "SKY-AD-01",
        "candidate": "1.1.0",
        "candidate_hash": "b" * 64,
        "baseline": "1.0.0",
        "baseline_hash": "a" * 64,
        "subset": subset or Subset(entities=("JFK", "LGA")),
        "tolerances": Tolerances(min_periods=1, min_samples=1),
        "since": "2026-01-01T00:00:00.000Z",
        "request_id": "r-1",
    }
    return Canary.model_validate(values)


def run(run_id: int, status: RunStatus | None = OK, *, candidate: bool = False, ago: timedelta = timedelta(hours=1)) -> CompareRun:
    started = AT - ago
    return CompareRun(run_id, PERIOD, candidate, status, started, started if status else None)


def value(run_id: int, entity: str, number: float, verdict: Verdict = Verdict.ADEQUATE) -> Value:
    return Value(run_id, entity, number, verdict)


def samples(runs: list[CompareRun], values: list[Value], by: Canary | None = None) -> list[Sample]:
    return samples_of(by or canary(), runs, values, AT)


def test_each_entity_of_the_part_is_one_sample() -> None:
    found = samples(
        [run(1), run(2, candidate=True)],
        [value(1, "ALL", 9.0), value(1, "JFK", 6.0), value(1, "LGA", 15.0), value(2, "JFK", 6.0), value(2, "LGA", 16.0, Verdict.LOW)],
    )
    good = Side(6.0, Verdict.ADEQUATE)
    assert found == [Sample(START, "JFK", good, good), Sample(START, "LGA", Side(15.0, Verdict.ADEQUATE), Side(16.0, Verdict.LOW))]


def test_the_last_value_of_each_version_counts() -> None:
    runs = [run(1), run(2, candidate=True), run(3), run(4, candidate=True)]
    values = [value(1, "JFK", 1.0), value(3, "JFK", 2.0), value(2, "JFK", 1.0), value(4, "JFK", 2.0)]
    assert samples(runs, values) == [Sample(START, "JFK", Side(2.0, Verdict.ADEQUATE), Side(2.0, Verdict.ADEQUATE))]


def test_a_candidate_that_failed_where_the_baseline_delivered_is_a_failure() -> None:
    found = samples([run(1), run(2, FAILED, candidate=True)], [value(1, "JFK", 1.0), value(1, "LGA", 1.0)])
    assert [each.candidate.failed for each in found] == [True, True]
    assert assess(found, canary().tolerances).outcome is Outcome.ROLLBACK


@pytest.mark.parametrize("status", [FAILED, PARTIAL])
def test_what_an_earlier_run_of_the_candidate_gave_does_not_hide_that_the_last_one_failed(status: RunStatus) -> None:
    runs = [run(1), run(2, candidate=True), run(3, status, candidate=True)]
    assert samples(runs, [value(1, "JFK", 1.0), value(2, "JFK", 1.0)])[0].candidate.failed


@pytest.mark.parametrize(
    ("runs", "values"),
    [
        ([run(1), run(2, SKIPPED, candidate=True)], [value(1, "JFK", 1.0)]),
        ([run(1), run(2, candidate=True)], [value(1, "JFK", 1.0), value(2, "LGA", 1.0), value(1, "LGA", 1.0)]),
        ([run(1), run(2, candidate=True)], [value(1, "JFK", 1.0), value(2, "JFK", 1.0), value(2, "LGA", 1.0)]),
        ([run(1, ago=SETTLED_AFTER)], [value(1, "JFK", 1.0)]),
        ([run(1), run(2, None, candidate=True, ago=LOST_AFTER)], [value(1, "JFK", 1.0)]),
    ],
    ids=["skipped", "an entity less", "an entity more", "never started", "lost"],
)
def test_what_only_one_side_has_is_missing_so_nothing_is_promoted(runs: list[CompareRun], values: list[Value]) -> None:
    found = samples(runs, values)
    assert any(each.baseline.missing or each.candidate.missing for each in found)
    assert not any(each.candidate.failed for each in found)
    assert assess(found, canary().tolerances).outcome is Outcome.PAUSE


@pytest.mark.parametrize(
    "runs",
    [
        [run(1, ago=timedelta(minutes=1))],
        [run(1), run(2, None, candidate=True, ago=timedelta(minutes=1))],
        [run(1, FAILED)],
        [run(1, PARTIAL), run(2, candidate=True)],
        [run(2, candidate=True)],
    ],
    ids=["not begun yet", "in flight", "baseline failed", "baseline fell back", "no baseline"],
)
def test_a_period_that_cannot_be_compared_yet_or_at_all_is_left_out(runs: list[CompareRun]) -> None:
    assert samples(runs, [value(1, "JFK", 1.0), value(2, "JFK", 1.0)]) == []


def test_a_share_takes_the_entities_the_candidate_was_given() -> None:
    by = canary(Subset(percent=50))
    entities = [f"E{number}" for number in range(40)]
    values = [value(run_id, entity, 1.0) for run_id in (1, 2) for entity in entities]
    found = samples([run(1), run(2, candidate=True)], values, by)
    assert {each.entity for each in found} == {entity for entity in entities if by.subset.contains(by.kpi_id, entity)}
    assert 0 < len(found) < len(entities)


def test_periods_that_begin_at_the_same_moment_are_compared_each_on_its_own() -> None:
    week = "2026-01-04T00:00:00.000Z/2026-01-11T00:00:00.000Z"
    by_hand = [
        CompareRun(each.run_id + 10, week, each.candidate, each.status, each.started_at, each.finished_at)
        for each in (run(1), run(2, candidate=True))
    ]
    values = [value(number, "JFK", 5.0) for number in (1, 2, 11, 12)]
    found = samples([run(1), run(2, candidate=True), *by_hand], values)
    assert [sample.period for sample in found] == [PERIOD, week]
    assessment = assess(found, Tolerances(min_periods=2, min_samples=2))
    assert (assessment.outcome, assessment.periods) == (Outcome.PROMOTE, 2)

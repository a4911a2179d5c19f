"""`kpi backfill` and `kpi run`: order, names that make it repeatable, and ranges of dates."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest

from cli.backfill import plan, run_waves, summary
from cli.errors import KpiError
from cli.periods import date_range, periods_within
from cli.run_client import Finished, RunState, finished
from kpis.common import Grain
from lambdas.domain.model import Period, RunRequest
from tests.unit.lambdas.memory import formula_kpi, kpi

SPAN = Period(start=datetime(2013, 10, 28, tzinfo=UTC), end=datetime(2013, 10, 31, tzinfo=UTC))
BASE = [kpi(id="SKY-AA-01"), kpi(id="SKY-BB-01"), formula_kpi()]
COMPARED = kpi(
    id="SKY-CC-01",
    post_validation=[{"id": "same", "check": "cross_kpi", "left": "value", "right": "r", "kpis": {"r": "SKY-RT-01"}}],
)


class Recorder:
    """Runs that all succeed, in the order they were asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.order: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def run(self, name: str, request: RunRequest) -> Finished:
        with self._lock:
            known = name in self.names
            self.names.append(name)
            self.order.append((request.kpi_id, request.period.text if request.period else ""))
        return Finished(request, RunState.SUCCESS, known, {})


def ids(*kpis: object) -> list[list[str]]:
    return [[chain.kpi.id for chain in wave] for wave in plan(kpis, ["skyway"], SPAN, environment="prod")]  # type: ignore[arg-type]


def test_what_is_computed_from_kpis_comes_after_them_and_comparisons_after_what_they_compare_with() -> None:
    assert ids(*BASE, COMPARED) == [["SKY-AA-01", "SKY-BB-01"], ["SKY-RT-01"], ["SKY-CC-01"]]


def test_retired_kpis_other_tenants_and_other_environments_are_left_out() -> None:
    assert ids(kpi(status="retired"), kpi(tenants=["acme"]), kpi(environments=["dev"])) == []


def test_days_of_a_kpi_run_one_after_the_other_oldest_first() -> None:
    recorder = Recorder()
    run_waves(plan(BASE, ["skyway"], SPAN, environment="prod"), recorder, 4, lambda _done: None)
    for kpi_id in ("SKY-AA-01", "SKY-RT-01"):
        days = [period for name, period in recorder.order if name == kpi_id]
        assert len(days) == 3
        assert days == sorted(days)
    assert [name for name, _ in recorder.order][-3:] == ["SKY-RT-01"] * 3


def test_a_second_backfill_asks_for_the_same_names_and_another_word_for_others() -> None:
    recorder = Recorder()
    for again in ("", "", "mended"):
        ended = run_waves(plan(BASE, ["skyway"], SPAN, environment="prod", again=again), recorder, 2, lambda _done: None)
        assert summary(ended)["done_before"] == (9 if recorder.names.count(recorder.names[0]) == 2 and again == "" else 0)


def test_a_changed_definition_is_run_again() -> None:
    def names(unit: str) -> list[str]:
        return [
            name for wave in plan([kpi(unit=unit)], ["skyway"], SPAN, environment="prod") for chain in wave for name, _ in chain.requests
        ]

    assert not set(names("minutes")) & set(names("seconds"))


def test_only_whole_periods_lie_within_a_range() -> None:
    whole = periods_within(date_range("2013-09-15", "2013-12-02"), Grain.MONTH)
    assert [f"{period.start:%Y-%m}" for period in whole] == ["2013-10", "2013-11"]
    assert len(list(periods_within(SPAN, Grain.DAY))) == 3
    assert list(periods_within(SPAN, Grain.MONTH)) == []


@pytest.mark.parametrize(
    ("start", "end", "words"), [("soon", "2013-10-30", "'soon' is not a date"), ("2013-10-30", "2013-10-30", "is not after")]
)
def test_bad_ranges_are_named(start: str, end: str, words: str) -> None:
    with pytest.raises(KpiError, match=words):
        date_range(start, end)


def test_an_execution_that_broke_says_why() -> None:
    request = RunRequest(tenant_id="skyway", kpi_id="SKY-AA-01")
    cause = json.dumps({"errorMessage": "NOT_FOUND: tenant skyway is not onboarded"})
    ended = finished({"status": "FAILED", "error": "Runtime.HandlerError", "cause": cause}, request, known=False)
    assert ended.state is RunState.BROKEN
    assert "tenant skyway is not onboarded" in ended.why

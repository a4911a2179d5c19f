"""The dead-man check where a schedule is odd: it never fires, fires every minute, or was passed over when clocks went back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kpis.schema import Kpi, Schedule
from lambdas.domain import deadman
from lambdas.domain.deadman import LOOKBACK, missed, slots
from lambdas.domain.model import LogTable
from lambdas.domain.timestamps import parse
from tests.unit.lambdas.memory import kpi
from tests.unit.lambdas.test_deadman import DUE, HOUR, LONG_AGO, MINUTE, Office


def timed(cron: str, timezone: str = "UTC") -> dict[str, Any]:
    return {"frequency": "daily", "trigger": "time", "cron": cron, "timezone": timezone}


def every_minute() -> Kpi:
    return kpi(grain="hour", schedule=timed("* * * * *"))


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6 *"])
def test_a_schedule_of_a_day_that_never_comes_expects_nothing(cron: str) -> None:
    schedule = Schedule.model_validate(timed(cron))
    assert [*slots(schedule, DUE - LOOKBACK, DUE)] == []
    assert Office(of=kpi(schedule=timed(cron)), since=LONG_AGO).check() == []


def test_each_row_of_the_log_is_read_once_however_many_runs_were_due(monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(of=every_minute(), since=DUE)
    for minutes in range(120):
        office.start(DUE + minutes * MINUTE)
    rows = office.logs.rows(LogTable.RUN)
    read: list[str] = []
    monkeypatch.setattr(deadman, "parse", lambda text: read.append(text) or parse(text))
    assert missed(office.watched, rows, [], DUE + 119 * MINUTE) == []
    assert len(read) <= len(rows)


def test_of_runs_a_minute_apart_the_one_that_is_missing_is_found() -> None:
    office = Office(of=every_minute(), since=DUE)
    for minutes in (*range(20), *range(21, 60)):
        office.start(DUE + minutes * MINUTE)
    office.clock.moment = DUE + 59 * MINUTE
    assert office.check() == ["10:20"]


def test_a_run_belongs_to_the_last_moment_it_was_due_at_and_to_its_period() -> None:
    office = Office(of=kpi(schedule=timed("0 * * * *", "America/New_York")), since=DUE)
    office.start(DUE + 59 * MINUTE + timedelta(seconds=30), scheduled=DUE + HOUR)
    office.clock.moment = DUE + HOUR + 20 * MINUTE
    assert office.check() == ["10:00"], "half a minute early is the next one, by a clock that is behind"

"""Schedules expanded over a year fire when croniter says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from plans.cadence import MINUTES_A_YEAR, YEAR, firings, runs_a_month

START = datetime(YEAR, 1, 1, tzinfo=UTC)


def minutes(most: int) -> st.SearchStrategy[str]:
    number = st.integers(0, most).map(str)
    # croniter takes `5-5` for `*`; EventBridge Scheduler and we take it for 5.
    span = (
        st.tuples(st.integers(0, most - 1), st.integers(1, most))
        .filter(lambda pair: pair[0] < pair[1])
        .map(lambda pair: f"{pair[0]}-{pair[1]}")
    )
    return st.one_of(number, st.lists(number, min_size=1, max_size=3, unique=True).map(",".join), span)


def days() -> st.SearchStrategy[tuple[str, str]]:
    return st.one_of(
        st.just(("*", "*")),
        st.integers(1, 31).map(lambda day: (str(day), "*")),
        st.sampled_from(["1", "1-5", "0", "7", "SUN", "MON-FRI", "TUE,THU", "6-7"]).map(lambda weekday: ("*", weekday)),
        st.sampled_from(["1-7", "*/10", "1,15"]).map(lambda day: (day, "*")),
    )


@settings(max_examples=60, deadline=None)
@given(minutes(59), minutes(23), days(), st.sampled_from(["*", "3", "1-6", "JAN,JUL", "*/3"]))
def test_a_cron_expression_fires_when_croniter_says(minute: str, hour: str, day: tuple[str, str], month: str) -> None:
    cron = f"{minute} {hour} {day[0]} {month} {day[1]}"
    expected: list[int] = []
    oracle = croniter(cron, START - timedelta(minutes=1))
    while (moment := oracle.get_next(datetime)).year == YEAR:
        expected.append(int((moment - START).total_seconds() // 60))
        if len(expected) > 400:
            break
    assert list(firings(cron)[: len(expected)]) == expected
    assert len(expected) > 400 or len(firings(cron)) == len(expected)


@pytest.mark.parametrize(
    ("cron", "a_month"),
    [
        ("0 2 * * *", 365 / 12),
        ("0 * * * *", 730),
        ("*/15 * * * *", 2920),
        ("0 3 2 * *", 1),
        ("0 1 1 1,4,7,10 *", 4 / 12),
        ("* * * * *", 43800),
    ],
)
def test_runs_a_month_are_those_of_an_average_month(cron: str, a_month: float) -> None:
    assert runs_a_month(cron) == pytest.approx(a_month)


def test_summer_time_moves_a_schedule_in_utc() -> None:
    found = set(firings("0 6 * * *", "America/New_York"))
    for month, hour in ((1, 11), (7, 10)):
        assert int((datetime(YEAR, month, 15, hour, tzinfo=UTC) - START).total_seconds() // 60) in found
    assert len(found) == 365


@given(st.sampled_from(["Pacific/Auckland", "America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin"]), st.integers(4, 23))
def test_every_time_zone_has_the_same_number_of_runs_a_year(zone: str, hour: int) -> None:
    found = firings(f"30 {hour} * * *", zone)
    assert len(found) == 365
    assert all(0 <= minute < MINUTES_A_YEAR for minute in found)
    local = {(START + timedelta(minutes=minute)).astimezone(ZoneInfo(zone)).hour for minute in found}
    assert local == {hour}


@pytest.mark.parametrize("cron", ["0 2 * *", "60 2 * * *", "x 2 * * *", "0 2 0 * *"])
def test_what_is_no_schedule_is_refused(cron: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int() words one of them
        firings(cron)


def test_a_range_over_the_end_of_the_week_is_read_around_it() -> None:
    assert firings("0 2 * * FRI-MON") == firings("0 2 * * FRI,SAT,SUN,MON")

"""Mute rules as windows: cron and at expressions, time zones and clock changes, durations, starts and expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.simulator import UnsupportedError
from alerts.simulator.mute import duration_of, mute_windows, rule_windows
from alerts.specs import MuteRule


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def windows(expression: str, duration: str = "PT1H", timezone: str | None = "UTC", **changes: Any) -> list[tuple[str, str]]:
    """Opening and closing in UTC."""
    values = {"starts": None, "expires": None, "start": at("2026-03-02T00:00"), "end": at("2026-03-09T00:00")} | changes
    found = mute_windows("rule", ["a"], expression, duration, timezone, **values)
    assert all(window.name == "rule" and window.alarms == frozenset({"a"}) for window in found)
    return [tuple(datetime.fromtimestamp(moment, UTC).strftime("%m-%d %H:%M") for moment in (window.start, window.end)) for window in found]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("expression", "duration", "expected"),
    [
        ("cron(0 2 * * SUN)", "PT4H", [("03-08 02:00", "03-08 06:00")]),
        ("cron(0 18 * * FRI)", "P2DT12H", [("02-27 18:00", "03-02 06:00"), ("03-06 18:00", "03-09 06:00")]),
        ("cron(30 1,13 4-5 MAR *)", "PT1M", [(f"03-0{day} {hour}:30", f"03-0{day} {hour}:31") for day in (4, 5) for hour in ("01", "13")]),
        ("at(2026-03-05T12:15)", "P1D", [("03-05 12:15", "03-06 12:15")]),
        ("cron(0 0 4 * FRI)", "PT1H", [("03-04 00:00", "03-04 01:00"), ("03-06 00:00", "03-06 01:00")]),
        ("at(2027-01-01T00:00)", "PT1H", []),
    ],
)  # fmt: skip
def test_a_rule_has_the_windows_its_expression_says(expression: str, duration: str, expected: list[tuple[str, str]]):
    assert windows(expression, duration) == expected


def test_a_window_that_opened_before_the_range_is_still_open_in_it():
    assert windows("cron(0 22 * * SUN)", "PT4H") == [("03-01 22:00", "03-02 02:00"), ("03-08 22:00", "03-09 02:00")]
    assert windows("at(2026-03-01T23:00)", "PT1H") == []


def test_times_are_read_in_the_time_zone_of_the_rule():
    assert windows("at(2026-03-05T09:00)", timezone="Asia/Tokyo") == [("03-05 00:00", "03-05 01:00")]
    assert windows("at(2026-03-05T09:00)", timezone=None) == [("03-05 09:00", "03-05 10:00")]


def test_a_clock_change_moves_windows_with_the_wall_clock_and_keeps_their_length():
    found = windows("cron(0 3 * * *)", "PT2H", "America/New_York", start=at("2026-03-07T00:00"), end=at("2026-03-10T00:00"))
    assert found == [("03-07 08:00", "03-07 10:00"), ("03-08 07:00", "03-08 09:00"), ("03-09 07:00", "03-09 09:00")]


def test_a_time_the_clock_change_skips_counts_after_it():
    found = windows("cron(30 2 8 MAR *)", "PT1H", "America/New_York", start=at("2026-03-07T00:00"), end=at("2026-03-10T00:00"))
    assert found == [("03-08 07:30", "03-08 08:30")]


def test_a_rule_has_no_window_before_it_starts_and_none_open_after_it_expires():
    found = windows("cron(0 12 * * *)", "PT2H", starts="2026-03-03T12:00:00Z", expires=datetime(2026, 3, 5, 13, tzinfo=UTC))
    assert found == [("03-03 12:00", "03-03 14:00"), ("03-04 12:00", "03-04 14:00"), ("03-05 12:00", "03-05 13:00")]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("PT1M", timedelta(minutes=1)),
        ("P15D", timedelta(days=15)),
        ("P2DT12H", timedelta(days=2.5)),
        ("P1W", timedelta(weeks=1)),
        ("PT90S", timedelta(seconds=90)),
    ],
)
def test_durations_are_iso_8601(duration: str, expected: timedelta):
    assert duration_of(duration) == expected


@pytest.mark.parametrize("duration", ["", "P", "PT", "4h", "P1M", "P1Y", "PT59S", "P15DT1M", "P1DT", "PT-1H", "pt1h"])
def test_what_is_no_duration_of_a_minute_to_fifteen_days_is_refused(duration: str):
    with pytest.raises(UnsupportedError, match="mute rule rule: duration"):
        windows("at(2026-03-05T12:15)", duration)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("rate(1 hour)", "rate"),
        ("cron(0 2 * *)", "4 fields"),
        ("cron(0 2 ? * SUN)", r"'\?'"),
        ("cron(*/5 * * * *)", r"'\*/5'"),
        ("cron(0 2 L * *)", "'L'"),
        ("cron(0 25 * * *)", "out of range"),
        ("cron(0 2 * FOO *)", "out of range"),
        ("cron(0 0 30 2 *)", "never comes"),
        ("at(2026-03-05)", "yyyy"),
        ("at(2026-13-05T10:00)", "month"),
        ("0 2 * * *", "expected cron"),
    ],
)
def test_what_is_no_schedule_is_refused_by_name(expression: str, named: str):
    with pytest.raises(UnsupportedError, match=named) as refused:
        windows(expression)
    assert "mute rule rule" in str(refused.value)


def test_an_unknown_time_zone_a_bad_date_and_too_many_alarms_are_refused_by_name():
    with pytest.raises(UnsupportedError, match="Mars/Olympus"):
        windows("at(2026-03-05T12:15)", timezone="Mars/Olympus")
    with pytest.raises(UnsupportedError, match=r"\.\./etc"):
        windows("at(2026-03-05T12:15)", timezone="../etc/passwd")
    with pytest.raises(UnsupportedError, match="tomorrow"):
        windows("at(2026-03-05T12:15)", starts="tomorrow")
    names = [str(number) for number in range(101)]
    with pytest.raises(UnsupportedError, match="101 alarms"):
        mute_windows("rule", names, "at(2026-03-05T12:15)", "PT1H", None, None, None, 0, 1)
    assert len(mute_windows("rule", names[:100], "at(2026-03-05T12:15)", "PT1H", None, None, None, 0, 2e9)[0].alarms) == 100


def test_a_rule_of_ours_gives_its_windows():
    rule = MuteRule("key", "kpi-change", "d", "cron(0 2 * * SUN)", "PT4H", "UTC", ("a", "b"), None, "2026-03-08T04:00:00Z")
    (window,) = rule_windows(rule, at("2026-03-02T00:00"), at("2026-03-09T00:00"))
    assert (window.name, window.alarms, window.end - window.start) == ("kpi-change", frozenset({"a", "b"}), 2 * 3600)


@settings(deadline=None)
@given(st.integers(0, 23), st.integers(0, 59), st.integers(1, 6 * 24 * 60), st.integers(0, 7 * 24 * 60))
def test_asking_for_a_part_of_the_time_gives_the_windows_that_touch_it(hour: int, minute: int, length: int, offset: int):
    start, end = at("2026-03-02T00:00"), at("2026-03-16T00:00")
    values = ("rule", ["a"], f"cron({minute} {hour} * * MON,THU)", f"PT{length}M", "Europe/London", None, None)
    every = mute_windows(*values, start, end)
    inner = (start + offset * 60, start + offset * 60 + 3600)
    expected = [window for window in every if window.start < inner[1] and window.end > inner[0]]
    assert list(mute_windows(*values, *inner)) == expected

"""Which period a run is about, over daylight saving, leap days and replayed years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.common import Grain
from kpis.schema import Schedule
from lambdas.domain.errors import KpiError
from lambdas.domain.model import Period, RunRequest, TenantSettings
from lambdas.domain.periods import add_months, as_of_for, floor, last_complete, replayed, resolve, shift

ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
CALENDAR = (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR)
DAYS = st.dates(date(1990, 1, 1), date(2050, 1, 1))


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(cron: str | None = "0 6 * * *", timezone: str = "UTC") -> Schedule:
    trigger = {"trigger": "time", "cron": cron} if cron else {"trigger": "event", "event": "loaded"}
    return Schedule.model_validate({"frequency": "daily", "timezone": timezone} | trigger)


def tenant(**changes: object) -> TenantSettings:
    return TenantSettings.model_validate({"tenant_id": "skyway", "environment": "prod", "warehouse_secret": "w"} | changes)


def request(**changes: object) -> RunRequest:
    return RunRequest.model_validate({"tenant_id": "skyway", "kpi_id": "SKY-AD-01"} | changes)


@given(DAYS, st.sampled_from(CALENDAR), st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59))
def test_a_backfilled_run_looks_when_the_schedule_would_have_and_so_is_about_the_same_period(
    on: date, grain: Grain, zone: str, hour: int, minute: int
) -> None:
    start = floor(datetime(on.year, on.month, on.day, tzinfo=UTC), grain)
    period = Period(start=start, end=shift(start, grain, 1))
    as_of = as_of_for(period, grain, schedule(f"{minute} {hour} * * *", zone))
    assert last_complete(as_of, grain, zone) == period


@given(DAYS, st.sampled_from(CALENDAR), st.sampled_from(ZONES), st.integers(0, 86_399))
def test_the_last_complete_period_is_over_and_the_next_one_is_not(on: date, grain: Grain, zone: str, second: int) -> None:
    as_of = datetime(on.year, on.month, on.day, tzinfo=UTC) + timedelta(seconds=second)
    local = as_of.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    period = last_complete(as_of, grain, zone)
    assert period.end <= local < shift(period.end, grain, 1)


@given(DAYS, st.sampled_from(list(Grain)), st.integers(-30, 30))
def test_shifting_a_period_forth_and_back_returns_to_it(on: date, grain: Grain, count: int) -> None:
    start = floor(datetime(on.year, on.month, on.day, 5, tzinfo=UTC), grain)
    assert shift(shift(start, grain, count), grain, -count) == start


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        ("2013-03-10T10:00:00", "2013-03-09"),  # 06:00 in New York on the day the clocks go forward
        ("2013-11-03T11:00:00", "2013-11-02"),  # and back
        ("2013-11-03T04:59:00", "2013-11-02"),  # 00:59 summer time
        ("2013-11-03T03:59:00", "2013-11-01"),  # 23:59 on the 2nd
    ],
)
def test_days_end_at_local_midnight_over_daylight_saving(as_of: str, expected: str) -> None:
    assert last_complete(day(as_of), Grain.DAY, "America/New_York").start == day(expected)


def test_hours_are_real_hours_when_the_clocks_go_back() -> None:
    period = last_complete(day("2013-11-03T06:30:00"), Grain.HOUR, "America/New_York")
    assert (period.start, period.end) == (day("2013-11-03T05:00:00"), day("2013-11-03T06:00:00"))


def test_weeks_start_on_monday() -> None:
    assert last_complete(day("2013-10-30T12:00:00"), Grain.WEEK, "UTC").start == day("2013-10-21")


def test_a_month_later_is_clamped_to_the_months_last_day() -> None:
    assert add_months(day("2024-01-31"), 1) == day("2024-02-29")
    assert add_months(day("2024-02-29"), -12) == day("2023-02-28")


def test_a_scheduled_run_of_a_demo_tenant_lives_in_its_year() -> None:
    now = day("2026-10-30T10:00:05")
    found = resolve(
        request(scheduled_at="2026-10-30T10:00:00Z"), Grain.DAY, schedule(timezone="America/New_York"), tenant(replay_year=2013), now
    )
    assert found.as_of == day("2013-10-30T10:00:00")
    assert found.period.start == day("2013-10-29")
    assert found.historical


def test_a_run_scheduled_for_another_day_is_not_moved() -> None:
    found = resolve(
        request(scheduled_at="2025-11-20T02:00:00Z"), Grain.DAY, schedule("0 2 * * *"), tenant(replay_year=2013), day("2026-11-21")
    )
    assert (found.as_of, found.period.start, found.historical) == (day("2025-11-20T02:00:00"), day("2025-11-19"), True)


def test_29_february_is_replayed_as_the_28th() -> None:
    assert replayed(day("2028-02-29T05:00:00"), 2013) == day("2013-02-28T05:00:00")


def test_a_scheduler_that_does_not_fill_in_its_placeholder_means_now() -> None:
    found = resolve(request(scheduled_at="<aws.scheduler.scheduled-time>"), Grain.DAY, schedule(), tenant(), day("2026-11-21T06:00:00"))
    assert found.as_of == day("2026-11-21T06:00:00")
    assert not found.historical


def test_a_given_period_without_a_time_looks_as_the_schedule_would_have() -> None:
    period = {"start": "2013-10-29", "end": "2013-10-30"}
    found = resolve(request(period=period), Grain.DAY, schedule(timezone="America/New_York"), tenant(), day("2026-11-21"))
    assert found.as_of == day("2013-10-30T10:00:00"), "06:00 in New York"


def test_a_kpi_without_cron_looks_six_hours_after_its_period() -> None:
    period = {"start": "2013-10-29", "end": "2013-10-30"}
    found = resolve(request(period=period), Grain.DAY, schedule(None, "America/New_York"), tenant(), day("2026-11-21"))
    assert found.as_of == day("2013-10-30T10:00:00")


def test_an_unreadable_time_is_named() -> None:
    with pytest.raises(KpiError, match="scheduled_at 'soon' is not a moment; expected ISO 8601"):
        resolve(request(scheduled_at="soon"), Grain.DAY, schedule(), tenant(), day("2026-11-21"))


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Period(start=day("2013-10-30"), end=day("2013-10-29"))

"""Windows of a stack's config become mute rules that CloudWatch takes, or every problem is told at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import alerts
from alerts import AlarmError, AlarmSet, MuteRule, MuteScope, Window, mute_rules
from alerts.mute_schedule import duration_of, occurrences, overlap_problem, schedule_problem
from tests.unit.alerts.factory import many, row, summary

WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
PLATFORM = alerts.platform_alarms(summary(row()), **WHERE)
TENANT = alerts.tenant_alarms(many(20, tier=0), tenant_id="acme", environment="prod", **WHERE)
TENANT_STEM = "kpi-local-acme-prod"


def window(**changes: Any) -> Window:
    values: dict[str, Any] = {"name": "patching", "reason": "Patching", "schedule": "cron(0 2 * * SUN)", "duration": "PT4H"}
    return Window(**values | changes)


def rules(*windows: Window, alarms: AlarmSet = PLATFORM, stem: str = "kpi-local") -> tuple[MuteRule, ...]:
    return mute_rules(alarms, windows, stem=stem)


def refused(*windows: Window, alarms: AlarmSet = PLATFORM) -> str:
    with pytest.raises(AlarmError) as error:
        rules(*windows, alarms=alarms)
    return str(error.value)


def test_a_window_becomes_a_rule_with_its_times() -> None:
    (rule,) = rules(window(timezone="Europe/Berlin", starts="2026-01-01T00:00:00Z", expires="2026-12-31T23:59:00Z"))
    assert (rule.key, rule.name) == ("mute-patching", "kpi-local-mute-patching")
    assert (rule.expression, rule.duration, rule.timezone) == ("cron(0 2 * * SUN)", "PT4H", "Europe/Berlin")
    assert (rule.starts, rule.expires) == ("2026-01-01T00:00:00Z", "2026-12-31T23:59:00Z")
    assert rule.description.startswith("Patching (scope routine, ")


def test_a_routine_window_leaves_critical_alarms_alone() -> None:
    (rule,) = rules(window())
    spared = {f"kpi-local-{key}" for key in ("missing-runs", "log-tamper", "page")}
    every = {alarm.name for alarm in (*PLATFORM.metrics, *PLATFORM.composites)}
    assert set(rule.alarms) == every - spared


def test_a_window_over_everything_still_leaves_tampering_alone() -> None:
    (rule,) = rules(window(scope=MuteScope.ALL))
    every = {alarm.name for alarm in (*PLATFORM.metrics, *PLATFORM.composites)}
    assert every - set(rule.alarms) == {"kpi-local-log-tamper"}


def test_a_tenants_window_mutes_its_tier_0_kpis_and_composites_too() -> None:
    (rule,) = rules(window(scope=MuteScope.ALL), alarms=TENANT, stem=TENANT_STEM)
    assert {f"{TENANT_STEM}-escalation", f"{TENANT_STEM}-kpi-health", f"{TENANT_STEM}-kpi-cfo-n-00000"} <= set(rule.alarms)
    assert all(name.startswith(f"{TENANT_STEM}-") for name in rule.alarms)


def test_a_window_may_name_its_alarms() -> None:
    (rule,) = rules(window(alarms=("missing-runs", "function-errors")))
    assert rule.alarms == ("kpi-local-function-errors", "kpi-local-missing-runs")


def fleet(count: int) -> AlarmSet:
    alarm = PLATFORM.metrics[0]
    return replace(PLATFORM, metrics=tuple(replace(alarm, key=f"k{n:04d}", name=f"n{n:04d}") for n in range(count)), composites=())


@given(st.integers(min_value=1, max_value=350))
def test_a_window_over_more_than_a_hundred_alarms_becomes_several_rules(count: int) -> None:
    found = rules(window(scope=MuteScope.ALL), alarms=fleet(count))
    assert len(found) == -(-count // 100)
    assert all(1 <= len(rule.alarms) <= 100 for rule in found)
    assert [name for rule in found for name in rule.alarms] == [f"n{n:04d}" for n in range(count)]
    assert len({rule.name for rule in found}) == len({rule.key for rule in found}) == len(found)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schedule": "rate(5 minutes)"}, "'rate(5 minutes)' is no schedule; expected cron(minutes hours day-of-month month day-of-week)"),
        ({"schedule": "cron(0 2 * * ? *)"}, "has 6 fields; expected 5"),
        ({"schedule": "cron(*/5 * * * *)"}, "minutes '*/5'; expected 0 to 59, with * - and , only"),
        ({"schedule": "cron(0 24 * * *)"}, "hours '24'; expected 0 to 23"),
        ({"schedule": "cron(0 2 * * 0)"}, "day of week '0'; expected names from SUN to SAT"),
        ({"schedule": "cron(0 2 * * FRI-MON)"}, "day of week 'FRI-MON'"),
        ({"schedule": "cron(0 2 1 * MON)"}, "both a day of month and a day of week"),
        ({"schedule": "cron(0 2 30 FEB *)"}, "it names a day that never comes"),
        ({"schedule": "at(2026-02-30T10:00)"}, "'at(2026-02-30T10:00)' is no moment of the calendar"),
        ({"duration": "4h"}, "'4h' is no duration; expected ISO 8601 in days, hours and minutes, such as PT4H"),
        ({"duration": "PT0M"}, "'PT0M' is not between one minute (PT1M) and 15 days (P15D)"),
        ({"duration": "P16D"}, "'P16D' is not between one minute (PT1M) and 15 days (P15D)"),
        ({"schedule": "cron(0 * * * *)", "duration": "PT2H"}, "starts again after 1:00:00, before its 2:00:00 are over"),
        ({"timezone": "Mars/Olympus"}, "'Mars/Olympus' is not a time zone"),
        ({"alarms": ("function-error",)}, "there is no alarm 'function-error'; expected one of api-errors, "),
        ({"alarms": ("log-tamper",)}, "'log-tamper' cannot be muted"),
        (
            {"schedule": "at(2026-12-24T00:00)", "expires": "2027-01-01T00:00:00Z"},
            "it comes once, so it has no start and no end of its own",
        ),
        ({"starts": "2027-01-01T00:00:00Z", "expires": "2026-01-01T00:00:00Z"}, "it expires (2026-01-01T00:00:00Z) before it starts"),
        ({"reason": "r" * 1100}, "kpi-local-mute-patching: a description of 11"),
        ({"name": "n" * 250}, "characters; expected 1 to 255"),
    ],
)
def test_what_cloudwatch_would_refuse_or_misread_is_told(changes: dict[str, Any], told: str) -> None:
    assert told in refused(window(**changes))


def test_two_windows_of_one_name_would_overwrite_each_other() -> None:
    assert "window 'patching': 2 windows have this name" in refused(window(), window(schedule="cron(0 2 * * SAT)"))


def test_all_problems_of_all_windows_are_told_at_once() -> None:
    message = refused(window(name="one", duration="4h", timezone="x"), window(name="two", schedule="x"))
    assert message.count("\n- window 'one': ") == 2
    assert message.count("\n- window 'two': ") == 1
    assert message.startswith("mute rules of kpi-local would be refused")


def test_no_windows_no_rules() -> None:
    assert rules() == ()


def test_equal_windows_give_equal_rules() -> None:
    assert rules(window(scope=MuteScope.ALL)) == rules(window(scope=MuteScope.ALL))


@given(st.integers(0, 15), st.integers(0, 23), st.integers(0, 59))
def test_a_duration_is_what_it_says(days: int, hours: int, minutes: int) -> None:
    text = f"P{days}DT{hours}H{minutes}M"
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if timedelta(minutes=1) <= length <= timedelta(days=15):
        assert duration_of(text) == length
    else:
        with pytest.raises(ValueError, match="is not between"):
            duration_of(text)


@given(st.text(max_size=40))
def test_any_text_is_a_schedule_or_is_refused_in_words(text: str) -> None:
    problem = schedule_problem(text)
    assert problem is None or text in problem
    assert schedule_problem(f"cron({text})") is None or occurrences(f"cron({text})") is not None


def test_sundays_are_sundays() -> None:
    assert {moment.isoweekday() for moment in occurrences("cron(0 2 * * SUN)")} == {7}
    assert {moment.day for moment in occurrences("cron(0 2 29 FEB *)")} == {29}


@pytest.mark.parametrize(
    ("expression", "gap"),
    [
        ("cron(0 0,23 * * *)", timedelta(hours=1)),
        ("cron(0,59 0,23 * * *)", timedelta(minutes=1)),
        ("cron(0 0 1,31 * *)", timedelta(days=1)),
        ("cron(0 0 * * FRI,SUN)", timedelta(days=2)),
        ("cron(0-58 * * * *)", timedelta(minutes=1)),
    ],
)
def test_the_shortest_gap_counts_wherever_it_is(expression: str, gap: timedelta) -> None:
    assert overlap_problem(expression, gap) is not None
    assert overlap_problem(expression, gap - timedelta(seconds=1)) is None


def test_a_window_as_long_as_its_interval_never_ends() -> None:
    assert overlap_problem("cron(0 0 * * *)", timedelta(days=1)) is not None
    assert overlap_problem("cron(0 0 * * *)", timedelta(hours=23)) is None

"""Statistics of one period, and the windows they are taken over."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.simulator import (
    Point,
    UnsupportedError,
    cadence,
    check_statistic,
    range_end,
    series_values,
    significant_samples,
    statistic,
    window_starts,
)

ONE_TO_TEN = [Point.of(0, float(value)) for value in (7, 3, 10, 1, 5, 9, 2, 8, 4, 6)]
NUMBERS = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("Sum", 10.0), ("Average", 2.5), ("Minimum", 1.0), ("Maximum", 4.0), ("SampleCount", 4.0), ("p50", 2.5), ("p0", 1.0), ("p100", 4.0)],
)
def test_statistics_of_one_two_three_four(stat: str, expected: float):
    assert statistic([Point.of(0, value) for value in (1.0, 2.0, 3.0, 4.0)], stat) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("stat", "expected"),
    [
        ("tm90", 5.0),  # without the highest tenth: the mean of 1 to 9
        ("TM(10%:90%)", 5.5),
        ("TM(:80%)", 4.5),
        ("TM(20%:)", 6.5),
        ("TM(2:8)", 5.5),  # above 2, up to 8
        ("IQM", 5.5),
        ("tc90", 9.0),
        ("TC(10%:90%)", 8.0),
        ("ts90", 45.0),
        ("TS(2:8)", 33.0),
        ("TC(2:8)", 6.0),
        ("wm90", 5.41),  # the highest tenth counts as the value at 90 %, 9.1
        ("WM(2:8)", 5.3),
        ("PR(:3)", 30.0),
        ("PR(3:7)", 40.0),  # above 3, up to 7
        ("PR(8:)", 20.0),
        ("p99.9", 9.991),
    ],
)
def test_trimmed_winsorized_and_rank_statistics_of_one_to_ten(stat: str, expected: float):
    assert statistic(ONE_TO_TEN, stat) == pytest.approx(expected)


def test_the_mean_of_nothing_that_is_left_has_no_value():
    assert statistic(ONE_TO_TEN, "TM(100:200)") is None
    assert statistic(ONE_TO_TEN, "TC(100:200)") == 0


def test_a_value_seen_often_weighs_often():
    points = [Point.of(0, 1.0, samples=99), Point.of(0, 100.0)]
    assert statistic(points, "p95") == pytest.approx(1.0)
    assert statistic(points, "tm99") == pytest.approx(1.0)
    assert statistic(points, "Average") == pytest.approx(1.99)


def test_basic_statistics_are_known_of_statistic_sets():
    sets = [Point(0, 2, 3.0, 1.0, 2.0), Point(1, 3, 12.0, 3.0, 5.0)]
    assert [statistic(sets, stat) for stat in ("SampleCount", "Sum", "Average", "Minimum", "Maximum")] == [5, 15, 3, 1, 5]


@pytest.mark.parametrize("stat", ["p95", "tm90", "PR(1:2)"])
def test_what_needs_the_values_themselves_is_refused_of_statistic_sets_by_name(stat: str):
    with pytest.raises(UnsupportedError, match=stat.replace("(", r"\(").replace(")", r"\)")):
        statistic([Point(0, 2, 3.0, 1.0, 2.0)], stat)


@pytest.mark.parametrize("stat", ["p101", "p", "Median", "TM(:)", "TM(10%:90)", "PR(10%:90%)", "tm", "sum", "", "TM(10%:190%)"])
def test_an_unknown_statistic_is_refused_by_name(stat: str):
    with pytest.raises(UnsupportedError, match="statistic"):
        check_statistic(stat)


def test_a_percentile_of_negative_values_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"p50.*negative"):
        statistic([Point.of(0, -1.0), Point.of(0, 1.0)], "p50")
    assert statistic([Point.of(0, -1.0), Point.of(0, 1.0)], "tm100") == 0


@given(st.lists(st.integers(0, 1000).map(float), min_size=1, max_size=30), st.integers(0, 100))
def test_a_percentile_lies_between_the_smallest_and_the_largest_value(values: list[float], percent: int):
    found = statistic([Point.of(0, value) for value in values], f"p{percent}")
    assert found is not None
    assert min(values) <= found <= max(values)


@given(NUMBERS)
def test_trimming_nothing_is_the_average(values: list[float]):
    points = [Point.of(0, value) for value in values]
    for stat in ("tm100", "wm100", "TM(0%:100%)"):
        assert statistic(points, stat) == pytest.approx(statistic(points, "Average"))


def test_percentiles_are_significant_from_ten_times_the_samples_of_their_tail():
    assert significant_samples("p99") == pytest.approx(1000)
    assert significant_samples("p50") == pytest.approx(20)
    assert significant_samples("p10") == pytest.approx(100)
    assert significant_samples("p100") == math.inf
    assert significant_samples("Average") == 0


def test_windows_end_at_the_next_minute_and_reach_two_periods_farther():
    assert window_starts(1_000.0, 300, 3) == (1_020 - 1_500, 1_020 - 1_200, 1_020 - 900, 1_020 - 600, 1_020 - 300)


def test_at_a_full_minute_the_windows_hold_whole_minutes_only():
    assert window_starts(1_020.0, 60, 1) == (840, 900, 960)


def test_high_resolution_windows_end_at_the_next_ten_seconds():
    assert window_starts(1_001.0, 10, 1)[-1] == 1_000
    assert window_starts(1_001.0, 30, 1)[-1] == 980


def test_an_alarm_over_more_than_a_day_is_evaluated_by_the_hour_up_to_the_full_hour():
    assert cadence(3600, 24) == 60
    assert cadence(3600, 25) == 3600
    assert range_end(7_300.0, 3600, 25) == 7_200
    assert window_starts(7_300.0, 3600, 25)[-1] == 3_600


def test_alarms_are_evaluated_every_minute_or_every_ten_seconds():
    assert [cadence(period, 1) for period in (10, 20, 30, 60, 300)] == [10, 10, 10, 60, 60]


def test_points_fall_into_the_window_that_contains_them():
    points = [Point.of(60, 4), Point.of(59.9, 2), Point.of(0, 1)]
    assert series_values(points, (0, 60, 120), 60, "Sum") == (3, 4, None)

"""The simulator against the tables AWS publishes in "Configuring how CloudWatch alarms treat missing data"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.simulator import Point, Rule, State, UnsupportedError, judge, series_values, statistic, window_starts
from alerts.specs import Comparison, MissingData

KEEP = None
MISSING, IGNORE, BREACHING, NOT_BREACHING = MissingData.MISSING, MissingData.IGNORE, MissingData.BREACHING, MissingData.NOT_BREACHING
OK, ALARM, INSUFFICIENT = State.OK, State.ALARM, State.INSUFFICIENT_DATA
# Points, oldest first: 0 does not breach, X breaches, - is missing. Then the state by treatment, in the order of TREATMENTS.
TREATMENTS = (MISSING, IGNORE, BREACHING, NOT_BREACHING)
THREE_OF_THREE = [
    ("0-X-X", (OK, OK, OK, OK)),
    ("----0", (OK, OK, OK, OK)),
    ("-----", (INSUFFICIENT, KEEP, ALARM, OK)),
    ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    ("--X--", (ALARM, KEEP, ALARM, OK)),
]
TWO_OF_THREE = [
    ("0-X-X", (ALARM, ALARM, ALARM, ALARM)),
    ("00X0X", (ALARM, ALARM, ALARM, ALARM)),
    ("0-X--", (OK, OK, ALARM, OK)),
    ("----0", (OK, OK, ALARM, OK)),
    ("---X-", (ALARM, KEEP, ALARM, OK)),
]
CASES = [
    (points, datapoints, treatment, expected)
    for datapoints, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, states in table
    for treatment, expected in zip(TREATMENTS, states, strict=True)
]


def rule(treatment: MissingData = MISSING, *, datapoints: int = 3, periods: int = 3, comparison: Comparison = Comparison.ABOVE) -> Rule:
    return Rule(comparison, 10.0, periods, datapoints, treatment)


def values(points: str) -> list[float | None]:
    return [{"0": 5.0, "X": 20.0, "-": None}[point] for point in points]


@pytest.mark.parametrize(("points", "datapoints", "treatment", "expected"), CASES)
@pytest.mark.parametrize("current", list(State))
def test_an_alarm_has_the_state_of_the_aws_tables(
    points: str, datapoints: int, treatment: MissingData, expected: State | None, current: State
):
    judged = judge(rule(treatment, datapoints=datapoints), values(points), current)
    assert judged.state is (current if expected is KEEP else expected)


def test_real_points_farther_back_stand_in_for_missing_ones():
    assert judge(rule(NOT_BREACHING), values("XX--X"), OK).state is ALARM


def test_one_fresh_breach_does_not_prove_three_periods():
    assert judge(rule(MISSING), values("----X"), OK).state is OK
    assert judge(rule(MISSING), values("----X"), INSUFFICIENT).state is INSUFFICIENT


def test_the_reason_names_the_values_and_the_threshold():
    reason = judge(rule(), values("00XXX"), OK).reason
    assert "3 out of the last 3 datapoints [20, 20, 20] were greater than the threshold (10)" in reason
    assert "OK -> ALARM" in reason


def test_a_reason_says_what_missing_points_counted_as():
    assert "3 missing datapoints were treated as [Breaching]" in judge(rule(BREACHING), values("-----"), OK).reason


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        (Comparison.ABOVE, (11.0,)),
        (Comparison.AT_LEAST, (10.0, 11.0)),
        (Comparison.BELOW, (9.0,)),
        (Comparison.AT_MOST, (9.0, 10.0)),
    ],
)
def test_each_comparison_breaches_on_its_side_only(comparison: Comparison, breaching: tuple[float, ...]):
    one = rule(datapoints=1, periods=1, comparison=comparison)
    assert tuple(value for value in (9.0, 10.0, 11.0) if judge(one, [value], OK).state is ALARM) == breaching


@given(
    st.lists(st.sampled_from([5.0, 20.0]), min_size=5, max_size=5),
    st.sampled_from(TREATMENTS),
    st.integers(1, 3),
    st.sampled_from(list(State)),
)
def test_with_complete_data_only_the_latest_periods_count(points: list[float], treatment: MissingData, datapoints: int, current: State):
    judged = judge(rule(treatment, datapoints=datapoints), points, current)
    assert judged.state is (ALARM if sum(point > 10 for point in points[-3:]) >= datapoints else OK)


@given(st.lists(st.sampled_from([5.0, 20.0, None]), min_size=5, max_size=5), st.integers(1, 3))
def test_missing_as_breaching_never_alarms_less_than_missing_as_not_breaching(points: list[float | None], datapoints: int):
    strict = judge(rule(BREACHING, datapoints=datapoints), points, OK).state
    lenient = judge(rule(NOT_BREACHING, datapoints=datapoints), points, OK).state
    assert not (lenient is ALARM and strict is OK)


def test_windows_end_at_the_next_minute_and_reach_two_periods_farther():
    assert window_starts(1_000.0, 300, 3) == (1_020 - 1_500, 1_020 - 1_200, 1_020 - 900, 1_020 - 600, 1_020 - 300)


def test_high_resolution_windows_end_at_the_next_ten_seconds():
    assert window_starts(1_001.0, 10, 1)[-1] == 1_000


def test_points_fall_into_the_window_that_contains_them():
    points = [Point.of(0, 1), Point.of(59.9, 2), Point.of(60, 4)]
    assert series_values(points, (0, 60, 120), 60, "Sum") == (3, 4, None)


@pytest.mark.parametrize(
    ("stat", "expected"),
    [("Sum", 10.0), ("Average", 2.5), ("Minimum", 1.0), ("Maximum", 4.0), ("SampleCount", 4.0), ("p50", 2.5), ("p0", 1.0), ("p100", 4.0)],
)
def test_statistics_of_one_two_three_four(stat: str, expected: float):
    assert statistic([Point.of(0, value) for value in (1.0, 2.0, 3.0, 4.0)], stat) == pytest.approx(expected)


def test_a_value_seen_often_weighs_often():
    assert statistic([Point.of(0, 1.0, samples=99), Point.of(0, 100.0)], "p95") == pytest.approx(1.0)


def test_a_percentile_of_statistic_sets_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="p95"):
        statistic([Point(0, 2, 3.0, 1.0, 2.0)], "p95")


def test_an_unknown_statistic_is_refused_by_name():
    with pytest.raises(UnsupportedError, match="tm90"):
        statistic([Point.of(0, 1.0)], "tm90")

"""The judgement against the tables AWS publishes in "Configuring how CloudWatch alarms treat missing data", and against its text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.simulator import Band, BandComparison, Rule, State, UnsupportedError, comparison_of, judge
from alerts.specs import Comparison, MissingData

KEEP = None
MISSING, IGNORE, BREACHING, NOT_BREACHING = MissingData.MISSING, MissingData.IGNORE, MissingData.BREACHING, MissingData.NOT_BREACHING
OK, ALARM, INSUFFICIENT = State.OK, State.ALARM, State.INSUFFICIENT_DATA
# Points, oldest first: 0 does not breach, X breaches, - is missing. Then the state by treatment, in the order of TREATMENTS.
TREATMENTS = (MISSING, IGNORE, BREACHING, NOT_BREACHING)
THREE_OF_THREE = [
    ("0-X-X", (OK, OK, OK, OK)),
    ("0----", (OK, OK, OK, OK)),
    ("----0", (OK, OK, OK, OK)),
    ("-----", (INSUFFICIENT, KEEP, ALARM, OK)),
    ("0XX-X", (ALARM, ALARM, ALARM, ALARM)),
    ("--X--", (ALARM, KEEP, ALARM, OK)),
    # A row of an earlier edition: the oldest evaluated point breaches and none is within the threshold.
    ("X----", (ALARM, KEEP, ALARM, OK)),
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


@pytest.mark.parametrize("points", ["----X", "---X-"])
@pytest.mark.parametrize("current", list(State))
def test_a_young_breach_does_not_go_to_alarm_before_it_has_lasted_three_periods(points: str, current: State):
    assert judge(rule(MISSING), values(points), current).state is current


@pytest.mark.parametrize("points", ["---X0", "--X-0"])
def test_a_young_breach_that_is_over_is_ok(points: str):
    assert judge(rule(MISSING), values(points), ALARM).state is OK


def by_the_text(points: str, periods: int, datapoints: int, treatment: MissingData, current: State) -> State:
    """The rules of the user guide on a pattern, in the order the guide gives them."""
    real = points.replace("-", "")
    if len(real) >= periods:
        return ALARM if real[-periods:].count("X") >= datapoints else OK
    if treatment in (BREACHING, NOT_BREACHING):
        filled = real + ("X" if treatment is BREACHING else "0") * (periods - len(real))
        return ALARM if filled.count("X") >= datapoints else OK
    if not real:
        return INSUFFICIENT if treatment is MISSING else current
    if real.count("X") >= datapoints:
        return ALARM
    if "0" in real:
        return OK
    premature = re.fullmatch(rf"-*X[-X]{{{datapoints - 1},}}", points)
    return ALARM if premature and treatment is MISSING else current


@st.composite
def situations(draw: st.DrawFn) -> tuple[str, int, int]:
    periods = draw(st.integers(1, 6))
    return draw(st.text("0X-", min_size=periods + 2, max_size=periods + 2)), periods, draw(st.integers(1, periods))


@given(situations(), st.sampled_from(TREATMENTS), st.sampled_from(list(State)))
def test_any_m_of_n_alarm_does_what_the_text_of_the_guide_says(situation: tuple[str, int, int], treatment: MissingData, current: State):
    points, periods, datapoints = situation
    judged = judge(rule(treatment, periods=periods, datapoints=datapoints), values(points), current)
    assert judged.state is by_the_text(points, periods, datapoints, treatment, current)


@given(situations(), st.sampled_from(TREATMENTS), st.sampled_from(list(State)))
def test_judging_the_same_values_again_changes_nothing(situation: tuple[str, int, int], treatment: MissingData, current: State):
    points, periods, datapoints = situation
    once = judge(rule(treatment, periods=periods, datapoints=datapoints), values(points), current)
    assert judge(rule(treatment, periods=periods, datapoints=datapoints), values(points), once.state).state is once.state


@given(situations())
def test_missing_as_breaching_never_alarms_less_than_missing_as_not_breaching(situation: tuple[str, int, int]):
    points, periods, datapoints = situation
    strict = judge(rule(BREACHING, periods=periods, datapoints=datapoints), values(points), OK).state
    lenient = judge(rule(NOT_BREACHING, periods=periods, datapoints=datapoints), values(points), OK).state
    assert not (lenient is ALARM and strict is OK)


def test_real_points_farther_back_stand_in_for_missing_ones():
    assert judge(rule(NOT_BREACHING), values("XX--X"), OK).state is ALARM


def test_the_reason_names_the_values_and_the_threshold():
    reason = judge(rule(), values("00XXX"), OK).reason
    assert "3 out of the last 3 datapoints [20, 20, 20] were greater than the threshold (10)" in reason
    assert "OK -> ALARM" in reason


def test_a_reason_says_what_missing_points_counted_as():
    assert "3 missing datapoints were treated as [Breaching]" in judge(rule(BREACHING), values("-----"), OK).reason
    assert "2 missing datapoints were treated as [NonBreaching]" in judge(rule(NOT_BREACHING), values("----X"), OK).reason


def test_a_reason_says_when_the_state_is_kept():
    assert "The state is kept" in judge(rule(MISSING), values("----X"), OK).reason
    assert "The state is kept" in judge(rule(IGNORE), values("-----"), OK).reason
    assert "kept" not in judge(rule(MISSING), values("--X--"), OK).reason
    assert "kept" not in judge(rule(MISSING), values("-----"), OK).reason


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


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [(BandComparison.OUTSIDE, (1.0, 9.0)), (BandComparison.BELOW, (1.0,)), (BandComparison.ABOVE, (9.0,))],
)
def test_each_band_comparison_breaches_beyond_its_ends_only(comparison: BandComparison, breaching: tuple[float, ...]):
    one = Rule(comparison, 0.0, 1, 1, MISSING)
    band = Band(2.0, 8.0)
    assert tuple(value for value in (1.0, 2.0, 5.0, 8.0, 9.0) if judge(one, [value], OK, [band]).state is ALARM) == breaching


def test_a_value_whose_band_is_not_known_counts_as_missing():
    one = Rule(BandComparison.OUTSIDE, 0.0, 1, 1, MISSING)
    assert judge(one, [5.0, 99.0], OK, [None, None]).state is INSUFFICIENT
    assert judge(one, [5.0, 99.0], OK, [Band(0, 9), None]).state is OK


def test_a_band_comparison_without_bands_is_refused():
    with pytest.raises(UnsupportedError, match="ANOMALY_DETECTION_BAND"):
        judge(Rule(BandComparison.ABOVE, 0.0, 1, 1, MISSING), [1.0], OK)


def test_an_unknown_comparison_is_refused_by_name():
    assert comparison_of("LessThanThreshold") is Comparison.BELOW
    assert comparison_of("GreaterThanUpperThreshold") is BandComparison.ABOVE
    with pytest.raises(UnsupportedError, match="EqualToThreshold"):
        comparison_of("EqualToThreshold")

"""Whole alarm sets over histories: when alarms are evaluated, what they see, and that nothing is skipped that matters."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.simulator import MemoryHistory, Point, Rule, State, UnsupportedError, judge, series_values, window_starts
from alerts.simulator.queries import Reading
from alerts.simulator.timeline import evaluation_of, rule_of
from alerts.simulator.windows import SeriesValues
from alerts.specs import Comparison, Late, MetricAlarm, MissingData
from tests.unit.alerts.simulated import DAY, HOUR, MINUTE, alarm, changes, composite, history, math, run, series

OK, ALARM, INSUFFICIENT = State.OK, State.ALARM, State.INSUFFICIENT_DATA


def test_an_alarm_fires_at_the_end_of_the_minute_and_recovers_when_its_point_has_left_the_range():
    timeline = run([alarm()], history(Errors={130: 1.0}), end=20 * MINUTE)
    # The point of 2:10 is in the window that ends at 3:00; one period is judged, three are looked at.
    assert changes(timeline, "errors") == [(0, "OK"), (180, "ALARM"), (360, "OK")]
    assert timeline.state_at("errors", 179) is OK
    assert timeline.state_at("errors", 180) is ALARM
    assert timeline.state_at("errors", 1e9) is OK


def test_before_its_first_evaluation_an_alarm_has_insufficient_data():
    timeline = run([alarm(missing_data=MissingData.MISSING)], history(), end=HOUR, start=600)
    assert timeline.transitions == ()
    assert timeline.alarms() == ("errors",)
    assert timeline.state_at("errors", 700) is INSUFFICIENT


def test_asking_for_an_alarm_that_does_not_exist_names_it():
    with pytest.raises(KeyError, match="gone"):
        run([alarm()], history(), end=60).state_at("gone", 0)


def test_a_transition_says_from_what_to_what_why_and_who_was_told():
    timeline = run([alarm()], history(Errors={130: 3.0}), end=HOUR)
    fired = next(each for each in timeline.transitions if each.new is ALARM)
    assert (fired.alarm, fired.at, fired.old, fired.new, fired.actions, fired.muted_by) == ("errors", 180, OK, ALARM, ("ops",), None)
    assert "[3] was greater than the threshold (0)" in fired.reason


def test_points_from_before_the_start_count():
    timeline = run([alarm()], history(Errors={590: 1.0}), start=600, end=HOUR)
    assert changes(timeline, "errors")[0] == (600, "ALARM")


def test_a_high_resolution_alarm_is_evaluated_every_ten_seconds():
    timeline = run([alarm(series=series(period=10))], history(Errors={101: 1.0}), end=300)
    assert changes(timeline, "errors") == [(0, "OK"), (110, "ALARM"), (140, "OK")]


def test_an_alarm_over_more_than_a_day_is_evaluated_at_full_hours():
    silence = alarm(
        series=series("Runs", "SampleCount", HOUR),
        comparison=Comparison.BELOW,
        threshold=1.0,
        periods=26,
        datapoints=26,
        missing_data=MissingData.BREACHING,
    )
    timeline = run([silence], history(Runs={90: 1.0}), end=3 * DAY)
    # One real point among 28 windows is enough to stay OK; it leaves the range 28 hours after its hour ended.
    assert changes(timeline, "errors") == [(0, "ALARM"), (HOUR, "OK"), (29 * HOUR, "ALARM")]


def test_a_coarser_step_evaluates_less_often():
    timeline = run([alarm()], history(Errors={130: 1.0}), end=HOUR, step=300)
    assert changes(timeline, "errors") == [(0, "OK"), (300, "ALARM"), (600, "OK")]


@pytest.mark.parametrize(("step", "seen"), [(30, HOUR), (60, HOUR), (5400, 2 * HOUR), (7200, 2 * HOUR)])
def test_a_coarse_step_stays_on_the_hours_of_an_hourly_evaluation(step: int, seen: int):
    daily = alarm(series=series(period=HOUR), periods=25, datapoints=1)
    timeline = run([daily], history(Errors={90: 1.0}), end=3 * DAY, step=step)
    assert [at for at, state in changes(timeline, "errors") if state == "ALARM"] == [seen]


def test_a_step_that_is_no_multiple_of_a_minute_is_refused():
    with pytest.raises(ValueError, match="step 90"):
        run([alarm()], history(), end=HOUR, step=90)


def test_metric_math_is_judged_by_its_returning_query():
    ratio = math(
        ("failed", series("Failed")), ("runs", series("Runs")), ("ratio", "IF(runs >= 5, 100 * FILL(failed, 0) / runs, 0)"), threshold=20.0
    )
    timeline = run([ratio], history(Failed={60: 2.0, 660: 2.0}, Runs={60: 4.0, 660: 6.0}), end=HOUR)
    assert changes(timeline, "errors") == [(0, "OK"), (720, "ALARM"), (900, "OK")]


def test_expressions_may_use_expressions():
    nested = math(("m", series()), ("double", "m * 2"), ("judged", "double + 1"), threshold=4.0)
    timeline = run([nested], history(Errors={60: 1.0, 660: 2.0}), end=HOUR)
    assert (720, "ALARM") in changes(timeline, "errors")
    assert (120, "ALARM") not in changes(timeline, "errors")


def test_a_dimension_that_is_late_is_given_by_the_caller():
    late = alarm(series=series(ApiId=Late.API_ID))
    past = MemoryHistory({("N", "Errors", frozenset({("ApiId", "a1b2")})): [Point.of(130, 1.0)]})
    assert (180, "ALARM") in changes(run([late], past, end=HOUR, late={Late.API_ID: "a1b2"}), "errors")
    assert (180, "ALARM") not in changes(run([late], past, end=HOUR, late={Late.API_ID: "other"}), "errors")
    with pytest.raises(UnsupportedError, match=r"errors.*api_id"):
        run([late], past, end=HOUR)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (math(("m", "SEARCH('x', 'Sum', 300)")), "SEARCH"),
        (math(("m", series()), ("e", "m + gone")), "gone"),
        (math(("a", "b + 1"), ("b", "a + 1")), "a -> b -> a|b -> a -> b"),
        (math(("m", series()), ("n", series(period=300)), ("e", "m + n")), "different periods"),
        (alarm(series=series(stat="Median")), "Median"),
        (alarm(series=None), "0 queries return data"),
        (math(("m", series()), comparison="GreaterThanUpperThreshold"), "0 queries are a band"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_named_with_what_it_uses(broken: MetricAlarm, named: str):
    with pytest.raises(UnsupportedError, match=named) as refused:
        run([broken], history(), end=HOUR)
    assert "alarm errors" in str(refused.value)


def test_composites_follow_their_children_whatever_their_order():
    alarms = [
        composite("outer", 'ALARM("inner") AND NOT ALARM("calm")'),
        composite("inner", 'ALARM("errors") OR ALARM("calm")'),
        alarm("errors"),
        alarm("calm", threshold=100.0),
    ]
    timeline = run(alarms, history(Errors={130: 1.0}), end=HOUR)
    assert changes(timeline, "outer") == [(0, "OK"), (180, "ALARM"), (360, "OK")]
    assert [each.alarm for each in timeline.transitions if each.at == 180] == ["errors", "outer", "inner"]


def test_a_composite_of_unknown_alarms_and_a_circle_are_refused_by_name():
    with pytest.raises(UnsupportedError, match="elsewhere"):
        run([composite("c", 'ALARM("elsewhere")')], history(), end=60)
    with pytest.raises(UnsupportedError, match=r"a, b.*circle"):
        run([composite("a", "ALARM(b)"), composite("b", "ALARM(a)")], history(), end=60)


def test_hour_dependent_math_changes_at_the_hour_without_a_new_point():
    nightly = math(("m", series()), ("e", "IF(HOUR(m) < 1, FILL(m, 1), 0)"), missing_data=MissingData.MISSING)
    timeline = run([nightly], history(), start=23 * HOUR, end=26 * HOUR)
    assert changes(timeline, "errors") == [(23 * HOUR, "OK"), (24 * HOUR + MINUTE, "ALARM"), (25 * HOUR + MINUTE, "OK")]


def by_every_minute(one: MetricAlarm, points: list[Point], end: int) -> list[tuple[float, str]]:
    """What the alarm does when it is evaluated every minute, as plainly as can be."""
    assert one.series is not None
    rule = Rule(one.comparison, one.threshold, one.periods, one.datapoints, one.missing_data)
    state, found = INSUFFICIENT, []
    for now in range(0, end + 1, MINUTE):
        starts = window_starts(now, one.series.period, one.periods)
        judged = judge(rule, series_values(points, starts, one.series.period, one.series.stat), state)
        if judged.state is not state:
            found.append((now, judged.state.value))
            state = judged.state
    return found


POINTS = st.dictionaries(st.integers(-20 * MINUTE, 60 * MINUTE).map(float), st.sampled_from([0.0, 5.0, 20.0]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    POINTS,
    st.sampled_from([60, 120, 300]),
    st.integers(1, 4).flatmap(lambda periods: st.tuples(st.just(periods), st.integers(1, periods))),
    st.sampled_from(list(MissingData)),
    st.sampled_from(["Sum", "Average", "Maximum", "SampleCount", "p90"]),
)
def test_skipping_moments_never_changes_what_happens(
    points: Mapping[float, float], period: int, m_of_n: tuple[int, int], missing_data: MissingData, stat: str
):
    periods, datapoints = m_of_n
    one = alarm(series=series(stat=stat, period=period), threshold=4.0, periods=periods, datapoints=datapoints, missing_data=missing_data)
    timeline = run([one], history(Errors=points), end=90 * MINUTE)
    assert changes(timeline, "errors") == by_every_minute(one, [Point.of(at, value) for at, value in points.items()], 90 * MINUTE)


def math_by_every_minute(one: MetricAlarm, past: MemoryHistory, end: int) -> list[tuple[float, str]]:
    """What an alarm on metric math does when its expression is evaluated anew every minute."""
    evaluation = evaluation_of(one, {})
    every = {
        source: SeriesValues(past.points("N", source.metric, {}, -DAY, end), source.period, source.stat) for source in evaluation.sources
    }
    reading, state, found = Reading(evaluation, every), INSUFFICIENT, []
    for now in range(0, end + 1, MINUTE):
        judged = judge(rule_of(one), reading.at(now).values, state)
        if judged.state is not state:
            found.append((now, judged.state.value))
            state = judged.state
    return found


EXPRESSIONS = [
    "FILL(m, 0) + FILL(n, 0)",
    "m / n",
    "IF(m > 5 AND n > 1, 100 * m / n, 0)",
    "MAX([FILL(m, 0), n])",
    "AVG(METRICS())",
    "FIRST([m, n]) - LAST([m, n])",
    "m - AVG(m)",
    "RATE(m)",
    "FILL(m, REPEAT)",
    "RUNNING_SUM(FILL(m, LINEAR))",
    "IF(n, DIFF(m), TIME_SERIES(DATAPOINT_COUNT(m)))",
    "SUM(SORT([m, n], SUM, DESC, 1))",
    "IF(MINUTE(m) > 30, FILL(m, 9))",
    "IF(HOUR(n) < 1, m, n)",
]


@settings(max_examples=150, deadline=None)
@given(POINTS, POINTS, st.sampled_from(EXPRESSIONS), st.sampled_from(list(MissingData)), st.sampled_from([60, 300]))
def test_computing_ahead_and_skipping_never_changes_what_metric_math_does(
    first: Mapping[float, float], second: Mapping[float, float], expression: str, missing_data: MissingData, period: int
):
    one = math(
        ("m", series("M", period=period)),
        ("n", series("N", period=period)),
        ("e", expression),
        missing_data=missing_data,
        periods=3,
        datapoints=2,
    )
    past = history(M=first, N=second)
    assert changes(run([one], past, end=90 * MINUTE), "errors") == math_by_every_minute(one, past, 90 * MINUTE)


@settings(max_examples=40, deadline=None)
@given(POINTS, st.randoms())
def test_the_same_history_in_any_order_gives_the_same_timeline(points: Mapping[float, float], shuffle: random.Random):
    alarms = [
        alarm("a", periods=3, datapoints=2),
        math(("m", series()), ("e", "RATE(m) > 0"), name="b"),
        composite("c", "ALARM(a) OR OK(b)"),
    ]
    shuffled = list(points.items())
    shuffle.shuffle(shuffled)
    assert run(alarms, history(Errors=points), end=HOUR) == run(alarms, history(Errors=dict(shuffled)), end=HOUR)

"""Metric math against the examples and tables of "Using math expressions with CloudWatch metrics"."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.simulator import UnsupportedError
from alerts.simulator.metric_math import Frame, calls_in, evaluate, evaluate_in, ids_in
from alerts.simulator.metric_math.locality import is_local

SERIES = {"failed": (1.0, None, 3.0), "runs": (4.0, 10.0, None), "zero": (0.0, 0.0, 0.0)}
NONE = None
VALUES = st.lists(st.none() | st.integers(-100, 100).map(float), min_size=6, max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("failed + 1", (2.0, NONE, 4.0)),
        ("failed + runs", (5.0, 10.0, 3.0)),  # between two series a missing value counts as 0
        ("failed / runs", (0.25, 0.0, NONE)),  # and a division by zero is dropped
        ("100 * FILL(failed, 0) / runs", (25.0, 0.0, NONE)),
        ("IF(runs >= 5, 100 * FILL(failed, 0) / runs, 0)", (0.0, 0.0, NONE)),
        ("zero + 2 + 3 * 4", (14.0, 14.0, 14.0)),
        ("zero + (2 + 3) * 4", (20.0, 20.0, 20.0)),
        ("zero + 2 * 3 ^ 2", (18.0, 18.0, 18.0)),
        ("zero - 2 ^ 2", (-4.0, -4.0, -4.0)),
        ("zero + 2 ^ -1", (0.5, 0.5, 0.5)),
        ("-failed - -failed", (0.0, NONE, 0.0)),
        ("zero + 10 - 3 - 2", (5.0, 5.0, 5.0)),
        ("failed / zero", (NONE, NONE, NONE)),
        ("(zero - 8) ^ 0.5", (NONE, NONE, NONE)),
        ("failed > 2", (0.0, NONE, 1.0)),
        ("failed > 2 OR runs > 5", (0.0, 1.0, 1.0)),
        ("failed > 0 && failed < 2", (1.0, NONE, 0.0)),
        ("failed != 1 || zero == 0", (1.0, 1.0, 1.0)),
        ("ABS(-failed)", (1.0, NONE, 3.0)),
        ("CEIL(failed / 2)", (1.0, NONE, 2.0)),
        ("FLOOR(failed / 2)", (0.0, NONE, 1.0)),
        ("LOG10(failed * 0 + 100)", (2.0, NONE, 2.0)),
        ("LOG(zero)", (NONE, NONE, NONE)),
        ("failed - AVG(failed)", (-1.0, NONE, 1.0)),
        ("failed / MAX(failed)", (pytest.approx(1 / 3), NONE, 1.0)),
        ("TIME_SERIES(MIN(runs))", (4.0, 4.0, 4.0)),
        ("TIME_SERIES(STDDEV(failed))", (1.0, 1.0, 1.0)),
        ("SUM(failed) / DATAPOINT_COUNT(failed) + zero", (2.0, 2.0, 2.0)),
        ("SUM([failed, runs])", (5.0, 10.0, 3.0)),
        ("AVG([failed, runs])", (2.5, 5.0, 1.5)),  # the average of an array takes a missing value as 0
        ("MIN([failed, runs])", (1.0, 10.0, 3.0)),
        ("MAX([failed, runs])", (4.0, 10.0, 3.0)),
        ("DATAPOINT_COUNT([failed, runs])", (2.0, 1.0, 1.0)),
        ("SUM(-[failed, runs])", (-5.0, -10.0, -3.0)),
        ("SUM(12 / [failed, runs])", (15.0, pytest.approx(1.2), 4.0)),
        ("SUM(METRICS())", (5.0, 10.0, 3.0)),
        ('SUM(METRICS("er"))', (0.0, 0.0, 0.0)),
        ('SUM([METRICS("fail"), METRICS("run")])', (5.0, 10.0, 3.0)),
        ("runs / METRIC_COUNT(METRICS())", (pytest.approx(4 / 3), pytest.approx(10 / 3), NONE)),
        ("failed / PERIOD(failed)", (pytest.approx(1 / 60), NONE, 0.05)),
        ("RATE(failed)", (NONE, NONE, pytest.approx(2 / 120))),
        ("DIFF(failed)", (NONE, NONE, 2.0)),
        ("DIFF_TIME(failed)", (NONE, NONE, 120.0)),
        ("RUNNING_SUM(failed)", (1.0, NONE, 4.0)),
        ("FILL(failed, REPEAT)", (1.0, 1.0, 3.0)),
        ("FILL(failed, LINEAR)", (1.0, 2.0, 3.0)),
        ("FILL(failed, runs)", (1.0, 10.0, 3.0)),
        ("FILL(failed, MIN(failed))", (1.0, 1.0, 3.0)),
        ("FILL(runs, LINEAR)", (4.0, 10.0, NONE)),
        ("FIRST(SORT(METRICS(), SUM, DESC))", (4.0, 10.0, NONE)),
        ("LAST(SORT(METRICS(), AVG, DESC))", (0.0, 0.0, 0.0)),
        ("SUM(SLICE(SORT(METRICS(), MAX, ASC), 0, 2))", (1.0, 0.0, 3.0)),
        ("SUM(SLICE(SORT(METRICS(), MAX, ASC), 2))", (4.0, 10.0, NONE)),
        ("SUM(SORT(METRICS(), SUM, DESC, 1))", (4.0, 10.0, NONE)),
    ],
)
def test_an_expression_is_computed_point_by_point(expression: str, expected: tuple[float | None, ...]):
    assert evaluate(expression, SERIES, 3) == expected


METRICS = {"metric1": (30.0, 20.0, 0.0, 0.0), "metric2": (20.0, NONE, 20.0, NONE)}
IF_SERIES = {"metric1": (1.0, 1.0, 0.0, 0.0, NONE), "metric2": (30.0, NONE, 0.0, 0.0, 30.0), "metric3": (0.0, 0.0, 20.0, NONE, 20.0)}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("metric1 < metric2", (0, 0, 1, 0)), ("metric1 >= 30", (1, 0, 0, 0)), ("metric1 > 15 AND metric2 > 15", (1, 0, 0, 0))],
)
def test_comparisons_give_what_the_table_of_the_guide_shows(expression: str, expected: tuple[float, ...]):
    assert evaluate(expression, METRICS, 4) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("IF(metric1, metric2, metric3)", (30, 0, 20, NONE, NONE)),
        ("IF(metric1, 5, metric3)", (5, 5, 20, NONE, NONE)),
        ("IF(metric1, metric2, 5)", (30, 0, 5, 5, NONE)),
        ("IF(metric1, 7, 8)", (7, 7, 8, 8, NONE)),
        ("IF(metric1, metric2)", (30, 0, NONE, NONE, NONE)),
        ("IF(1, metric2, metric3)", (30, NONE, 0, 0, 30)),
        ("IF(0, metric2, metric3)", (0, 0, 20, NONE, 20)),
        ("IF(0, metric2)", (NONE,) * 5),
        ("IF(-1, metric2)", (30, NONE, 0, 0, 30)),
    ],
)
def test_if_gives_what_the_tables_of_the_guide_show(expression: str, expected: tuple[float | None, ...]):
    assert evaluate(expression, IF_SERIES, 5) == expected


def test_functions_of_time_use_the_start_of_each_window_in_utc():
    # Saturday 2026-02-28 23:30, and an hour later.
    frame = Frame((1772321400, 1772325000), {"m": (None, 5.0)}, {"m": 3600})
    found = {name: evaluate_in(f"{name}(m)", frame) for name in ("MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH")}
    assert found == {
        "MINUTE": (30, 30),
        "HOUR": (23, 0),
        "DAY": (6, 7),
        "DATE": (28, 1),
        "MONTH": (2, 3),
        "YEAR": (2026, 2026),
        "EPOCH": (1772321400, 1772325000),
    }
    assert evaluate_in("IF(DAY(m) < 7, 1)", frame) == (1, None)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("SEARCH('x', 'Sum', 300)", "SEARCH"),
        ("SELECT AVG(x) FROM y", "SELECT"),
        ('INSIGHT_RULE_METRIC("r", "m")', "INSIGHT_RULE_METRIC"),
        ("SERVICE_QUOTA(runs)", "SERVICE_QUOTA"),
        ("MEDIAN(runs)", "MEDIAN"),
        ("fill(runs, 0)", "FILL"),
        ("unknown + 1", "unknown"),
        ("failed +", "ends too early"),
        ("failed runs", "'runs' is in the wrong place"),
        ("FILL(failed)", "FILL has 1 argument, expected 2"),
        ("IF(failed)", "IF has 1 argument, expected 2 to 3"),
        ("FILL(failed, NEVER)", "NEVER"),
        ("FILL(failed, METRICS())", "not an array"),
        ("", "ends too early"),
        ("(failed", r"'\)' is missing"),
        ("failed ? 1", r"'\? 1' is not understood"),
        ("1 + 1", "a number, not a time series"),
        ("AVG(failed)", "a number, not a time series"),
        ("METRICS()", "an array of 3"),
        ("METRICS() + METRICS()", "between two arrays"),
        ("METRICS() > 1", "not arrays"),
        ("ABS(5)", "not a number"),
        ("SUM(5)", "not a number"),
        ("SUM([failed, 5])", "not numbers"),
        ("FIRST(failed)", "an array, not a time series"),
        ("PERIOD(failed + 1)", "PERIOD takes the id"),
        ("SORT(METRICS(), MEDIAN, ASC)", "MEDIAN"),
        ("FIRST(SORT(METRICS(), SUM, DOWN))", "DOWN"),
        ("SLICE(METRICS(), 0.5)", "whole numbers"),
        ("FIRST(SLICE(METRICS(), 9))", "empty array"),
        ("IF(1, 2, 3)", "forms IF has"),
        ("IF(METRICS(), failed)", "forms IF has"),
        ("METRICS(failed)", "METRICS takes a text"),
        ("1 < failed < 3", "two comparisons"),
        ("failed ^ 2 ^ 2", "two \\^"),
        ("TIME_SERIES(failed)", "a number here"),
        ("MINUTE(5)", "a time series"),
        ("ANOMALY_DETECTION_BAND(failed, 2)", "history"),
        ("ANOMALY_DETECTION_BAND(failed + 1)", "id of a metric"),
        ("REPEAT", "'REPEAT' is in the wrong place"),
        ("'text'", "text"),
        ("failed AND", "ends too early"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_name(expression: str, named: str):
    with pytest.raises(UnsupportedError, match=named) as refused:
        evaluate(expression, SERIES, 3)
    assert f"metric math {expression!r}" in str(refused.value)


def test_the_ids_of_an_expression_are_not_its_texts_and_functions():
    assert ids_in('SUM(METRICS("errors")) + IF(m1 > m2, m1, 0)') == ("m1", "m2")
    assert calls_in("SUM(FILL(METRICS(), 0)) + SUM(METRICS())") == ("SUM", "FILL", "METRICS")


def test_metrics_are_the_metrics_of_the_request_and_not_its_expressions():
    frame = Frame((0, 60), {"m1": (1.0, 2.0), "m2": (10.0, 20.0), "e1": (100.0, 200.0)}, {"m1": 60, "m2": 60})
    assert evaluate_in("SUM(METRICS())", frame) == (11, 22)
    with pytest.raises(UnsupportedError, match="not the result of an expression"):
        evaluate_in("e1 / PERIOD(e1)", frame)


@pytest.mark.parametrize(
    ("expression", "local"),
    [
        ("IF(runs >= 5, 100 * FILL(failed, 0) / runs, 0)", True),
        ("SUM(METRICS()) + MAX([a, -b])", True),
        ("SUM([a, b] * 2)", True),
        ("MAX(-[a])", True),
        ("AVG(FILL(METRICS(), 0))", True),
        ("HOUR(a) + PERIOD(a)", True),
        ("m - FIRST(ANOMALY_DETECTION_BAND(m, 2))", True),
        ("SUM(a)", False),
        ("a - AVG(a + b)", False),
        ("FILL(a, MIN(a))", False),
        ("MAX(FIRST([a, b])) + a", False),
        ("FILL(a, REPEAT)", False),
        ("RATE(a)", False),
        ("FIRST(SORT([a, b], AVG, ASC))", False),
    ],
)
def test_it_is_known_which_expressions_depend_on_one_window_alone(expression: str, local: bool):
    assert is_local(expression) is local


@given(VALUES, st.integers(-9, 9), st.integers(-9, 9))
def test_filling_twice_is_filling_once_and_keeps_what_is_there(values: tuple[float | None, ...], first: int, second: int):
    once = evaluate(f"FILL(m, {first})", {"m": values}, 6)
    assert evaluate(f"FILL(FILL(m, {first}), {second})", {"m": values}, 6) == once
    assert all(filled == (first if value is None else value) for filled, value in zip(once, values, strict=True))


@given(VALUES, st.sampled_from(["REPEAT", "LINEAR"]))
def test_repeat_and_linear_fill_gaps_within_the_range_of_their_ends(values: tuple[float | None, ...], way: str):
    filled = evaluate(f"FILL(m, {way})", {"m": values}, 6)
    known = [value for value in values if value is not None]
    assert all(new == old for new, old in zip(filled, values, strict=True) if old is not None)
    assert all(min(known) <= value <= max(known) for value in filled if value is not None)
    first = next((index for index, value in enumerate(values) if value is not None), 6)
    assert all(value is None for value in filled[:first])


@given(VALUES, VALUES, VALUES)
def test_if_chooses_one_side_or_nothing(test: tuple[float | None, ...], yes: tuple[float | None, ...], no: tuple[float | None, ...]):
    found = evaluate("IF(t, y, n)", {"t": test, "y": yes, "n": no}, 6)
    for chosen, condition, left, right in zip(found, test, yes, no, strict=True):
        assert chosen == (None if condition is None else (left or 0.0) if condition else right)


@given(VALUES, VALUES)
def test_the_laws_of_arithmetic_hold_where_there_is_data(left: tuple[float | None, ...], right: tuple[float | None, ...]):
    series = {"a": left, "b": right}
    assert evaluate("a + b", series, 6) == evaluate("b + a", series, 6) == evaluate("SUM([a, b])", series, 6)
    assert evaluate("a - b", series, 6) == evaluate("-(b - a)", series, 6)
    assert evaluate("MAX([a, b])", series, 6) == evaluate("-MIN([-a, -b])", series, 6)


WORDS = st.sampled_from(
    ["failed", "runs", "SUM", "IF", "FILL", "METRICS", "REPEAT", "(", ")", "[", "]", ",", "+", "-", "^", "<", "AND", "5", "'a'"]
)


@given(st.text(max_size=30) | st.lists(WORDS, max_size=12).map(" ".join))
def test_any_text_is_an_expression_or_refused_by_name(text: str):
    try:
        evaluate(text, SERIES, 3)
    except UnsupportedError as error:
        said = str(error)
    else:
        said = "metric math"
    assert said.startswith("metric math")


@pytest.mark.parametrize(
    "text",
    ["(" * 5_000, "(" * 2_000, "-" * 2_000 + "failed", "failed" + "+1" * 1_020, "failed" + " + 1" * 5_000, "failed + " + "9" * 400],
)
def test_an_expression_that_is_too_much_is_refused(text: str):
    with pytest.raises(UnsupportedError, match=r"nested too deeply|too large"):
        evaluate(text, SERIES, 3)

"""ANOMALY_DETECTION_BAND on the stated model: the hour of the week, then of the day, then everything."""

from __future__ import annotations

import pytest

from alerts.simulator import State
from alerts.simulator.anomaly import BandModel, training_starts
from alerts.specs import MissingData
from tests.unit.alerts.simulated import DAY, HOUR, MINUTE, alarm, changes, history, math, run, series


def at_hours(values: dict[int, float]) -> BandModel:
    """A model of hourly values, by the hour since the epoch."""
    return BandModel(lambda starts: tuple(values.get(start // HOUR) for start in starts), HOUR)


def test_the_band_is_the_mean_of_the_same_hour_of_the_day_and_its_deviation():
    # 14 days before day 14; the seventh hour is 10 or 14 in turn, every other hour 100.
    model = at_hours({hour: (10.0 if hour // 24 % 2 else 14.0) if hour % 24 == 7 else 100.0 for hour in range(14 * 24)})
    band = model.band(14 * DAY + 7 * HOUR, 2.0)
    assert band is not None
    assert (band.lower, band.upper) == pytest.approx((8.0, 16.0))
    quiet = model.band(14 * DAY + 8 * HOUR, 2.0)
    assert quiet is not None
    assert (quiet.lower, quiet.upper) == (100.0, 100.0)


def test_with_enough_values_the_hour_of_the_week_counts():
    # Windows of five minutes: 24 values for each hour of the week. Days 6 and 13 before are high.
    high = {6, 13}
    model = BandModel(lambda starts: tuple(50.0 if start // DAY in high else 1.0 for start in starts), 300)
    on_high_day, on_other_day = model.band(20 * DAY, 1.0), model.band(15 * DAY, 1.0)
    assert on_high_day is not None
    assert on_other_day is not None
    assert (on_high_day.lower, on_other_day.lower) == (50.0, 1.0)


def test_with_fewer_than_three_values_there_is_no_band():
    assert at_hours({1: 5.0, 2: 5.0}).band(14 * DAY, 2.0) is None
    assert at_hours({1: 5.0, 2: 5.0, 3: 5.0}).band(14 * DAY, 2.0) is not None


def test_a_model_is_trained_on_the_fourteen_days_before_its_day_only():
    assert training_starts(20, HOUR)[0] == 6 * DAY
    assert training_starts(20, HOUR)[-1] == 20 * DAY - HOUR
    model = at_hours(dict.fromkeys(range(14 * 24), 1.0) | dict.fromkeys(range(14 * 24, 15 * 24), 999.0))
    band = model.band(14 * DAY + 5 * HOUR, 2.0)
    assert band is not None
    assert band.upper == 1.0


def steady(until: int, period: int = 300) -> dict[float, float]:
    """10 and 14 in turn, every five minutes."""
    return {float(at): 10.0 + 4 * (at // period % 2) for at in range(0, until, period)}


BAND = math(
    ("m", series("Duration", "Maximum", 300)),
    ("band", "ANOMALY_DETECTION_BAND(m, 3)"),
    ("judged", "m + 0"),
    comparison="GreaterThanUpperThreshold",
    periods=1,
    datapoints=1,
    missing_data=MissingData.MISSING,
)


def test_an_anomaly_alarm_fires_outside_of_what_is_normal_for_the_metric():
    past = steady(16 * DAY) | {15 * DAY + 3 * HOUR + 1.0: 30.0}
    timeline = run([BAND], history(Duration=past), start=15 * DAY, end=15 * DAY + 6 * HOUR)
    assert [state for _, state in changes(timeline, "errors")] == ["OK", "ALARM", "OK"]
    fired = changes(timeline, "errors")[1][0]
    assert fired == 15 * DAY + 3 * HOUR + MINUTE
    reason = next(each.reason for each in timeline.transitions if each.new is State.ALARM)
    assert "greater than the upper end of the expected range" in reason


def test_a_value_below_the_band_does_not_fire_an_alarm_on_its_upper_end():
    past = steady(16 * DAY) | {15 * DAY + 3 * HOUR + 1.0: -30.0}
    timeline = run([BAND], history(Duration=past), start=15 * DAY, end=15 * DAY + 6 * HOUR)
    assert changes(timeline, "errors") == [(15 * DAY, "OK")]


def test_without_history_an_anomaly_alarm_has_insufficient_data():
    past = {15 * DAY + 3 * HOUR + 1.0: 30.0}
    assert run([BAND], history(Duration=past), start=15 * DAY, end=15 * DAY + 6 * HOUR).transitions == ()


def test_the_ends_of_the_band_can_be_used_in_metric_math():
    over = math(("m", series("Duration", "Maximum", 300)), ("over", "m - FIRST(ANOMALY_DETECTION_BAND(m, 3))"))
    under = math(("m", series("Duration", "Maximum", 300)), ("under", "LAST(ANOMALY_DETECTION_BAND(m, 3)) - m"), name="under")
    past = steady(16 * DAY) | {15 * DAY + 3 * HOUR + 1.0: 30.0, 15 * DAY + 4 * HOUR + 1.0: 0.5}
    timeline = run([over, under], history(Duration=past), start=15 * DAY, end=15 * DAY + 6 * HOUR)
    assert [at - 15 * DAY for at, state in changes(timeline, "errors") if state == "ALARM"] == [3 * HOUR + MINUTE]
    assert timeline == run([over, under], history(Duration=dict(reversed(past.items()))), start=15 * DAY, end=15 * DAY + 6 * HOUR)


def test_an_alarm_without_a_band_does_not_read_two_weeks_of_history():
    asked: list[float] = []

    class Asked:
        def points(self, _namespace: str, _metric: str, _dimensions: object, start: float, _end: float) -> list[object]:
            asked.append(start)
            return []

    run([alarm(), BAND], Asked(), start=20 * DAY, end=20 * DAY + HOUR)  # type: ignore[arg-type]
    assert asked[0] > 20 * DAY - 2 * HOUR
    assert asked[1] < 20 * DAY - 14 * DAY

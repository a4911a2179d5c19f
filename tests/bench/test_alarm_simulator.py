"""How long a back-test takes: a year of hourly points, twenty alarms."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from alerts.simulator import MemoryHistory, Point, simulate
from alerts.specs import AlarmSet, MetricAlarm
from tests.bench.report import Report
from tests.unit.alerts.simulated import HOUR, alarm, math, series

pytestmark = pytest.mark.bench
_BENCH = "alarm simulator"
_HOURS = 365 * 24
_ALARMS = 20


def simple(index: int) -> MetricAlarm:
    return alarm(f"simple-{index}", series=series(f"M{index}", period=300), periods=3, datapoints=2)


def ratio(index: int) -> MetricAlarm:
    return math(
        ("failed", series(f"M{index}", period=900)),
        ("runs", series(f"M{(index + 1) % _ALARMS}", "SampleCount", 900)),
        ("ratio", "IF(runs >= 1, 100 * FILL(failed, 0) / runs, 0)"),
        name=f"ratio-{index}",
        threshold=20.0,
        periods=3,
        datapoints=2,
    )


@pytest.mark.parametrize("kind", [simple, ratio])
def test_a_year_of_hourly_points(kind: Callable[[int], MetricAlarm], report: Report) -> None:
    dice = random.Random(7)  # noqa: S311 - the same numbers every time
    points = {
        ("N", f"M{index}", frozenset[tuple[str, str]]()): [
            Point.of(hour * HOUR + dice.random() * HOUR, float(dice.random() < 0.01)) for hour in range(_HOURS)
        ]
        for index in range(_ALARMS)
    }
    alarms = AlarmSet(tuple(kind(index) for index in range(_ALARMS)), ())
    began = time.process_time()
    timeline = simulate(alarms, MemoryHistory(points), start=0, end=_HOURS * HOUR)
    report.add(_BENCH, f"{_ALARMS} {kind.__name__} alarms, a year", time.process_time() - began, "s", aim="seconds", of="processor time")
    report.add(_BENCH, f"{kind.__name__}: changes of state", len(timeline.transitions), "")
    assert timeline.transitions

"""CloudWatch alarms as AWS documents them, without AWS: points in, states, reasons and actions out.

`simulate` runs a whole alarm set over a history; `judge` and `judge_composite` decide once. What CloudWatch has and this does not
evaluate is an `UnsupportedError` that names it, never a guess: SEARCH, Metrics Insights (SELECT), Contributor Insights, service quotas.
"""

from __future__ import annotations

from alerts.simulator.judge import breaches, judge, judge_composite
from alerts.simulator.model import Band, BandComparison, Judgement, LowSamples, Point, Rule, State, UnsupportedError, comparison_of
from alerts.simulator.statistics import check_statistic, significant_samples, statistic
from alerts.simulator.timeline import MemoryHistory, MetricHistory, MuteWindow, Timeline, Transition, simulate
from alerts.simulator.windows import EXTRA_PERIODS, cadence, range_end, series_values, window_starts

__all__ = [
    "EXTRA_PERIODS",
    "Band",
    "BandComparison",
    "Judgement",
    "LowSamples",
    "MemoryHistory",
    "MetricHistory",
    "MuteWindow",
    "Point",
    "Rule",
    "State",
    "Timeline",
    "Transition",
    "UnsupportedError",
    "breaches",
    "cadence",
    "check_statistic",
    "comparison_of",
    "judge",
    "judge_composite",
    "range_end",
    "series_values",
    "significant_samples",
    "simulate",
    "statistic",
    "window_starts",
]

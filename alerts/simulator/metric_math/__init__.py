"""Metric math of CloudWatch: expressions over the time series of an alarm.

Source: "Using math expressions with CloudWatch metrics" in the CloudWatch user guide. What the guide does not define is refused by name.
"""

from __future__ import annotations

from alerts.simulator.metric_math.evaluator import Frame, bands_in, evaluate, evaluate_in, value_in
from alerts.simulator.metric_math.syntax import calls_in, ids_in, parse

__all__ = ["Frame", "bands_in", "calls_in", "evaluate", "evaluate_in", "ids_in", "parse", "value_in"]

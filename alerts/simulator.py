"""Evaluates CloudWatch alarms as AWS documents it, without AWS: points in, state and reason out.

Source: "Evaluating an alarm", "Configuring how CloudWatch alarms treat missing data" and "Combining alarms" in the CloudWatch user
guide. Windows end at `now` rounded up to a minute and are `period` long; CloudWatch looks at a few more of them than it judges.
Metric math is in `alerts.metric_math`; anomaly detection and Metrics Insights queries belong there too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.specs import Comparison, MissingData

EXTRA_PERIODS = 2
"""Periods CloudWatch reads beyond those it judges, to have real points where the latest are missing (5 for 3 in AWS's tables)."""
_MINUTE = 60
_HIGH_RESOLUTION = 10
_BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class UnsupportedError(ValueError):
    """An alarm of a kind the simulator does not evaluate; its state must be left alone."""


@dataclass(frozen=True)
class Point:
    """A value, or a statistic set (`samples` values with this sum, minimum and maximum), at a moment in seconds since the epoch."""

    timestamp: float
    samples: float
    total: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, timestamp: float, value: float, samples: float = 1.0) -> Point:
        """The same value seen `samples` times."""
        return cls(timestamp, samples, value * samples, value, value)


@dataclass(frozen=True)
class Rule:
    """What an alarm judges: `datapoints` of the last `periods` values against the threshold."""

    comparison: Comparison
    threshold: float
    periods: int
    datapoints: int
    missing_data: MissingData


@dataclass(frozen=True)
class Judgement:
    """The state, why, and the values that were judged (oldest first, None where there was no data)."""

    state: State
    reason: str
    values: tuple[float | None, ...]


def window_starts(now: float, period: int, periods: int) -> tuple[int, ...]:
    """The starts of the windows CloudWatch looks at, oldest first."""
    step = _MINUTE if period >= _MINUTE else _HIGH_RESOLUTION
    end = math.ceil(now / step) * step
    return tuple(end - period * (index + 1) for index in reversed(range(periods + EXTRA_PERIODS)))


def series_values(points: Sequence[Point], starts: Sequence[int], period: int, stat: str) -> tuple[float | None, ...]:
    """The statistic of each window; None where it has no points.

    Raises:
        UnsupportedError: for a statistic other than the basic ones and percentiles, or a percentile of statistic sets.
    """
    found: list[float | None] = []
    for start in starts:
        inside = [point for point in points if start <= point.timestamp < start + period and point.samples > 0]
        found.append(statistic(inside, stat) if inside else None)
    return tuple(found)


def statistic(points: Sequence[Point], stat: str) -> float:
    """One statistic over at least one point.

    Raises:
        UnsupportedError: as `series_values`.
    """
    samples = sum(point.samples for point in points)
    total = sum(point.total for point in points)
    basic = {
        "SampleCount": samples,
        "Sum": total,
        "Average": total / samples,
        "Minimum": min(point.minimum for point in points),
        "Maximum": max(point.maximum for point in points),
    }
    if stat in basic:
        return basic[stat]
    if not (stat.startswith("p") and stat[1:].replace(".", "", 1).isdigit() and 0 <= float(stat[1:]) <= 100):  # noqa: PLR2004
        raise UnsupportedError(f"statistic {stat}: expected {', '.join(_BASIC)} or p0 to p100")
    if any(point.minimum != point.maximum for point in points):
        raise UnsupportedError(f"statistic {stat}: only statistic sets are known, and percentiles need the values themselves")
    return _percentile(sorted((point.minimum, point.samples) for point in points), float(stat[1:]))


def _percentile(ordered: Sequence[tuple[float, float]], percent: float) -> float:
    """Linear interpolation between the two nearest ranks, each value repeated by its weight."""
    rank = percent / 100 * (sum(weight for _, weight in ordered) - 1)
    low, high = _at(ordered, math.floor(rank)), _at(ordered, math.ceil(rank))
    return low + (high - low) * (rank - math.floor(rank))


def _at(ordered: Sequence[tuple[float, float]], rank: int) -> float:
    seen = 0.0
    for value, weight in ordered:
        seen += weight
        if rank < seen:
            return value
    return ordered[-1][0]


def breaches(rule: Rule, value: float) -> bool:
    """Whether a value is on the wrong side of the threshold."""
    match rule.comparison:
        case Comparison.ABOVE:
            return value > rule.threshold
        case Comparison.AT_LEAST:
            return value >= rule.threshold
        case Comparison.BELOW:
            return value < rule.threshold
        case Comparison.AT_MOST:
            return value <= rule.threshold


def judge(rule: Rule, values: Sequence[float | None], current: State) -> Judgement:
    """The state of an alarm whose evaluation range holds these values, oldest first, None for a missing one.

    With at least `periods` real values the most recent of them decide and missing ones do not matter. With fewer, the real ones
    count together with as many missing ones as are needed, which are what `missing_data` says.
    """
    real = [value for value in values if value is not None]
    if len(real) >= rule.periods:
        return _of_real(rule, real[-rule.periods :], values)
    missing = rule.periods - len(real)
    if rule.missing_data in (MissingData.BREACHING, MissingData.NOT_BREACHING):
        return _of_filled(rule, real, missing, values)
    if not real:
        return _without_data(rule, values, current)
    return _of_few(rule, real, values, current)


def _of_real(rule: Rule, judged: Sequence[float], values: Sequence[float | None]) -> Judgement:
    count = sum(breaches(rule, value) for value in judged)
    state = State.ALARM if count >= rule.datapoints else State.OK
    return Judgement(state, _threshold_reason(rule, state, judged), tuple(values))


def _of_filled(rule: Rule, real: Sequence[float], missing: int, values: Sequence[float | None]) -> Judgement:
    filled = missing if rule.missing_data is MissingData.BREACHING else 0
    state = State.ALARM if sum(breaches(rule, value) for value in real) + filled >= rule.datapoints else State.OK
    word = "Breaching" if filled else "NonBreaching"
    if real:
        reason = f"{_threshold_reason(rule, state, real)} {missing} missing datapoints were treated as [{word}]."
    else:
        received = f"no datapoints were received for {rule.periods} periods"
        reason = f"Threshold Crossed: {received} and {missing} missing datapoints were treated as [{word}]."
    return Judgement(state, reason, tuple(values))


def _without_data(rule: Rule, values: Sequence[float | None], current: State) -> Judgement:
    state = State.INSUFFICIENT_DATA if rule.missing_data is MissingData.MISSING else current
    kept = "" if state is State.INSUFFICIENT_DATA else " The state is kept."
    return Judgement(state, f"Insufficient Data: {len(values)} datapoints were unknown.{kept}", tuple(values))


def _of_few(rule: Rule, real: Sequence[float], values: Sequence[float | None], current: State) -> Judgement:
    """Missing or ignore, with some real values but fewer than the alarm wants."""
    count = sum(breaches(rule, value) for value in real)
    if count >= rule.datapoints:
        return Judgement(State.ALARM, _threshold_reason(rule, State.ALARM, real), tuple(values))
    if count < len(real):
        return Judgement(State.OK, _threshold_reason(rule, State.OK, real), tuple(values))
    if rule.missing_data is MissingData.MISSING and _is_old_enough(rule, values):
        return Judgement(State.ALARM, _threshold_reason(rule, State.ALARM, real), tuple(values))
    # All real values breach but are too few and too young to prove anything.
    return Judgement(current, f"{_threshold_reason(rule, current, real)} The state is kept: too few datapoints.", tuple(values))


def _is_old_enough(rule: Rule, values: Sequence[float | None]) -> bool:
    """AWS: the oldest breaching point among the last `periods` is at least as old as `datapoints`, and all younger ones breach or miss."""
    ages = [age for age, value in enumerate(reversed(values[-rule.periods :]), start=1) if value is not None]
    return bool(ages) and max(ages) >= rule.datapoints


def _threshold_reason(rule: Rule, state: State, judged: Sequence[float]) -> str:
    crossed = [value for value in judged if breaches(rule, value) is (state is State.ALARM)]
    listed = ", ".join(f"{value:g}" for value in crossed[-5:])
    sign = {
        Comparison.ABOVE: "greater than",
        Comparison.AT_LEAST: "greater than or equal to",
        Comparison.BELOW: "less than",
        Comparison.AT_MOST: "less than or equal to",
    }[rule.comparison]
    be = "was" if len(crossed) == 1 else "were"
    verb = f"{be} {sign}" if state is State.ALARM else f"{be} not {sign}"
    needed = rule.datapoints if state is State.ALARM else rule.periods - rule.datapoints + 1
    change = "OK -> ALARM" if state is State.ALARM else "ALARM -> OK"
    return (
        f"Threshold Crossed: {len(crossed)} out of the last {len(judged)} datapoints [{listed}] {verb} the threshold ({rule.threshold:g}) "
        f"(minimum {needed} datapoint{'s' if needed != 1 else ''} for {change} transition)."
    )


def judge_composite(rule: str, states: Mapping[str, State]) -> Judgement:
    """The state of a composite alarm, by the states of the alarms it names (by name or ARN).

    Raises:
        UnsupportedError: when the rule is not one, or names an alarm that is not in `states`.
    """
    from alerts.composite_rule import evaluate_rule

    state = State.ALARM if evaluate_rule(rule, states) else State.OK
    return Judgement(state, f"The alarm rule {rule} evaluates to {state}", ())

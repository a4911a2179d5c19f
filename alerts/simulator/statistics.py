"""Statistics of the points of one period.

Source: "CloudWatch statistics definitions" in the CloudWatch user guide. Percentiles, trimmed and winsorized statistics need the
values themselves: of a statistic set they are only known when all its values are the same. CloudWatch interpolates percentiles over a
histogram it does not document; here it is linear interpolation between the two nearest ranks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from alerts.simulator.model import Point, UnsupportedError

BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"p({_NUMBER})")
_SHORT = re.compile(rf"(tm|wm|tc|ts)({_NUMBER})")
_RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\(({_NUMBER}%?)?:({_NUMBER}%?)?\)")

# Values in ascending order with the number of times each was seen.
_Weighted = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class _Bounds:
    """From above `low` to `high`; shares of the samples (0 to 1) when `relative`, else values. None is no bound."""

    low: float | None
    high: float | None
    relative: bool


def statistic(points: Sequence[Point], stat: str) -> float | None:
    """One statistic over at least one point; None where it has no value (the mean of nothing that was left after trimming).

    Raises:
        UnsupportedError: for an unknown statistic, or one that needs the values where only statistic sets are known.
    """
    basic = _BASIC.get(stat)
    if basic is not None:
        return basic(points)
    compute = _parsed(stat)
    if any(point.minimum != point.maximum for point in points):
        raise UnsupportedError(f"statistic {stat}: only statistic sets are known, and {stat} needs the values themselves")
    if _PERCENTILE.fullmatch(stat) and any(point.minimum < 0 for point in points):
        raise UnsupportedError(f"statistic {stat}: CloudWatch has no percentiles of metrics with negative values")
    return compute(sorted((point.minimum, point.samples) for point in points))


def check_statistic(stat: str) -> None:
    """Refuse a statistic that is not one of CloudWatch's.

    Raises:
        UnsupportedError: naming the statistic and what was expected.
    """
    if stat not in _BASIC:
        _parsed(stat)


def significant_samples(stat: str) -> float:
    """Below how many samples a percentile is not significant: 10 / (1 - p) from p50 up, 10 / p below; 0 for other statistics.

    Source: "Percentile-based alarms and low data samples". A `LowSamples.IGNORE` alarm keeps its state with fewer.
    """
    match = _PERCENTILE.fullmatch(stat)
    if match is None:
        return 0.0
    share = float(match[1]) / 100
    rest = 1 - share if share >= 0.5 else share  # noqa: PLR2004 - the median, where the rule turns around
    return 10 / rest if rest > 0 else math.inf


def _samples(points: Sequence[Point]) -> float:
    return sum(point.samples for point in points)


_BASIC: dict[str, Callable[[Sequence[Point]], float]] = {
    "SampleCount": _samples,
    "Sum": lambda points: sum(point.total for point in points),
    "Average": lambda points: sum(point.total for point in points) / _samples(points),
    "Minimum": lambda points: min(point.minimum for point in points),
    "Maximum": lambda points: max(point.maximum for point in points),
}


@cache
def _parsed(stat: str) -> Callable[[_Weighted], float | None]:
    if match := _PERCENTILE.fullmatch(stat):
        share = _share(stat, match[1])
        return lambda ordered: _percentile(ordered, share)
    if match := _SHORT.fullmatch(stat):
        return _of_kind(match[1].upper(), _Bounds(None, _share(stat, match[2]), relative=True))
    if stat == "IQM":
        return _of_kind("TM", _Bounds(0.25, 0.75, relative=True))
    if (match := _RANGE.fullmatch(stat)) and (match[2] or match[3]):
        return _of_kind(match[1], _bounds(stat, match[1], match[2], match[3]))
    raise UnsupportedError(
        f"statistic {stat}: expected {', '.join(BASIC)}, p0 to p100, tm90, wm90, tc90, ts90, IQM, TM(10%:90%), WM, TC, TS or PR(100:200)"
    )


def _bounds(stat: str, kind: str, low: str | None, high: str | None) -> _Bounds:
    given = [bound for bound in (low, high) if bound]
    relative = [bound.endswith("%") for bound in given]
    if any(relative) != all(relative):
        raise UnsupportedError(f"statistic {stat}: both ends must be percentages, or both values")
    if kind == "PR" and any(relative):
        raise UnsupportedError(f"statistic {stat}: the percentile rank is asked for values, not for percentages")
    if all(relative):
        return _Bounds(_share(stat, low[:-1]) if low else None, _share(stat, high[:-1]) if high else None, relative=True)
    return _Bounds(float(low) if low else None, float(high) if high else None, relative=False)


def _share(stat: str, percent: str) -> float:
    share = float(percent) / 100
    if share > 1:
        raise UnsupportedError(f"statistic {stat}: {percent} is more than 100 percent")
    return share


def _of_kind(kind: str, bounds: _Bounds) -> Callable[[_Weighted], float | None]:
    def compute(ordered: _Weighted) -> float | None:
        if kind == "WM":
            return _winsorized_mean(ordered, bounds)
        kept = _trimmed(ordered, bounds)
        count = sum(weight for _, weight in kept)
        total = sum(value * weight for value, weight in kept)
        if kind == "TM":
            return total / count if count else None
        if kind == "PR":
            return 100 * count / sum(weight for _, weight in ordered)
        return count if kind == "TC" else total

    return compute


def _trimmed(ordered: _Weighted, bounds: _Bounds) -> _Weighted:
    """What lies above the lower bound and not above the upper one; of a share of the samples, by rank."""
    if not bounds.relative:
        return [
            (value, weight)
            for value, weight in ordered
            if (bounds.low is None or value > bounds.low) and (bounds.high is None or value <= bounds.high)
        ]
    count = sum(weight for _, weight in ordered)
    first, last = (bounds.low or 0.0) * count, (1.0 if bounds.high is None else bounds.high) * count
    kept: list[tuple[float, float]] = []
    seen = 0.0
    for value, weight in ordered:
        inside = min(seen + weight, last) - max(seen, first)
        if inside > 0:
            kept.append((value, inside))
        seen += weight
    return kept


def _winsorized_mean(ordered: _Weighted, bounds: _Bounds) -> float:
    """The mean with what is outside the bounds moved to the bounds."""
    low, high = bounds.low, bounds.high
    if bounds.relative:
        low = None if low is None else _percentile(ordered, low)
        high = None if high is None else _percentile(ordered, high)
    floor, ceiling = -math.inf if low is None else low, math.inf if high is None else high
    return sum(min(max(value, floor), ceiling) * weight for value, weight in ordered) / sum(weight for _, weight in ordered)


def _percentile(ordered: _Weighted, share: float) -> float:
    """Linear interpolation between the two nearest ranks, each value repeated by its weight."""
    rank = share * (sum(weight for _, weight in ordered) - 1)
    low, high = _at(ordered, math.floor(rank)), _at(ordered, math.ceil(rank))
    return low + (high - low) * (rank - math.floor(rank))


def _at(ordered: _Weighted, rank: int) -> float:
    seen = 0.0
    for value, weight in ordered:
        seen += weight
        if rank < seen:
            return value
    return ordered[-1][0]

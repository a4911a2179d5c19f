"""The notation of test data: which CloudWatch series, and its values one interval after the other.

A series is `Namespace/Metric{dimension="value", ...}`. Values are written as promtool's unit tests write them, so that who knows those
can read these: `3` once, `_` nothing, `0x5` is 0 and five more of it (six values), `1+2x3` is 1 3 5 7, `9-3x2` is 9 6 3, `_x10` is ten
intervals without data. `1@20` is a 1 that was seen twenty times in its interval (sample count 20, sum 20).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerts.simulator import Point
from alerts.simulator.history import SeriesKey

MAX_VALUES = 100_000
_SERIES = re.compile(r"(?P<namespace>[^{}]+)/(?P<metric>[^{}/]+?)\s*(?:\{(?P<dimensions>.*)\})?\s*\Z", re.DOTALL)
_DIMENSION = re.compile(r"\s*(?P<name>[A-Za-z_][\w .-]*?)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\")\s*(?P<comma>,|\Z)", re.DOTALL)
_GAP = re.compile(r"_(?:x(?P<count>\d+))?\Z")
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_RUN = re.compile(rf"(?P<value>-?{_NUMBER})(?:@(?P<samples>{_NUMBER}))?(?:(?P<step>[+-]{_NUMBER})(?=x))?(?:x(?P<count>\d+))?\Z")


class NotationError(ValueError):
    """A series or its values cannot be read; the message quotes the part that is wrong."""


@dataclass(frozen=True)
class SeriesName:
    """A series as CloudWatch identifies it."""

    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]

    @property
    def key(self) -> SeriesKey:
        """As `alerts.simulator.MemoryHistory` keys its series."""
        return self.namespace, self.metric, self.dimensions

    def __str__(self) -> str:
        return written(self.namespace, self.metric, dict(self.dimensions))


@dataclass(frozen=True)
class Sample:
    """A value and how often it was seen in its interval."""

    value: float
    samples: float = 1.0


def written(namespace: str, metric: str, dimensions: Mapping[str, str]) -> str:
    """The inverse of `read_series`; dimensions sorted by name."""
    inside = ", ".join(f"{name}={json.dumps(str(value), ensure_ascii=False)}" for name, value in sorted(dimensions.items()))
    return f"{namespace}/{metric}{{{inside}}}"


def read_series(text: str) -> SeriesName:
    """Read `AWS/SQS/ApproximateNumberOfMessagesVisible{QueueName="q"}`; braces may be left out where there are no dimensions.

    Raises:
        NotationError: when it has another form, or names a dimension twice.
    """
    match = _SERIES.match(text.strip())
    if match is None:
        raise NotationError(f"'{text}' is not a series; write Namespace/Metric{{name=\"value\"}}, such as KpiObservatory/RunsFailed{{}}")
    return SeriesName(match["namespace"].strip(), match["metric"].strip(), frozenset(_dimensions(text, match["dimensions"] or "").items()))


def _dimensions(series: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    text = text.strip()
    while at < len(text):
        match = _DIMENSION.match(text, at)
        if match is None:
            raise NotationError(
                f"'{series}': dimensions from '{text[at : at + 40]}' on cannot be read; write name=\"value\", separated by commas"
            )
        if match["name"] in found:
            raise NotationError(f"'{series}': dimension {match['name']} is given twice")
        try:
            found[match["name"]] = json.loads(match["value"], strict=False)
        except ValueError as error:
            raise NotationError(f"'{series}': {match['value']} is not a quoted text; escape as in JSON") from error
        at = match.end()
    return found


def read_values(text: str) -> tuple[Sample | None, ...]:
    """The values of a series, one each interval; None where there is no data.

    Raises:
        NotationError: for a word that is no value, or more than `MAX_VALUES` values.
    """
    found: list[Sample | None] = []
    for word in text.split():
        if len(found) + _count(word) > MAX_VALUES:
            raise NotationError(f"'{word}' makes more than {MAX_VALUES} values; use a longer interval")
        found += _expanded(word)
    if not found:
        raise NotationError("there are no values; write numbers, _ for an interval without data, or leave the series out")
    return tuple(found)


def _count(word: str) -> int:
    """How many values a word is at most, without making them: a count of many digits is too long even to convert."""
    _, repeated, digits = word.rpartition("x")
    if not repeated or not digits.isdecimal():
        return 1
    return int(digits) + 1 if len(digits) < len(str(MAX_VALUES)) + 1 else MAX_VALUES + 1


def _expanded(word: str) -> Sequence[Sample | None]:
    gap = _GAP.match(word)
    if gap is not None:
        return [None] * int(gap["count"] or 1)
    match = _RUN.match(word)
    if match is None:
        hint = "; CloudWatch knows no stale marker, write _ for an interval without data" if word == "stale" else ""
        raise NotationError(f"'{word}' is not a value; expected such as 3, _, 0x5, 1+2x3, 9-3x2, _x10 or 1@20{hint}")
    first, step, samples = float(match["value"]), float(match["step"] or 0), float(match["samples"] or 1)
    if samples <= 0:
        raise NotationError(f"'{word}': a value is seen at least once; write _ for an interval without data")
    return [Sample(first + step * index, samples) for index in range(int(match["count"] or 0) + 1)]


def points(values: Sequence[Sample | None], start: float, interval: float) -> list[Point]:
    """The values as datapoints; the first lies at `start`. Seconds since the epoch, and seconds."""
    return [Point.of(start + index * interval, each.value, each.samples) for index, each in enumerate(values) if each is not None]

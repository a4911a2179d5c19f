"""The nouns of the simulator: states, points, rules and judgements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerts.specs import Comparison, MissingData


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class UnsupportedError(ValueError):
    """An alarm of a kind the simulator does not evaluate; its state must be left alone."""


class BandComparison(StrEnum):
    """How a datapoint is held against an anomaly detection band (`ComparisonOperator` of PutMetricAlarm)."""

    OUTSIDE = "LessThanLowerOrGreaterThanUpperThreshold"
    BELOW = "LessThanLowerThreshold"
    ABOVE = "GreaterThanUpperThreshold"


class LowSamples(StrEnum):
    """What a percentile alarm does while there are too few samples to be significant (`EvaluateLowSampleCountPercentile`)."""

    EVALUATE = "evaluate"
    IGNORE = "ignore"


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
    """What an alarm judges: `datapoints` of the last `periods` values against the threshold.

    With a `BandComparison` the threshold is not used: each value is held against the band of its own period.
    """

    comparison: Comparison | BandComparison
    threshold: float
    periods: int
    datapoints: int
    missing_data: MissingData


@dataclass(frozen=True)
class Band:
    """The expected range of one period, both ends included."""

    lower: float
    upper: float


@dataclass(frozen=True)
class Judgement:
    """The state, why, and the values that were judged (oldest first, None where there was no data)."""

    state: State
    reason: str
    values: tuple[float | None, ...]


def comparison_of(operator: str) -> Comparison | BandComparison:
    """The comparison a `ComparisonOperator` names.

    Raises:
        UnsupportedError: for any other text.
    """
    for kind in (Comparison, BandComparison):
        if operator in tuple(kind):
            return kind(operator)
    known = ", ".join((*Comparison, *BandComparison))
    raise UnsupportedError(f"comparison {operator}: expected one of {known}")

"""Runtime anomalies: a run that took much longer, or read far more or fewer rows, than this KPI's recent runs (K15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lambdas.domain.timestamps import parse

MIN_RUNS = 8
DEVIATIONS = 6.0
# Scales the median absolute deviation to a standard deviation for normally distributed values.
_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class Anomaly:
    """What was unusual, against what."""

    what: str
    actual: float
    expected: float

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "actual": self.actual, "expected": self.expected}


def unusual(what: str, actual: float, past: Sequence[float], *, floor: float, low_too: bool) -> Anomaly | None:
    """An anomaly when the value is beyond six robust deviations of the past, and at least a factor of two from its median.

    `floor` is the smallest deviation worth a message, so that noise of a steady KPI is none. None below eight runs.
    """
    if len(past) < MIN_RUNS:
        return None
    centre = median(past)
    spread = max(_TO_SIGMA * median(abs(value - centre) for value in past), floor)
    beyond = abs(actual - centre) > DEVIATIONS * spread
    far = actual > 2 * centre or (low_too and actual < centre / 2)
    return Anomaly(what, actual, centre) if beyond and far else None


def find(duration_ms: float, rows: int, closes: Sequence[Mapping[str, Any]]) -> list[Anomaly]:
    """Anomalies of a run against the close rows of earlier successful ones."""
    good = [close for close in closes if close.get("status") == "success"]
    durations = [(parse(str(each["finished_at"])) - parse(str(each["started_at"]))).total_seconds() * 1000 for each in good]
    counts = [float(each.get("rows_processed", 0)) for each in good]
    found = (
        unusual("duration_ms", duration_ms, durations, floor=100.0, low_too=False),
        unusual("rows_processed", float(rows), counts, floor=1.0, low_too=True),
    )
    return [anomaly for anomaly in found if anomaly is not None]

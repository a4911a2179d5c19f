"""Extensions: what is computed on the result from its own history (contract: Execution). Relative changes are fractions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import fmean, stdev
from typing import Any

from kpis.common import Grain
from kpis.rules import Variance
from kpis.schema import Extension, ExtensionKind, Kpi
from lambdas.domain.model import PastValue
from lambdas.domain.periods import add_months, shift

_WINDOWED = frozenset({ExtensionKind.ROLLING, ExtensionKind.ZSCORE, ExtensionKind.PERCENTILE})


def history_start(kpi: Kpi, period_start: datetime) -> datetime:
    """How far back the KPI's extensions and variance rules look; the period's own start when they need no history."""
    starts = [period_start]
    for extension in kpi.extensions:
        if extension.kind is ExtensionKind.YOY:
            starts.append(add_months(period_start, -12))
        elif extension.kind is ExtensionKind.MOM:
            starts.append(add_months(period_start, -1))
        elif extension.kind is ExtensionKind.POP:
            starts.append(shift(period_start, kpi.grain, -1))
        elif extension.kind in _WINDOWED:
            starts.append(shift(period_start, kpi.grain, -extension.periods))
    starts += [shift(period_start, kpi.grain, -rule.baseline_periods) for rule in kpi.post_validation if isinstance(rule, Variance)]
    # One day more, so that the calendar's odd months never cut the first period off.
    return min(starts) - (timedelta(days=1) if min(starts) < period_start else timedelta())


def window(past: Sequence[PastValue], period_start: datetime, grain: Grain, periods: int) -> list[float]:
    """The values of the `periods` periods before this one that were delivered, oldest first."""
    since = shift(period_start, grain, -periods)
    return [each.value for each in past if since <= each.period_start < period_start and each.value is not None]


def compute(kpi: Kpi, value: float | None, past: Sequence[PastValue], period_start: datetime) -> dict[str, Any]:
    """Every extension of one entity's value, by name; parts that history cannot give yet are None."""
    by_start = {each.period_start: each.value for each in past}
    return {extension.kind.value: _one(extension, kpi.grain, value, past, by_start, period_start) for extension in kpi.extensions}


def _one(  # noqa: PLR0911 - one line per kind
    extension: Extension,
    grain: Grain,
    value: float | None,
    past: Sequence[PastValue],
    by_start: dict[datetime, float | None],
    period_start: datetime,
) -> dict[str, Any]:
    match extension.kind:
        case ExtensionKind.MOM:
            return _change(value, by_start.get(add_months(period_start, -1)))
        case ExtensionKind.YOY:
            return _change(value, by_start.get(add_months(period_start, -12)))
        case ExtensionKind.POP:
            return _change(value, by_start.get(shift(period_start, grain, -1)))
        case ExtensionKind.BUDGET:
            return _budget(value, extension.budget)
        case ExtensionKind.ROLLING:
            return _rolling(value, window(past, period_start, grain, extension.periods - 1), extension.periods)
        case ExtensionKind.ZSCORE:
            return _zscore(value, window(past, period_start, grain, extension.periods))
        case ExtensionKind.PERCENTILE:
            return _percentile(value, window(past, period_start, grain, extension.periods))


def relative_change(value: float | None, base: float | None) -> float | None:
    """(value - base) / |base|; None where either is missing or the base is zero."""
    return None if value is None or base is None or base == 0 else (value - base) / abs(base)


def _change(value: float | None, base: float | None) -> dict[str, Any]:
    return {"previous": base, "change": relative_change(value, base)}


def _budget(value: float | None, budget: float | None) -> dict[str, Any]:
    difference = None if value is None or budget is None else value - budget
    return {"budget": budget, "difference": difference, "change": relative_change(value, budget)}


def _rolling(value: float | None, before: list[float], periods: int) -> dict[str, Any]:
    values = before + ([] if value is None else [value])
    return {"mean": fmean(values) if values else None, "periods": len(values), "of": periods}


def _zscore(value: float | None, before: list[float]) -> dict[str, Any]:
    return {"score": zscore(value, before), "periods": len(before)}


def zscore(value: float | None, before: Sequence[float]) -> float | None:
    """Sample deviations from the mean; None below two values of history or when they never moved."""
    if value is None or len(before) < 2 or (spread := stdev(before)) == 0:  # noqa: PLR2004 - a deviation needs two
        return None
    return (value - fmean(before)) / spread


def _percentile(value: float | None, before: list[float]) -> dict[str, Any]:
    rank = None if value is None or not before else 100 * bisect_right(sorted(before), value) / len(before)
    return {"rank": rank, "periods": len(before)}

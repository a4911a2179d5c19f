"""A KPI's unit, decimals and verdict bands as Grafana's units and thresholds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dashboards.grafana.text import literal
from kpis.schema import Bands, Direction, Kpi

Step = tuple[float | None, str]
ADEQUATE, LOW, CRITICAL = "green", "yellow", "red"
# Currencies and sizes have units of their own; times do not use Grafana's, which would turn 45 days into 6.43 weeks.
_UNITS = {
    "%": "percent",
    "bytes": "bytes",
    "CHF": "currencyCHF",
    "CNY": "currencyCNY",
    "EUR": "currencyEUR",
    "GBP": "currencyGBP",
    "INR": "currencyINR",
    "JPY": "currencyJPY",
    "percent": "percent",
    "ratio": "none",
    "USD": "currencyUSD",
}
_DECIMALS = re.compile(r"\.(0+)")
MAX_DECIMALS = 6


@dataclass(frozen=True)
class Band:
    """How a KPI's value is shown. `steps` begin with the color below the first threshold; a value at a threshold has its color."""

    unit: str
    decimals: int | None
    steps: tuple[Step, ...]


PLAIN = Band("none", None, ((None, "text"),))
"""For values of any KPI."""


def band_of(kpi: Kpi) -> Band:
    """The band of a KPI's value."""
    return Band(unit_of(kpi.unit, kpi.format), decimals_of(kpi.format), steps_of(kpi.verdict))


def unit_of(unit: str, number_format: str) -> str:
    """Grafana's unit id; a unit it does not know stands behind the number as it is."""
    if number_format.endswith("%"):
        return "percentunit"
    return _UNITS.get(unit) or f"suffix: {literal(unit)}"


def decimals_of(number_format: str) -> int:
    """How many digits a format such as `#,##0.00` or `0.0%` shows behind the point."""
    match = _DECIMALS.search(number_format)
    return min(len(match[1]), MAX_DECIMALS) if match else 0


def steps_of(bands: Bands) -> tuple[Step, ...]:
    """Thresholds that color every value by its verdict.

    Grafana takes a step's color from its value upwards. Where lower is better, a value at a bound is still the better one, so the next
    step begins at the next number that a double can hold.
    """
    if bands.direction is Direction.HIGHER:
        steps: tuple[Step, ...] = ((None, CRITICAL), (bands.low, LOW), (bands.adequate, ADEQUATE))
    else:
        steps = ((None, ADEQUATE), (_above(bands.adequate), LOW), (_above(bands.low), CRITICAL))
    # The middle band is empty when both bounds are one.
    return (steps[0], steps[2]) if steps[1][0] == steps[2][0] else steps


def _above(bound: float) -> float:
    higher = math.nextafter(bound, math.inf)
    return bound if math.isinf(higher) else higher


def color_of(steps: tuple[Step, ...], value: float) -> str:
    """The color Grafana gives a value."""
    color = steps[0][1]
    for bound, name in steps[1:]:
        if bound is not None and value >= bound:
            color = name
    return color

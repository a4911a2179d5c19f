"""The service level objective of a KPI: which share of the time its latest expected result is there and within its SLA.

A KPI that says nothing gets the objective of its tier. The share is of time, not of events: a KPI that runs once a day has too few
events for a ratio over minutes to mean anything.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from kpis.common import Duration, Frozen, format_duration

if TYPE_CHECKING:
    from kpis.schema import Kpi

SHORTEST_WINDOW = timedelta(days=1)


class Slo(Frozen):
    """`objective` is in percent of the time, `window` is the rolling period it is counted over (of any length from a day)."""

    objective: float = Field(ge=50, le=99.999)
    window: Duration = Field(default="28d", validate_default=True)

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if self.window < SHORTEST_WINDOW:
            raise ValueError(f"the window {format_duration(self.window)} is shorter than a day; write at least 1d, such as 7d, 28d or 90d")
        return self

    @property
    def error_budget(self) -> float:
        """The share of the time, 0 to 1, that may be bad."""
        # Rounded, since 100 - 99.9 is not 0.1 for a computer and the number is read by people.
        return round((100 - self.objective) / 100, 9)


TIER_DEFAULTS = {0: Slo(objective=99.9), 1: Slo(objective=99.0), 2: Slo(objective=95.0)}
"""What a KPI promises that has no `slo` of its own, by its tier."""


def slo_of(kpi: Kpi) -> Slo:
    """The KPI's own objective, else its tier's."""
    return kpi.slo or TIER_DEFAULTS[kpi.tier]

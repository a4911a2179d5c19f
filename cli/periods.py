"""Date ranges of the command line as the periods of a KPI."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cli.errors import ExitCode, KpiError
from kpis.common import Grain
from lambdas.domain import timestamps
from lambdas.domain.model import Period
from lambdas.domain.periods import floor, shift


def moment(text: str, option: str) -> datetime:
    """A date or moment given as an option.

    Raises:
        KpiError: when it is neither.
    """
    try:
        return timestamps.parse(text)
    except ValueError as error:
        raise KpiError(option, f"'{text}' is not a date", "YYYY-MM-DD or ISO 8601", code=ExitCode.USAGE) from error


def date_range(start: str, end: str) -> Period:
    """The half-open range of two options.

    Raises:
        KpiError: when the end is not after the start.
    """
    low, high = moment(start, "--from"), moment(end, "--to")
    if low >= high:
        raise KpiError("--to", f"{end} is not after --from {start}", "the first day that is not included any more", code=ExitCode.USAGE)
    return Period(start=low, end=high)


def periods_within(span: Period, grain: Grain) -> Iterator[Period]:
    """Every whole period of the grain inside the range, in order."""
    start = floor(span.start, grain)
    if start < span.start:
        start = shift(start, grain, 1)
    while (end := shift(start, grain, 1)) <= span.end:
        yield Period(start=start, end=end)
        start = end


def periods_for(span: Period, grain: Grain) -> list[Period]:
    """Every whole period inside the range; for a grain longer than the range, the last period complete by its end."""
    whole = list(periods_within(span, grain))
    end = floor(span.end, grain)
    return whole or [Period(start=shift(end, grain, -1), end=end)]

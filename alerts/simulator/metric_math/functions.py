"""The functions of metric math over values; the source of each rule is "Functions supported for metric math" in the CloudWatch user guide.

Where the guide is silent: a difference is to the datapoint before, however far back; a standard deviation is that of a population;
what is computed of no datapoints is missing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, pairwise

from alerts.simulator.metric_math.values import Group, MathError, Numbers, Scalar, Series, Value, kind

Fold = Callable[[Sequence[float]], float]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


FOLDS: dict[str, Fold] = {
    "SUM": math.fsum,
    "AVG": _mean,
    "MIN": min,
    "MAX": max,
    "STDDEV": statistics.pstdev,
    "DATAPOINT_COUNT": lambda values: float(len(values)),
}
"""Of one time series a number, of an array a time series."""
MOMENTS: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda at: at.minute,
    "HOUR": lambda at: at.hour,
    "DAY": lambda at: at.isoweekday(),
    "DATE": lambda at: at.day,
    "MONTH": lambda at: at.month,
    "YEAR": lambda at: at.year,
    "EPOCH": lambda at: at.timestamp(),
}
"""Of the start of each window, in UTC; DAY is 1 on Mondays and 7 on Sundays."""


def each(function: Callable[[Numbers], Numbers], value: Value) -> Value:
    """A function of a time series, over a time series or every one of an array.

    Raises:
        MathError: for a number.
    """
    match value:
        case Series(values):
            return Series(function(values))
        case Group(members):
            return Group(tuple(Series(function(member.values)) for member in members))
        case Scalar():
            raise MathError("a time series or an array belongs here, not a number")


def pointwise(function: Callable[[float], float]) -> Callable[[Numbers], Numbers]:
    """A function of one datapoint as one of a time series; a datapoint without a result is dropped."""

    def over(values: Numbers) -> Numbers:
        return tuple(None if value is None else _or_none(function, value) for value in values)

    return over


def fold(name: str, value: Value) -> Scalar | Series:
    """SUM, AVG, MIN, MAX, STDDEV or DATAPOINT_COUNT. For AVG of an array a missing value is 0, as the guide has it.

    Raises:
        MathError: for a number.
    """
    function = FOLDS[name]
    match value:
        case Series(values):
            return Scalar(_of_present(function, values, name))
        case Group(members):
            if name == "AVG":
                return Series(tuple(_mean_of_all(column) for column in _columns(members)))
            return Series(tuple(_of_present(function, column, name) for column in _columns(members)))
        case Scalar():
            raise MathError(f"{name} takes a time series or an array, not a number")


def differences(values: Numbers, starts: Sequence[int], *, per_second: bool) -> Numbers:
    """DIFF, or RATE when `per_second`: to the datapoint before."""
    found: list[float | None] = []
    before: tuple[float, int] | None = None
    for value, start in zip(values, starts, strict=True):
        if value is None or before is None:
            found.append(None)
        else:
            found.append((value - before[0]) / ((start - before[1]) if per_second else 1))
        before = before if value is None else (value, start)
    return tuple(found)


def time_differences(values: Numbers, starts: Sequence[int]) -> Numbers:
    """DIFF_TIME: seconds since the datapoint before."""
    present = tuple(None if value is None else float(start) for value, start in zip(values, starts, strict=True))
    return differences(present, starts, per_second=False)


def running_sum(values: Numbers) -> Numbers:
    """RUNNING_SUM; missing datapoints stay missing."""
    sums = list(accumulate((0.0 if value is None else value) for value in values))
    return tuple(None if value is None else total for value, total in zip(values, sums, strict=True))


def fill_repeat(values: Numbers) -> Numbers:
    """FILL(…, REPEAT): the latest datapoint before the gap; a gap at the beginning stays."""
    return tuple(accumulate(values, lambda before, value: before if value is None else value))


def fill_linear(values: Numbers) -> Numbers:
    """FILL(…, LINEAR): a straight line over the gap; gaps at the beginning and the end stay."""
    found = list(values)
    known = [index for index, value in enumerate(values) if value is not None]
    for first, last in pairwise(known):
        low, high = values[first], values[last]
        for index in range(first + 1, last):
            found[index] = (low or 0.0) + ((high or 0.0) - (low or 0.0)) * (index - first) / (last - first)
    return tuple(found)


def fill_with(values: Numbers, other: Scalar | Series) -> Numbers:
    """FILL(…, number or time series)."""
    fillers = other.values if isinstance(other, Series) else (other.value,) * len(values)
    return tuple(filler if value is None else value for value, filler in zip(values, fillers, strict=True))


def choose(condition: Value, yes: Value, no: Value | None, length: int) -> Series:
    """IF, by the tables in "Using IF expressions": a true condition without a value is 0, a false one without is dropped.

    Raises:
        MathError: for arguments IF does not take.
    """
    match condition, yes, no:
        case Series(tests), Scalar() | Series(), Scalar() | Series() | None:
            trues, falses = _numbers(yes, length), _numbers(no, length)
            return Series(tuple(_chosen(*each) for each in zip(tests, trues, falses, strict=True)))
        case Scalar(test), Series(), Series() | None:
            chosen = yes if test else no
            return Series(_numbers(chosen if test is not None else None, length))
        case _:
            third = "" if no is None else f", {kind(no)}"
            raise MathError(f"IF({kind(condition)}, {kind(yes)}{third}) is not one of the forms IF has")


def sort(value: Value, by: str, order: str, limit: int | None) -> Group:
    """SORT: by a number for each time series; those without datapoints come last.

    Raises:
        MathError: for anything but an array, AVG, MIN, MAX or SUM, and ASC or DESC.
    """
    if by not in ("AVG", "MIN", "MAX", "SUM") or order not in ("ASC", "DESC"):
        raise MathError(f"SORT by {by} {order}: expected AVG, MIN, MAX or SUM, and ASC or DESC")
    keyed = [(fold(by, member), member) for member in array("SORT", value).members]
    sign = 1 if order == "ASC" else -1
    found = sorted(keyed, key=lambda pair: _sort_key(pair[0], sign))
    return Group(tuple(member for _, member in found)[:limit])


def array(name: str, value: Value) -> Group:
    """The value, which has to be an array.

    Raises:
        MathError: when it is not.
    """
    if not isinstance(value, Group):
        raise MathError(f"{name} takes an array, not {kind(value)}")
    return value


def end_of(name: str, value: Value) -> Series:
    """FIRST or LAST of an array.

    Raises:
        MathError: when it is empty or no array.
    """
    members = array(name, value).members
    if not members:
        raise MathError(f"{name} of an empty array")
    return members[0 if name == "FIRST" else -1]


def moments(name: str, starts: Sequence[int]) -> Series:
    """MINUTE, HOUR, DAY, DATE, MONTH, YEAR or EPOCH of each window."""
    function = MOMENTS[name]
    return Series(tuple(float(function(datetime.fromtimestamp(start, UTC))) for start in starts))


def _sort_key(number: Value, sign: int) -> tuple[bool, float]:
    value = number.value if isinstance(number, Scalar) else None
    return (value is None, sign * (value or 0.0))


def _columns(members: Sequence[Series]) -> list[Numbers]:
    return list(zip(*(member.values for member in members), strict=True))


def _of_present(function: Fold, values: Numbers, name: str) -> float | None:
    present = [value for value in values if value is not None]
    return function(present) if present or name == "DATAPOINT_COUNT" else None


def _mean_of_all(values: Numbers) -> float | None:
    if all(value is None for value in values):
        return None
    return math.fsum(value or 0.0 for value in values) / len(values)


def _numbers(value: Value | None, length: int) -> Numbers:
    match value:
        case Series(values):
            return values
        case Scalar(number):
            return (number,) * length
        case _:
            return (None,) * length


def _chosen(test: float | None, yes: float | None, no: float | None) -> float | None:
    if test is None:
        return None
    return (0.0 if yes is None else yes) if test else no


def _or_none(function: Callable[[float], float], value: float) -> float | None:
    try:
        return float(function(value))
    except ValueError:
        return None

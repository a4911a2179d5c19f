"""The values of metric math, and its operators over them.

Source: "Basic arithmetic functions" and "Comparison and logical operators" in the CloudWatch user guide: between two time series a
missing value counts as 0 where the other has one; a division by zero drops the datapoint. Between a time series and a number only the
datapoints of the series count.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Numbers = tuple[float | None, ...]
"""One value for each window, oldest first, None where there is none."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number for the whole time series (S); None when there was nothing to compute it from."""

    value: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """A time series (TS)."""

    values: Numbers


@dataclass(frozen=True, slots=True)
class Group:
    """An array of time series (TS[])."""

    members: tuple[Series, ...]


Value = Scalar | Series | Group
Operation = Callable[[float, float], float]


class MathError(ValueError):
    """Values that do not go together; the evaluator adds the expression."""


_ARITHMETIC: dict[str, Operation] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": lambda left, right: math.pow(left, right),  # noqa: PLW0108 - math.pow is positional only, which Operation does not say
}
_TRUTH: dict[str, Operation] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "AND": lambda left, right: bool(left) and bool(right),
    "OR": lambda left, right: bool(left) or bool(right),
}


def combine(sign: str, left: Value, right: Value) -> Value:
    """`left sign right`.

    Raises:
        MathError: for an array compared, or two arrays computed with each other.
    """
    arithmetic = _ARITHMETIC.get(sign)
    if arithmetic is not None:
        return _over_groups(sign, arithmetic, left, right)
    if isinstance(left, Group) or isinstance(right, Group):
        raise MathError(f"{sign} compares two time series or numbers, not arrays")
    return _pair(_TRUTH[sign], left, right)


def negate(value: Value) -> Value:
    """Unary minus."""
    match value:
        case Scalar(number):
            return Scalar(None if number is None else -number)
        case Series(values):
            return Series(tuple(None if number is None else -number for number in values))
        case Group(members):
            return Group(tuple(Series(tuple(None if number is None else -number for number in member.values)) for member in members))


def kind(value: Value) -> str:
    """What a value is, for messages."""
    return {Scalar: "a number", Series: "a time series", Group: "an array"}[type(value)]


def safely(function: Operation, left: float | None, right: float | None) -> float | None:
    """The result, or None where an operand is missing or there is no finite real result."""
    if left is None or right is None:
        return None
    try:
        result = float(function(left, right))
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _over_groups(sign: str, function: Operation, left: Value, right: Value) -> Value:
    if isinstance(left, Group) and isinstance(right, Group):
        raise MathError(f"{sign} between two arrays is not defined")
    if isinstance(left, Group):
        return Group(tuple(_series(_pair(function, member, right)) for member in left.members))
    if isinstance(right, Group):
        return Group(tuple(_series(_pair(function, left, member)) for member in right.members))
    return _pair(function, left, right)


def _pair(function: Operation, left: Value, right: Value) -> Scalar | Series:
    match left, right:
        case Scalar(a), Scalar(b):
            return Scalar(safely(function, a, b))
        case Series(values), Scalar(b):
            return Series(_point_by_point(function, [(a, None if a is None else b) for a in values]))
        case Scalar(a), Series(values):
            return Series(_point_by_point(function, [(None if b is None else a, b) for b in values]))
        case Series(first), Series(second):
            zeroed = [
                (a, b) if a is not None and b is not None else (None, None) if a is b else (a or 0.0, b or 0.0)
                for a, b in zip(first, second, strict=True)
            ]
            return Series(_point_by_point(function, zeroed))
        case _:
            raise MathError("an array within an array")


def _point_by_point(function: Operation, pairs: Sequence[tuple[float | None, float | None]]) -> Numbers:
    """As `safely` for each pair, but all at once where every result is fine."""
    try:
        found = tuple([None if a is None or b is None else float(function(a, b)) for a, b in pairs])
    except (ArithmeticError, ValueError):
        return tuple(safely(function, a, b) for a, b in pairs)
    if all(value is None or math.isfinite(value) for value in found):
        return found
    return tuple(None if value is None or not math.isfinite(value) else value for value in found)


def _series(value: Scalar | Series) -> Series:
    if isinstance(value, Scalar):
        raise MathError("an array of numbers")
    return value

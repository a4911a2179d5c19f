"""Whether the value of an expression in a window depends on that window alone.

Such an expression can be computed once for each window of a whole history. RATE, a sum over time or an order by averages cannot: their
values depend on which windows are looked at together.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from alerts.simulator.metric_math.functions import FOLDS
from alerts.simulator.metric_math.syntax import Binary, Call, Items, Minus, Name, Node, Word, parse, walk

_ACROSS = ("DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM", "SORT", "REMOVE_EMPTY")
_ARRAYS = ("METRICS", "SLICE", "SORT", "REMOVE_EMPTY", "ANOMALY_DETECTION_BAND")
_NUMBERS = ("PERIOD", "METRIC_COUNT")
_AS_ARGUMENT = ("ABS", "CEIL", "FLOOR", "LOG", "LOG10", "DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM", "FILL")


class Kind(Enum):
    """What a node gives, by how it is written."""

    NUMBER = 0
    SERIES = 1
    ARRAY = 2


@lru_cache(maxsize=4096)
def is_local(expression: str) -> bool:
    """Whether each value depends on its own window alone, given that those of the ids it names do.

    Raises:
        UnsupportedError: when it is no expression.
    """
    return all(_is_local(node) for node in walk(parse(expression)))


def _is_local(node: Node) -> bool:
    if not isinstance(node, Call):
        return True
    if node.function == "FILL":
        return not isinstance(node.arguments[1], Word)
    # Of a time series SUM and its like are one number over all windows; of an array they are another time series.
    return node.function not in _ACROSS and not (node.function in FOLDS and kind_of(node.arguments[0]) is not Kind.ARRAY)


def kind_of(node: Node) -> Kind:
    """A number, a time series or an array."""
    match node:
        case Name():
            return Kind.SERIES
        case Items():
            return Kind.ARRAY
        case Minus(operand):
            return kind_of(operand)
        case Binary(_, left, right):
            return max(kind_of(left), kind_of(right), key=lambda kind: kind.value)
        case Call(function, arguments):
            return _kind_of_call(function, arguments)
        case _:
            return Kind.NUMBER


def _kind_of_call(function: str, arguments: tuple[Node, ...]) -> Kind:
    if function in _ARRAYS:
        return Kind.ARRAY
    if function in _NUMBERS:
        return Kind.NUMBER
    if function in _AS_ARGUMENT:
        return kind_of(arguments[0])
    if function in FOLDS:
        return Kind.SERIES if kind_of(arguments[0]) is Kind.ARRAY else Kind.NUMBER
    return Kind.SERIES

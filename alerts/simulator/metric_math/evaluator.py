"""Computes an expression over the windows of an evaluation range."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from alerts.simulator.metric_math import functions
from alerts.simulator.metric_math.syntax import Binary, Call, Items, Minus, Name, Node, Number, Text, Word, parse, refusal
from alerts.simulator.metric_math.values import Group, MathError, Numbers, Scalar, Series, Value, combine, kind, negate
from alerts.simulator.model import Band

BandOf = Callable[[str, float, Sequence[int]], Sequence[Band | None]]
"""The bands of the metric or expression with this id, so many standard deviations wide, for these windows."""
DEFAULT_DEVIATIONS = 2.0
"""The width of ANOMALY_DETECTION_BAND without a second argument."""


@dataclass(frozen=True)
class Frame:
    """What an expression is computed over.

    `starts` are the starts of the windows in seconds since the epoch, `series` the metrics and expressions it may name, `periods` the
    period of each metric (expressions have none). `band` makes bands, where a model is at hand.
    """

    starts: Sequence[int]
    series: Mapping[str, Numbers]
    periods: Mapping[str, int] = field(default_factory=dict[str, int])
    band: BandOf | None = None


def evaluate(expression: str, series: Mapping[str, Sequence[float | None]], length: int) -> Numbers:
    """The values of an expression over metrics of `length` one-minute windows.

    Raises:
        UnsupportedError: for an unknown id, function or sign, or a result that is no time series.
    """
    metrics = {name: tuple(values) for name, values in series.items()}
    return evaluate_in(expression, Frame(range(0, 60 * length, 60), metrics, dict.fromkeys(metrics, 60)))


def evaluate_in(expression: str, frame: Frame) -> Numbers:
    """The time series an expression gives.

    Raises:
        UnsupportedError: for an unknown id, arguments that do not fit, or a result that is no time series.
    """
    value = value_in(expression, frame)
    if isinstance(value, Scalar):
        raise refusal(expression, "its result is a number, not a time series; TIME_SERIES(…) makes one")
    if isinstance(value, Group):
        raise refusal(expression, f"its result is an array of {len(value.members)} time series; an alarm watches one")
    return value.values


def bands_in(expression: str, frame: Frame) -> tuple[Band | None, ...]:
    """The bands that `ANOMALY_DETECTION_BAND(id, deviations)` gives.

    Raises:
        UnsupportedError: when the expression is anything else, or no model is at hand.
    """
    node = parse(expression)
    if not isinstance(node, Call) or node.function != "ANOMALY_DETECTION_BAND":
        raise refusal(expression, "the expected range of an alarm is one ANOMALY_DETECTION_BAND(id, deviations) and nothing more")
    try:
        return _Evaluator(frame).bands(node)
    except MathError as error:
        raise refusal(expression, str(error)) from error


def value_in(expression: str, frame: Frame) -> Value:
    """The number, time series or array an expression gives.

    Raises:
        UnsupportedError: for an unknown id, or arguments that do not fit.
    """
    try:
        return _Evaluator(frame).value(parse(expression))
    except MathError as error:
        raise refusal(expression, str(error)) from error
    except RecursionError:
        raise refusal(expression, "it is nested too deeply") from None


class _Evaluator:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def value(self, node: Node) -> Value:
        match node:
            case Number(number):
                return Scalar(number)
            case Name(name):
                return self._named(name)
            case Items(items):
                return self._group(items)
            case Minus(operand):
                return negate(self.value(operand))
            case Binary(sign, left, right):
                return combine(sign, self.value(left), self.value(right))
            case Call(function, arguments):
                return self._call(function, arguments)
            case Text(text):
                raise MathError(f"the text '{text}' is in the wrong place")
            case Word(text):
                raise MathError(f"'{text}' is in the wrong place")

    def bands(self, call: Call) -> tuple[Band | None, ...]:
        """The bands of one ANOMALY_DETECTION_BAND."""
        of = call.arguments[0]
        if not isinstance(of, Name):
            raise MathError("ANOMALY_DETECTION_BAND takes the id of a metric or expression")
        self._named(of.id)
        deviations = self._number("ANOMALY_DETECTION_BAND", call.arguments[1]) if len(call.arguments) > 1 else DEFAULT_DEVIATIONS
        if deviations <= 0:
            raise MathError(f"ANOMALY_DETECTION_BAND of {deviations:g} standard deviations: expected more than 0")
        if self._frame.band is None:
            raise MathError("ANOMALY_DETECTION_BAND needs the history of its metric, which is not given here")
        return tuple(self._frame.band(of.id, deviations, self._frame.starts))

    def _named(self, name: str) -> Series:
        if name not in self._frame.series:
            known = ", ".join(self._frame.series) or "none"
            raise MathError(f"there is no metric or expression with id '{name}'; there are {known}")
        return Series(self._frame.series[name])

    def _group(self, items: Sequence[Node]) -> Group:
        members: list[Series] = []
        for item in items:
            match self.value(item):
                case Series() as series:
                    members.append(series)
                case Group(inner):
                    members += inner
                case Scalar():
                    raise MathError("an array holds time series, not numbers")
        return Group(tuple(members))

    def _call(self, name: str, arguments: Sequence[Node]) -> Value:  # noqa: PLR0911 - one exit a kind of function
        match name:
            case "METRICS":
                return self._metrics(arguments)
            case "PERIOD":
                return Scalar(float(self._period(arguments[0])))
            case "ANOMALY_DETECTION_BAND":
                return self._band_series(Call(name, tuple(arguments)))
            case "FILL":
                return self._fill(*arguments)
            case "SORT":
                return self._sort(arguments)
            case "IF":
                condition, yes, *no = [self.value(argument) for argument in arguments]
                return functions.choose(condition, yes, no[0] if no else None, len(self._frame.starts))
            case "TIME_SERIES":
                return Series((self._scalar(name, self.value(arguments[0])).value,) * len(self._frame.starts))
            case _:
                return self._plain(name, [self.value(argument) for argument in arguments])

    def _plain(self, name: str, values: Sequence[Value]) -> Value:
        """Functions of values alone."""
        first = values[0]
        if name in functions.FOLDS:
            return functions.fold(name, first)
        if name in functions.MOMENTS:
            if not isinstance(first, Series):
                raise MathError(f"{name} takes a time series, not {kind(first)}")
            return functions.moments(name, self._frame.starts)
        if name in ("FIRST", "LAST"):
            return functions.end_of(name, first)
        if name in ("METRIC_COUNT", "REMOVE_EMPTY", "SLICE"):
            return self._of_array(name, functions.array(name, first), values[1:])
        return functions.each(self._of_series(name), first)

    def _of_array(self, name: str, group: Group, bounds: Sequence[Value]) -> Value:
        if name == "METRIC_COUNT":
            return Scalar(float(len(group.members)))
        if name == "REMOVE_EMPTY":
            return Group(tuple(member for member in group.members if any(value is not None for value in member.values)))
        first, *last = [self._index(name, bound) for bound in bounds]
        return Group(group.members[first : last[0] if last else None])

    def _of_series(self, name: str) -> Callable[[Numbers], Numbers]:
        starts = self._frame.starts
        table: dict[str, Callable[[Numbers], Numbers]] = {
            "ABS": functions.pointwise(abs),
            "CEIL": functions.pointwise(math.ceil),
            "FLOOR": functions.pointwise(math.floor),
            "LOG": functions.pointwise(math.log),
            "LOG10": functions.pointwise(math.log10),
            "DIFF": lambda values: functions.differences(values, starts, per_second=False),
            "RATE": lambda values: functions.differences(values, starts, per_second=True),
            "DIFF_TIME": lambda values: functions.time_differences(values, starts),
            "RUNNING_SUM": functions.running_sum,
        }
        return table[name]

    def _metrics(self, arguments: Sequence[Node]) -> Group:
        part = ""
        if arguments:
            if not isinstance(arguments[0], Text):
                raise MathError('METRICS takes a text, such as METRICS("errors")')
            part = arguments[0].text
        names = [name for name in self._frame.periods if part in name]
        return Group(tuple(self._named(name) for name in names))

    def _period(self, argument: Node) -> int:
        if not isinstance(argument, Name) or (argument.id in self._frame.series and argument.id not in self._frame.periods):
            raise MathError("PERIOD takes the id of a metric, not the result of an expression")
        self._named(argument.id)
        return self._frame.periods[argument.id]

    def _band_series(self, call: Call) -> Group:
        """The upper end, then the lower one: LAST(…) is the lower bound, as the guide has it."""
        bands = self.bands(call)
        upper = Series(tuple(None if band is None else band.upper for band in bands))
        lower = Series(tuple(None if band is None else band.lower for band in bands))
        return Group((upper, lower))

    def _fill(self, of: Node, filler: Node) -> Value:
        value = self.value(of)
        if isinstance(filler, Word):
            ways = {"REPEAT": functions.fill_repeat, "LINEAR": functions.fill_linear}
            if filler.text not in ways:
                raise MathError(f"FILL with {filler.text}: expected a number, a time series, REPEAT or LINEAR")
            return functions.each(ways[filler.text], value)
        other = self.value(filler)
        if isinstance(other, Group):
            raise MathError("FILL takes a number, a time series, REPEAT or LINEAR, not an array")
        return functions.each(lambda values: functions.fill_with(values, other), value)

    def _sort(self, arguments: Sequence[Node]) -> Group:
        of, by, order, *limit = arguments
        if not isinstance(by, Word) or not isinstance(order, Word):
            raise MathError("SORT takes an array, AVG, MIN, MAX or SUM, and ASC or DESC")
        most = self._index("SORT", self.value(limit[0])) if limit else None
        return functions.sort(self.value(of), by.text, order.text, most)

    def _number(self, name: str, argument: Node) -> float:
        number = self._scalar(name, self.value(argument)).value
        if number is None:
            raise MathError(f"{name}: a number without a value")
        return number

    def _scalar(self, name: str, value: Value) -> Scalar:
        if not isinstance(value, Scalar):
            raise MathError(f"{name} takes a number here, not {kind(value)}")
        return value

    def _index(self, name: str, value: Value) -> int:
        number = self._scalar(name, value).value
        if number is None or number < 0 or not number.is_integer():
            raise MathError(f"{name} takes whole numbers from 0, not {number if number is None else f'{number:g}'}")
        return int(number)

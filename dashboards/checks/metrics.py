"""The metrics of a widget: references that exist, ids that metric math may use, nothing hidden for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

from dashboards.checks.expressions import Expression, parse
from dashboards.checks.quotas import MAX_METRICS
from dashboards.checks.schema import METRIC_OPTIONS, fine
from dashboards.checks.schema import problems as shape_problems
from kpis.metric_catalog import check_reference

_NONE: dict[str, Any] = {}
_TEXTS = {str}
_NAMESPACE_AND_NAME = 2


def total_problems(counts: Sequence[int]) -> Iterator[str]:
    """The quota over all widgets: series that only feed metric math count too."""
    total = sum(counts)
    if total > MAX_METRICS:
        yield f"widgets: {total:,} metrics; CloudWatch takes at most {MAX_METRICS:,} a dashboard"


def widget_problems(where: str, metrics: Sequence[Any]) -> list[str]:
    """What is wrong with the metrics of one widget."""
    found: list[str] = []
    formulas: dict[str, Expression] = {}
    ids: set[str] = set()
    hidden: set[str] = set()
    previous: list[str] = []
    for at, metric in enumerate(metrics):
        words, options, expression = _split(metric, previous)
        if options and not fine(options, METRIC_OPTIONS, ()):
            found += shape_problems(f"{where}.{at}", "metric", options, METRIC_OPTIONS, ())
        problem = _reference(words) if expression is None else _formula_beside(words)
        if problem:
            found.append(f"{where}.{at}: {problem}")
        previous = words or previous
        own: Any = options.get("id")
        name = own if type(own) is str else f"#{at}"
        if name in ids:
            found.append(f"{where}.{at}: id '{name}' is used twice in the widget")
        ids.add(name)
        if options.get("visible") is False:
            hidden.add(name)
        if expression is not None:
            formulas[name] = parse(expression)
            found += [f"{where}.{at}: expression {each}" for each in formulas[name].problems]
    if formulas or hidden:
        found += _between(where, formulas, ids, hidden)
    if len(hidden) == len(metrics):
        found.append(f"{where}: every metric is hidden, so the widget shows nothing")
    return found


def _split(metric: Any, previous: Sequence[str]) -> tuple[list[str], dict[str, Any], str | None]:
    """Words, options and expression of one line; `.` repeats the word above it and `...` all that are left out."""
    line = cast("list[Any]", metric) if type(metric) is list else []
    last: Any = line[-1] if line else None
    ends = type(last) is dict
    options = cast("dict[str, Any]", last) if ends else _NONE
    words = line[:-1] if ends else line
    if "." in words or "..." in words:
        words = _expanded(words, previous)
    expression: Any = options.get("expression")
    return words, options, expression if type(expression) is str else None


def _expanded(words: Sequence[Any], previous: Sequence[str]) -> list[Any]:
    if words[0] == "...":
        kept = len(previous) - (len(words) - 1)
        words = [*previous[:kept], *words[1:]]
    return [previous[at] if word == "." and at < len(previous) else word for at, word in enumerate(words)]


def _reference(words: Sequence[Any]) -> str | None:
    if not words:
        return "neither a metric nor an expression"
    if set(map(type, words)) != _TEXTS:
        return "options belong at the end"
    if len(words) % 2 or len(words) < _NAMESPACE_AND_NAME:
        return "expected namespace, name and pairs of dimension and value"
    if "" in words:
        return "has an empty word; a dimension without a value is left out"
    return _known(words[0], words[1], tuple(words[2::2]))


def _formula_beside(words: Sequence[Any]) -> str | None:
    return "expected namespace, name and pairs of dimension and value, or an expression alone" if words else None


@lru_cache(maxsize=4096)
def _known(namespace: str, metric: str, dimensions: tuple[str, ...]) -> str | None:
    return check_reference(namespace, metric, dimensions)


def _between(where: str, formulas: dict[str, Expression], ids: set[str], hidden: set[str]) -> Iterator[str]:
    """Ids that do not exist, expressions that need themselves, hidden metrics nobody uses."""
    for own, formula in formulas.items():
        for unknown in sorted(formula.ids - ids):
            yield f"{where}: expression {own} uses id '{unknown}', which no metric of the widget has"
    circle = next((found for own in formulas if (found := _circle(own, formulas)) is not None), None)
    if circle is not None:
        yield f"{where}: expressions need each other in a circle: {' -> '.join(circle)}"
    if not any(formula.everything for formula in formulas.values()):
        for each in sorted(hidden.difference(*(formula.ids for formula in formulas.values()))):
            yield f"{where}: metric {each} is hidden and no expression uses it"


def _circle(start: str, formulas: dict[str, Expression]) -> list[str] | None:
    """The way from an expression back to itself."""
    open_: list[list[str]] = [[start]]
    seen: set[str] = set()
    while open_:
        way = open_.pop()
        for following in sorted(formulas[way[-1]].ids & formulas.keys()):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                open_.append([*way, following])
    return None

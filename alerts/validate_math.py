"""Checks the metric math of an alarm by its references; whether the functions are known is the simulator's to say.

Source: MetricDataQuery in the CloudWatch API reference, and the limits of alarms in the CloudWatch user guide (alarm-limits).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from alerts.specs import MetricQuery

MAX_METRICS = 10
MAX_EXPRESSIONS = 10
MAX_EXPRESSION_LENGTH = 2048
_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_TEXT = re.compile(r"'[^']*'|\"[^\"]*\"")
_REFERENCE = re.compile(r"(?<![\w.])[a-z][A-Za-z0-9_]*")
_REFUSED_IN_ALARMS = re.compile(r"\b(SEARCH|SERVICE_QUOTA)\s*\(")


def referenced(expression: str) -> tuple[str, ...]:
    """The ids an expression names, in the order they appear: ids start with a small letter, functions with a capital."""
    return tuple(dict.fromkeys(_REFERENCE.findall(_TEXT.sub("", expression))))


def math_problems(queries: Sequence[MetricQuery]) -> Iterator[str]:
    """What is wrong with the queries of one alarm, in words."""
    if not queries:
        yield "it has neither a series nor metric math"
        return
    yield from _counts(queries)
    known = {query.id: query for query in queries}
    for query in queries:
        yield from _query(query, known)
    cycle = _cycle(known)
    if cycle:
        yield f"its expressions refer to each other in a circle: {' -> '.join(cycle)}"
    yield from _unused(queries, known)


def _counts(queries: Sequence[MetricQuery]) -> Iterator[str]:
    metrics = sum(query.series is not None for query in queries)
    if metrics > MAX_METRICS:
        yield f"metric math over {metrics} metrics; CloudWatch takes at most {MAX_METRICS} in an alarm"
    if len(queries) - metrics > MAX_EXPRESSIONS:
        yield f"{len(queries) - metrics} expressions; CloudWatch takes at most {MAX_EXPRESSIONS} in an alarm"
    returning = [query.id for query in queries if query.returns]
    if len(returning) != 1:
        yield f"{len(returning)} queries return data ({', '.join(returning) or 'none'}); expected exactly one"
    for used, count in Counter(query.id for query in queries).items():
        if count > 1:
            yield f"id '{used}' is used {count} times; expected once"


def _query(query: MetricQuery, known: Mapping[str, MetricQuery]) -> Iterator[str]:
    if not _ID.fullmatch(query.id):
        yield f"id '{query.id}' is none; expected a small letter, then letters, digits and underscores"
    if (query.series is None) == (query.expression is None):
        yield f"id '{query.id}' has {'neither' if query.series is None else 'both'} a series and an expression; expected one of them"
    if query.expression is None:
        return
    if not 1 <= len(query.expression) <= MAX_EXPRESSION_LENGTH:
        yield f"expression '{query.id}' has {len(query.expression)} characters; expected 1 to {MAX_EXPRESSION_LENGTH}"
    for name in referenced(query.expression):
        if name not in known:
            yield f"expression '{query.id}' names '{name}', which no query has; expected {', '.join(sorted(known))}"
    refused = _REFUSED_IN_ALARMS.search(query.expression)
    if refused:
        yield f"expression '{query.id}' uses {refused[1]}, which CloudWatch does not take in alarms"


def _cycle(known: Mapping[str, MetricQuery]) -> list[str]:
    """The first circle of references, its start repeated at the end; empty when there is none."""
    done: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in known:
            return []
        for other in referenced(known[name].expression or ""):
            circle = follow(other, [*path, name])
            if circle:
                return circle
        done.add(name)
        return []

    nothing: list[str] = []
    return next((circle for name in sorted(known) if (circle := follow(name, []))), nothing)


def _unused(queries: Sequence[MetricQuery], known: Mapping[str, MetricQuery]) -> Iterator[str]:
    """A metric that nothing judges is one that was forgotten in the expression."""
    # METRICS() stands for every series of the alarm.
    if any("METRICS(" in (query.expression or "") for query in queries):
        return
    needed = {name for query in queries if query.expression for name in referenced(query.expression)}
    for name, query in known.items():
        if name not in needed and not query.returns:
            yield f"nothing uses id '{name}'"

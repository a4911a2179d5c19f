"""Checks composite alarms: their rules, what they name, their suppressors, and that none depends on itself.

Source: PutCompositeAlarm in the CloudWatch API reference (100 alarms, 500 elements, 10,240 characters a rule; a cycle stops evaluation).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from alerts.simulator.composite import alarm_name, evaluate_rule, named_alarms
from alerts.simulator.model import State, UnsupportedError
from alerts.specs import AlarmSet, CompositeAlarm

MAX_CHILDREN = 100
MAX_ELEMENTS = 500
MAX_RULE_LENGTH = 10_240
_CONSTANT = re.compile(r"\b(?:TRUE|FALSE)\b", re.IGNORECASE)
_FUNCTION = re.compile(r"\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def composite_problems(alarms: AlarmSet, elsewhere: Collection[str]) -> Iterator[tuple[CompositeAlarm, str]]:
    """What is wrong with the composites of a stack: the alarm and the problem in words. `elsewhere` are alarms of other stacks."""
    known = {alarm.name for alarm in (*alarms.metrics, *alarms.composites)} | set(elsewhere)
    graph: dict[str, tuple[str, ...]] = {}
    for alarm in alarms.composites:
        yield from ((alarm, problem) for problem in _suppressor(alarm, known))
        try:
            graph[alarm.name] = named_alarms(alarm.rule)
        except UnsupportedError as error:
            yield alarm, f"its rule cannot be read: {error}"
    for alarm in alarms.composites:
        if alarm.name not in graph:
            continue
        yield from ((alarm, problem) for problem in _rule(alarm, graph[alarm.name], known))
        circle = _circle(alarm.name, graph)
        if circle:
            yield alarm, f"its rule leads back to itself: {' -> '.join(circle)}"


def _rule(alarm: CompositeAlarm, names: Collection[str], known: Collection[str]) -> Iterator[str]:
    for name in sorted(set(names) - set(known)):
        yield f"its rule names '{name}', an alarm that does not exist"
    if set(names) != set(alarm.children):
        missing, extra = sorted(set(names) - set(alarm.children)), sorted(set(alarm.children) - set(names))
        yield f"its children are not what its rule names: missing {', '.join(missing) or 'none'}; too many {', '.join(extra) or 'none'}"
    if len(names) > MAX_CHILDREN:
        yield f"a rule over {len(names)} alarms; CloudWatch takes at most {MAX_CHILDREN}"
    if len(alarm.rule) > MAX_RULE_LENGTH:
        yield f"a rule of {len(alarm.rule)} characters; CloudWatch takes at most {MAX_RULE_LENGTH}"
    elements = _elements(alarm.rule)
    if elements > MAX_ELEMENTS:
        yield f"a rule of {elements} elements; CloudWatch takes at most {MAX_ELEMENTS}"
    yield from _meaning(alarm, names)


def _elements(rule: str) -> int:
    """Alarms each time they are named, constants, and pairs of parentheses that are not an alarm's own."""
    bare = _QUOTED.sub("", rule)
    alarms = len(_FUNCTION.findall(bare))
    return alarms + len(_CONSTANT.findall(bare)) + max(bare.count("(") - alarms, 0)


def _meaning(alarm: CompositeAlarm, names: Collection[str]) -> Iterator[str]:
    """A rule that is quiet when all is well and can fire when all is not."""
    well, ill = (evaluate_rule(alarm.rule, dict.fromkeys(names, state)) for state in (State.OK, State.ALARM))
    if well:
        yield "it is in ALARM when all of its alarms are OK"
    if not ill:
        yield "it is not in ALARM when all of its alarms are"


def _suppressor(alarm: CompositeAlarm, known: Collection[str]) -> Iterator[str]:
    suppressor = alarm.suppressor
    if suppressor is None:
        return
    if suppressor.alarm == alarm.name:
        yield "it suppresses itself"
    elif alarm_name(suppressor.alarm) not in known:
        yield f"its suppressor '{suppressor.alarm}' is an alarm that does not exist"
    for what, seconds in (("wait", suppressor.wait), ("extension", suppressor.extension)):
        if seconds < 0:
            yield f"its suppressor has a {what} of {seconds} s; expected 0 or more"


def _circle(start: str, graph: Mapping[str, Collection[str]]) -> list[str]:
    """The way from an alarm back to itself; empty when there is none."""
    trails: list[list[str]] = [[start]]
    seen: set[str] = set()
    while trails:
        trail = trails.pop()
        for child in graph.get(trail[-1], ()):
            if child == start:
                return [*trail, start]
            if child not in seen:
                seen.add(child)
                trails.append([*trail, child])
    return []

"""Writes the standard three tests (fires, stays quiet, without data) for alarms that have none, as YAML to read, sharpen and keep.

A test is only written when it passes today: what cannot be guessed for an alarm is left to its author, by a comment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from alerts.simulator import State
from alerts.specs import CompositeAlarm, MetricAlarm, MetricStat
from alerts.testing.cases import make_cases, series_of, stats_of
from alerts.testing.coverage import Covered
from alerts.testing.loader import AlarmTestsError, read_file
from alerts.testing.runner import Shown, run_cases
from alerts.testing.stacks import Stacks
from kpis.common import format_duration, parse_duration

_BELOW = ("LessThanThreshold", "LessThanOrEqualToThreshold")


def scaffold(gaps: Iterable[Covered], stacks: Stacks) -> str:
    """The tests that are missing, one YAML document a stack; empty when nothing is missing."""
    documents: list[str] = []
    for stack, group in groupby(gaps, key=lambda gap: gap.stack):
        lines = ["alarms:", f"  stacks: [{stack}]", "", "tests:"]
        for gap in group:
            alarm = stacks.deployed(stacks.where(stack)).by_key[gap.alarm]
            for wanted in gap.missing:
                lines += _test(alarm, wanted, stack, stacks)
        documents.append("\n".join(lines) + "\n")
    return "---\n".join(documents)


def _test(alarm: MetricAlarm | CompositeAlarm, wanted: Shown, stack: str, stacks: Stacks) -> Iterator[str]:
    for candidate in _candidates(alarm, wanted):
        if _passes(candidate, wanted, stack, stacks):
            yield from _yaml(candidate)
            return
    yield f"  # {alarm.key}: a test that shows that it {_words(wanted)} is for its author to write"


def _words(wanted: Shown) -> str:
    return "copes without data" if wanted is Shown.NO_DATA else str(wanted)


def _candidates(alarm: MetricAlarm | CompositeAlarm, wanted: Shown) -> Iterator[Mapping[str, Any]]:
    """Tests that may hold, the likeliest first."""
    name = f"{alarm.key} {_words(wanted)}"
    if wanted is Shown.NO_DATA:
        at = "2d" if isinstance(alarm, CompositeAlarm) else _length(alarm, alarm.periods + 2)
        for state in (State.OK, State.ALARM, State.INSUFFICIENT_DATA):
            yield {"name": f"{alarm.key} is {state} without data", "until": at, "expect": [_expected(alarm.key, at, state)]}
        return
    if isinstance(alarm, CompositeAlarm):
        return
    stats = stats_of(alarm)
    interval = _length(alarm, 1)
    at = _length(alarm, alarm.periods, extra=60)
    for value in _values(alarm, fires=wanted is Shown.FIRES):
        series = [{"series": _written(stat), "values": _repeated(value, alarm)} for stat in stats]
        test: dict[str, Any] = {"name": name, "interval": interval, "input_series": series}
        if wanted is Shown.FIRES:
            yield test | {"expect": [_expected(alarm.key, at, State.ALARM) | {"actions": sorted(str(topic) for topic in alarm.topics)}]}
        else:
            yield test | {"never": [alarm.key]}


def _expected(key: str, at: str, state: State) -> dict[str, Any]:
    return {"alarm": key, "at": at, "state": str(state)}


def _length(alarm: MetricAlarm, periods: int, extra: int = 0) -> str:
    seconds = max(stat.period for stat in stats_of(alarm)) * periods + extra
    return format_duration(parse_duration(f"{seconds}s"))


def _values(alarm: MetricAlarm, *, fires: bool) -> Sequence[float]:
    """The threshold and values beyond it on the wanted side, the nearest first: the sharpest that holds is kept."""
    up = (alarm.comparison not in _BELOW) is fires
    return (alarm.threshold, alarm.threshold + 1, alarm.threshold * 10 + 1) if up else (alarm.threshold, alarm.threshold - 1, 0.0)


def _repeated(value: float, alarm: MetricAlarm) -> str:
    samples = f"@{alarm.minimum_samples}" if alarm.minimum_samples > 1 else ""
    return f"{value:.15g}{samples}x{alarm.periods + 1}"


def _written(stat: MetricStat) -> str:
    return str(series_of(stat))


def _passes(test: Mapping[str, Any], wanted: Shown, stack: str, stacks: Stacks) -> bool:
    text = f"alarms: {{stacks: [{stack}]}}\ntests:\n" + "\n".join(_yaml(test)) + "\n"
    read, problems = read_file("scaffold", text.encode())
    if problems:
        return False
    try:
        (result,) = run_cases(make_cases(read, stacks))
    except AlarmTestsError:
        return False
    return result.passed and any(wanted in check.shows for check in result.checks)


def _yaml(test: Mapping[str, Any]) -> Iterator[str]:
    """The test as people write it: one line a series and an expectation. JSON is YAML, so it quotes every text."""
    yield f"  - name: {_quoted(test['name'])}"
    for name in ("interval", "until"):
        if name in test:
            yield f"    {name}: {test[name]}"
    for name in ("input_series", "expect"):
        if name in test:
            yield f"    {name}:"
            for entry in test[name]:
                yield f"      - {_quoted(entry)}"
    if "never" in test:
        yield f"    never: {_quoted(test['never'])}"


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

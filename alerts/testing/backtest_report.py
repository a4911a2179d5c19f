"""A back-test for people and for machines, alone or beside the same history under changed alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any

from alerts.testing.backtest import Backtest, Firing, Judged, Missed, StackHistory
from alerts.testing.cases import offset

SHOWN_FIRINGS = 5
SHOWN_GROUPS = 20
_REASON_WIDTH = 150
_HEADERS = ("alarm", "fired", "in ALARM", "median", "flaps")


@dataclass(frozen=True)
class MissedGroup:
    """Events of one kind of one KPI that were missed for the same reason; `run_id` is the latest."""

    kind: str
    tenant_id: str
    environment: str
    kpi_id: str
    why: str
    count: int
    first: float
    last: float
    run_id: str


def moment(seconds: float) -> str:
    """A moment in UTC, to the minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def grouped(missed: Sequence[Missed]) -> list[MissedGroup]:
    """What was missed, most frequent first."""
    groups: dict[tuple[str, str, str, str, str], list[Missed]] = {}
    for each in missed:
        row = each.event.run.row
        groups.setdefault((str(each.event.kind), row.tenant_id, row.environment, row.kpi_id, each.why), []).append(each)
    found = [
        MissedGroup(*key, len(inside), inside[0].event.at, inside[-1].event.at, inside[-1].event.run.row.run_id)
        for key, inside in groups.items()
    ]
    return sorted(found, key=lambda group: (-group.count, group.kind, group.tenant_id, group.kpi_id))


def text_report(tests: Sequence[Backtest], changed: Sequence[Backtest] = ()) -> Iterator[str]:
    """The report as lines. With `changed` (the same stacks under what-if changes) every number stands beside what it would be."""
    for index, test in enumerate(tests):
        others = changed[index].stacks if changed else ()
        for position, stack in enumerate(test.stacks):
            yield from _stack(stack, others[position] if others else None)
    yield from _missed(tests, changed)


def _stack(stack: StackHistory, other: StackHistory | None) -> Iterator[str]:
    yield ""
    if not stack.runs:
        yield f"{stack.deployed.where.stack}: no runs to judge"
        return
    yield f"{stack.deployed.where.stack}: {_count(stack.runs, 'run')} from {moment(stack.start)} to {moment(stack.end)} UTC"
    changed = {alarm.alarm: alarm for alarm in other.alarms} if other else {}
    yield from _table(stack.alarms, changed)
    for alarm in stack.alarms:
        yield from _firings(alarm, "")
        if alarm.alarm in changed and changed[alarm.alarm].firings != alarm.firings:
            yield from _firings(changed[alarm.alarm], " with the changes")
    if stack.unjudged:
        yield "  not judged, since the run log does not tell their metrics:"
        yield from (f"    {key} ({metrics})" for key, metrics in stack.unjudged.items())


def _table(alarms: Sequence[Judged], changed: Mapping[str, Judged]) -> Iterator[str]:
    rows = [_HEADERS, *(_row(alarm, changed.get(alarm.alarm)) for alarm in alarms)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADERS))]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(alarm: Judged, other: Judged | None) -> tuple[str, ...]:
    own, changed = _cells(alarm), _cells(other) if other else _cells(alarm)
    beside = (left if left == right else f"{left} -> {right}" for left, right in zip(own, changed, strict=True))
    return (alarm.alarm, *beside)


def _cells(alarm: Judged) -> tuple[str, str, str, str]:
    if not alarm.firings:
        return "0", "-", "-", "-"
    return str(len(alarm.firings)), offset(alarm.seconds), offset(alarm.median_seconds), str(alarm.flaps)


def _firings(alarm: Judged, suffix: str) -> Iterator[str]:
    if not alarm.firings:
        return
    more = len(alarm.firings) - SHOWN_FIRINGS
    yield f"  {alarm.alarm} fired{suffix}{f' (latest {SHOWN_FIRINGS} of {len(alarm.firings)})' if more > 0 else ''}:"
    for firing in alarm.firings[-SHOWN_FIRINGS:]:
        yield f"    {moment(firing.start)}  {_length(firing)}  {shorten(firing.reason, _REASON_WIDTH, placeholder=' ...')}"


def _length(firing: Firing) -> str:
    return "still" if firing.end is None else offset(firing.end - firing.start)


def _missed(tests: Sequence[Backtest], changed: Sequence[Backtest]) -> Iterator[str]:
    events: dict[str, int] = {}
    for test in tests:
        for kind, count in test.events.items():
            events[str(kind)] = events.get(str(kind), 0) + count
    told = ", ".join(_count(count, kind) for kind, count in events.items() if count)
    yield ""
    yield f"What somebody should have heard of: {told or 'nothing'}"
    missed = [each for test in tests for each in test.missed]
    other = [each for test in changed for each in test.missed]
    text = _count(len(missed), "event") + (f" -> {len(other)} with the changes" if changed else "")
    yield f"Missed, because no judged alarm that reads it was in ALARM soon after: {text}"
    yield from _groups(missed)
    if changed:
        yield from _difference("Missed only with the changes", other, missed)
        yield from _difference("Not missed any more with the changes", missed, other)


def _difference(title: str, left: Sequence[Missed], right: Sequence[Missed]) -> Iterator[str]:
    known = {(each.event.kind, each.event.run.row.run_id) for each in right}
    only = [each for each in left if (each.event.kind, each.event.run.row.run_id) not in known]
    if only:
        yield f"{title}: {_count(len(only), 'event')}"
        yield from _groups(only)


def _groups(missed: Sequence[Missed]) -> Iterator[str]:
    groups = grouped(missed)
    for group in groups[:SHOWN_GROUPS]:
        when = moment(group.first) if group.count == 1 else f"{moment(group.first)} to {moment(group.last)}"
        what = f"{group.tenant_id} {group.kpi_id}"
        yield f"  {_count(group.count, group.kind)} of {what}: {group.why} ({when}; kpi show {group.tenant_id} {group.run_id})"
    if len(groups) > SHOWN_GROUPS:
        yield f"  and {_count(sum(group.count for group in groups[SHOWN_GROUPS:]), 'event')} of other KPIs; --json has them all"


def _count(count: int, word: str) -> str:
    if count == 1:
        return f"1 {word}"
    return f"{count} {word}es" if word.endswith("ch") else f"{count} {word}s"


def json_report(tests: Sequence[Backtest], changed: Sequence[Backtest] = ()) -> dict[str, Any]:
    """The report as one document; moments are ISO 8601 in UTC, lengths are seconds."""
    document: dict[str, Any] = {"present": _json(tests)}
    return document | {"changed": _json(changed)} if changed else document


def _json(tests: Sequence[Backtest]) -> dict[str, Any]:
    return {
        "stacks": [_stack_json(stack) for test in tests for stack in test.stacks],
        "events": {str(kind): sum(test.events[kind] for test in tests) for kind in (tests[0].events if tests else ())},
        "missed": [
            {
                "kind": str(each.event.kind),
                "at": _iso(each.event.at),
                "tenant_id": each.event.run.row.tenant_id,
                "environment": each.event.run.row.environment,
                "kpi_id": each.event.run.row.kpi_id,
                "run_id": each.event.run.row.run_id,
                "why": each.why,
            }
            for test in tests
            for each in test.missed
        ],
    }


def _stack_json(stack: StackHistory) -> dict[str, Any]:
    return {
        "stack": stack.deployed.where.stack,
        "from": _iso(stack.start),
        "to": _iso(stack.end),
        "runs": stack.runs,
        "alarms": [
            {
                "alarm": alarm.alarm,
                "fired": len(alarm.firings),
                "seconds_in_alarm": alarm.seconds,
                "median_seconds": alarm.median_seconds,
                "flaps": alarm.flaps,
                "firings": [
                    {"from": _iso(each.start), "to": None if each.end is None else _iso(each.end), "reason": each.reason}
                    for each in alarm.firings
                ],
            }
            for alarm in stack.alarms
        ],
        "not_judged": dict(stack.unjudged),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

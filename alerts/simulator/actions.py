"""Which state changes really tell somebody: actions off, mute windows, and the suppressors of composite alarms.

Source: "How alarm mute rules work" and "Suppressing composite alarm actions" in the CloudWatch user guide. State changes go on while
actions are held back. When nothing holds them back any more and the alarm is still in a state that nobody was told of, its actions are
done then. A composite that goes to ALARM waits for its suppressor; once that has left ALARM, the extension holds back a while longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alerts.simulator.model import State

TELLING = (State.ALARM, State.OK)
"""States whose topics are told, as our stacks declare their alarms; none are told of INSUFFICIENT_DATA."""


@dataclass(frozen=True)
class MuteWindow:
    """A time in which alarms change state but tell nobody: [start, end) in seconds since the epoch; `alarms` are physical names."""

    name: str
    alarms: frozenset[str]
    start: float
    end: float


@dataclass(frozen=True)
class Transition:
    """A state change at a moment (seconds since the epoch), or with `old` the same as `new` actions that were done late.

    `actions` are the topics really told: none when actions are off, muted or suppressed. `muted_by` is the name of the mute window, or
    `suppressor` and the name of the alarm, that held them back.
    """

    alarm: str
    at: float
    old: State
    new: State
    reason: str
    actions: tuple[str, ...]
    muted_by: str | None


@dataclass(frozen=True)
class Hold:
    """A time in which actions are held back: [start, end), and by what."""

    start: float
    end: float
    by: str


@dataclass(frozen=True)
class SuppressorTimes:
    """A suppressor's changes of state, and how long a composite waits before and after (seconds)."""

    name: str
    changes: Sequence[Transition]
    wait: float
    extension: float


def holds_of(
    alarm: str, changes: Sequence[Transition], mutes: Sequence[MuteWindow], suppressor: SuppressorTimes | None
) -> tuple[Hold, ...]:
    """Every time in which an alarm's actions are held back, by their start."""
    found = [Hold(window.start, window.end, window.name) for window in mutes if alarm in window.alarms]
    if suppressor:
        suppressed = list(_suppressed(suppressor))
        found += suppressed
        found += [
            Hold(change.at, change.at + suppressor.wait, f"suppressor {suppressor.name}")
            for change in changes
            if change.new is State.ALARM and held_by(suppressed, change.at) is None and suppressor.wait > 0
        ]
    return tuple(sorted(found, key=lambda hold: (hold.start, hold.end, hold.by)))


def held_by(holds: Sequence[Hold], at: float) -> str | None:
    """What holds actions back at a moment; the first of several."""
    return next((hold.by for hold in holds if hold.start <= at < hold.end), None)


def with_actions(changes: Sequence[Transition], topics: tuple[str, ...], holds: Sequence[Hold], end: float) -> Iterator[Transition]:
    """The changes of one alarm with the topics each told, and the actions that came late, up to `end`."""
    releases = sorted({hold.end for hold in holds if hold.end <= end and held_by(holds, hold.end) is None})
    pending: Transition | None = None
    waiting = list(changes)
    for release in (*releases, math.inf):
        while waiting and waiting[0].at <= release:
            change = waiting.pop(0)
            by = held_by(holds, change.at)
            yield replace(change, actions=topics if by is None and change.new in TELLING else (), muted_by=by)
            pending = None if by is None else replace(change, muted_by=by)
        if pending is not None and release < math.inf:
            if pending.new in TELLING:
                reason = f"Held back by {pending.muted_by} until now; the alarm is still in {pending.new}. {pending.reason}"
                yield Transition(pending.alarm, release, pending.new, pending.new, reason, topics, None)
            pending = None


def _suppressed(suppressor: SuppressorTimes) -> Iterator[Hold]:
    """While the suppressor is in ALARM and for the extension after."""
    since: float | None = None
    by = f"suppressor {suppressor.name}"
    for change in suppressor.changes:
        if change.new is State.ALARM:
            since = change.at
        elif since is not None:
            yield Hold(since, change.at + suppressor.extension, by)
            since = None
    if since is not None:
        yield Hold(since, math.inf, by)

"""One metric alarm over a history: its changes of state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.simulator.actions import Transition
from alerts.simulator.history import Source
from alerts.simulator.judge import Breaches, all_breaches, decide, judge
from alerts.simulator.model import Rule, State
from alerts.simulator.moments import moments
from alerts.simulator.queries import Evaluation, Reading
from alerts.simulator.windows import EXTRA_PERIODS, SeriesValues


def play(
    alarm: str, rule: Rule, evaluation: Evaluation, series: Mapping[Source, SeriesValues], *, start: float, end: float, step: float
) -> list[Transition]:
    """The changes of an alarm from INSUFFICIENT_DATA on, evaluated from `start` to `end` (seconds since the epoch)."""
    reading = Reading(evaluation, series)
    times = moments(evaluation, series, start=start, end=end, step=step)
    seen = _Ahead(rule, evaluation, reading, times) if evaluation.is_local else _Now(rule, reading)
    state = State.INSUFFICIENT_DATA
    known: dict[tuple[Breaches, State], State] = {}
    found: list[Transition] = []
    for now in times:
        key = (seen.breaches(now), state)
        after = known.get(key)
        if after is None:
            after = known[key] = decide(rule, key[0], state)
        if after is not state and (judged := seen.judge(now, state)) is not None:
            found.append(Transition(alarm, now, state, after, judged, (), None))
            state = after
    return found


class _Now:
    """Values computed at each moment, because they depend on all windows of it."""

    def __init__(self, rule: Rule, reading: Reading) -> None:
        self._rule = rule
        self._reading = reading

    def breaches(self, now: int) -> Breaches:
        seen = self._reading.at(now)
        return all_breaches(self._rule, seen.values, seen.bands)

    def judge(self, now: int, state: State) -> str | None:
        """Why the state changes; None when there are too few samples for that."""
        seen = self._reading.at(now)
        return judge(self._rule, seen.values, state, seen.bands).reason if seen.significant else None


class _Ahead(_Now):
    """Values computed once for every window that is ever looked at."""

    def __init__(self, rule: Rule, evaluation: Evaluation, reading: Reading, times: Sequence[int]) -> None:
        super().__init__(rule, reading)
        self._period = evaluation.period
        self._length = evaluation.period * (evaluation.periods + EXTRA_PERIODS)
        starts = sorted({start for now in times for start in self._windows(now)})
        seen = reading.over(starts)
        self._breaches = dict(zip(starts, all_breaches(rule, seen.values, seen.bands), strict=True))

    def breaches(self, now: int) -> Breaches:
        known = self._breaches
        return tuple([known[start] for start in self._windows(now)])

    def _windows(self, now: int) -> range:
        """As `window_starts`, for moments at which CloudWatch evaluates: the youngest window ends there."""
        return range(now - self._length, now, self._period)

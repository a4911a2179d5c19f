"""Runs tests of alarms: simulates what a test gives and holds what happens against what it expects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.simulator import State, UnsupportedError
from alerts.simulator.history import SeriesKey
from alerts.simulator.timeline import MemoryHistory, MuteWindow, Timeline, Transition, simulate
from alerts.specs import MetricAlarm
from alerts.testing.cases import Case, below, series_of, stats_of
from alerts.testing.explain import LATE, judged_values, written
from alerts.testing.model import Expectation, ExpectedTransition

_MINUTE = 60.0


class Shown(StrEnum):
    """What a passed check shows of an alarm."""

    FIRES = "fires"
    QUIET = "stays quiet"
    NO_DATA = "without data"


@dataclass(frozen=True)
class Check:
    """One thing expected of one alarm. `got` and `why` say what happened; `shows` is what it proves when it passed."""

    line: int
    alarm: str
    expected: str
    got: str
    why: str
    passed: bool
    shows: frozenset[Shown] = frozenset()


@dataclass(frozen=True)
class CaseResult:
    """A test that ran: its checks, at least one."""

    case: Case
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


def run_cases(cases: Iterable[Case]) -> Iterator[CaseResult]:
    """Run tests one after the other."""
    for case in cases:
        yield run_case(case)


def run_case(case: Case) -> CaseResult:
    """Simulate a test's alarms on its data and judge every expectation. An alarm the simulator cannot evaluate fails the test by name."""
    try:
        return _run(case)
    except UnsupportedError as error:
        alarm = next(iter(case.spec.alarms))
        return CaseResult(case, (Check(case.line, alarm, "an alarm that can be evaluated", "one that cannot", str(error), passed=False),))


def _run(case: Case) -> CaseResult:
    begin = case.start + case.spec.evaluate_from.total_seconds()
    alarms = case.alarms
    history = MemoryHistory(case.data)
    timeline = simulate(
        alarms,
        history,
        start=begin,
        end=case.end,
        step=min([_MINUTE, *(float(stat.period) for alarm in alarms.metrics for stat in stats_of(alarm))]),
        mutes=[_window(case, index) for index in range(len(case.spec.mutes))],
        late=LATE,
        actions_enabled=case.spec.actions_enabled,
    )
    judge = _Judge(case, timeline, history, begin)
    return CaseResult(case, tuple(judge.checks()))


def _window(case: Case, index: int) -> MuteWindow:
    mute = case.spec.mutes[index]
    names = frozenset(case.deployed.by_key[key].name for key in mute.alarms)
    return MuteWindow(mute.name, names, case.start + mute.start.total_seconds(), case.start + mute.end.total_seconds())


class _Judge:
    """Holds one timeline against one test's expectations."""

    def __init__(self, case: Case, timeline: Timeline, history: MemoryHistory, begin: float) -> None:
        self._case = case
        self._timeline = timeline
        self._history = history
        self._begin = begin

    def checks(self) -> Iterator[Check]:
        spec = self._case.spec
        for index, expectation in enumerate(spec.expect):
            yield self._state(expectation, self._case.file.line("tests", self._case.index, "expect", index))
        for key in dict.fromkeys(each.alarm for each in spec.transitions):
            numbered = [(index, each) for index, each in enumerate(spec.transitions) if each.alarm == key]
            line = self._case.file.line("tests", self._case.index, "transitions", numbered[0][0])
            yield self._story(key, [each for _, each in numbered], line)
        for index, key in enumerate(spec.never):
            yield self._never(key, self._case.file.line("tests", self._case.index, "never", index))

    def _state(self, wanted: Expectation, line: int) -> Check:
        at = self._case.start + wanted.at.total_seconds()
        name = self._name(wanted.alarm)
        state = self._timeline.state_at(name, at)
        since = self._since(name, at)
        told = sorted({topic for each in since for topic in each.actions})
        muted = next((f" (held back by {each.muted_by})" for each in since if each.muted_by), "")
        expected, got = str(wanted.state), str(state)
        passed = state is wanted.state
        if wanted.actions is not None:
            expected += f" telling {_listed(wanted.actions)}"
            got += f" telling {_listed(told)}{muted}"
            passed = passed and told == sorted(wanted.actions)
        shows: set[Shown] = {Shown.FIRES} if state is State.ALARM else set()
        has_data = self._has_data(name, at)
        if not has_data:
            shows.add(Shown.NO_DATA)
        elif state is State.OK:
            shows.add(Shown.QUIET)
        why = "" if passed else self._why(since[0] if since else None, name, at)
        return Check(line, wanted.alarm, f"{expected} at {self._case.moment(at)}", got, why, passed, frozenset(shows))

    def _story(self, key: str, wanted: Sequence[ExpectedTransition], line: int) -> Check:
        found = self._of(self._name(key))
        expected = [self._line(self._case.start + each.at.total_seconds(), each.old, each.new, each.actions) for each in wanted]
        with_actions = [each.actions is not None for each in wanted]
        told = [each.actions if index >= len(wanted) or with_actions[index] else None for index, each in enumerate(found)]
        got = [self._line(each.at, each.old, each.new, actions) for each, actions in zip(found, told, strict=True)]
        shows = frozenset({Shown.FIRES}) if any(each.new is State.ALARM for each in found) else frozenset[Shown]()
        passed = expected == got
        why = "" if passed else "\n".join(f"{self._case.moment(each.at)}: {each.reason}" for each in found)
        return Check(line, key, "; ".join(expected), "; ".join(got) or "no transition", why, passed, shows)

    def _line(self, at: float, old: State, new: State, actions: Sequence[str] | None) -> str:
        telling = "" if actions is None else f" telling {_listed(actions)}"
        return f"{old} -> {new} at {self._case.moment(at)}{telling}"

    def _never(self, key: str, line: int) -> Check:
        name = self._name(key)
        fired = [each for each in self._of(name) if each.new is State.ALARM and each.old is not State.ALARM]
        got = f"ALARM at {self._case.moment(fired[0].at)}" if fired else "no ALARM"
        shows = frozenset({Shown.QUIET if self._has_any(name) else Shown.NO_DATA})
        why = self._why(fired[0], name, fired[0].at) if fired else ""
        return Check(line, key, "never ALARM", got, why, not fired, shows)

    def _name(self, key: str) -> str:
        return self._case.deployed.by_key[key].name

    def _of(self, name: str) -> list[Transition]:
        return [each for each in self._timeline.transitions if each.alarm == name]

    def _since(self, name: str, at: float) -> list[Transition]:
        """The change that brought the state of this moment, and the actions it did late."""
        earlier = [each for each in self._of(name) if each.at <= at]
        changed = max((index for index, each in enumerate(earlier) if each.old is not each.new), default=0)
        return earlier[changed:]

    def _why(self, transition: Transition | None, name: str, at: float) -> str:
        """The simulator's reason, and what the alarm, or each one below it, saw at the moment."""
        first = f"since {self._case.moment(transition.at)}: {transition.reason}" if transition else "it never changed its state before"
        alarm = self._case.deployed.by_name[name]
        if isinstance(alarm, MetricAlarm):
            values = written(judged_values(alarm, self._history, at))
            return f"{first}\nit judged {values} at {self._case.moment(at)} (_ is no data, the latest is last)"
        states = (f"{child} was {self._timeline.state_at(child, at)}" for child in dict.fromkeys(below(alarm)))
        return "\n".join([first, *states])

    def _has_data(self, name: str, at: float) -> bool:
        """Whether a point of any series the alarm reads lies in what it judges at a moment."""
        return any(at - reach <= point.timestamp < at for reach, key in self._reads(name) for point in self._case.data.get(key, ()))

    def _has_any(self, name: str) -> bool:
        """Whether any series the alarm reads has a point while it is evaluated."""
        return any(self._begin - reach <= point.timestamp for reach, key in self._reads(name) for point in self._case.data.get(key, ()))

    def _reads(self, name: str) -> Iterator[tuple[float, SeriesKey]]:
        alarm = self._case.deployed.by_name[name]
        if isinstance(alarm, MetricAlarm):
            for stat in stats_of(alarm):
                yield float(stat.period * alarm.periods), series_of(stat).key
        for child in dict.fromkeys(below(alarm)):
            yield from self._reads(child)


def _listed(topics: Iterable[str]) -> str:
    return ", ".join(sorted(topics)) or "nobody"

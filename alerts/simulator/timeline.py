"""A whole alarm set over a history of metrics: which alarm changed its state when, why, and who was told.

Every alarm begins in INSUFFICIENT_DATA, as a new alarm does, and is evaluated as often as CloudWatch would. Moments at which nothing it
looks at can have changed are skipped. Topics are told when an alarm goes to ALARM or to OK, as our stacks declare it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from alerts.simulator.actions import MuteWindow, SuppressorTimes, Transition, holds_of, with_actions
from alerts.simulator.composite import alarm_name, named_alarms
from alerts.simulator.history import MemoryHistory, MetricHistory, Source
from alerts.simulator.judge import judge_composite
from alerts.simulator.model import Rule, State, UnsupportedError, comparison_of
from alerts.simulator.playback import play
from alerts.simulator.queries import Evaluation, Query
from alerts.simulator.windows import SeriesValues
from alerts.specs import AlarmSet, CompositeAlarm, Late, MetricAlarm, MetricStat

__all__ = ["MemoryHistory", "MetricHistory", "MuteWindow", "Timeline", "Transition", "simulate"]


@dataclass(frozen=True)
class Timeline:
    """What happened, in order of time, then of the alarm set. `names` are all alarms, those that never changed too.

    A transition whose `old` is its `new` is no change of state: an action that was held back (by a mute window or a suppressor) and
    done late.
    """

    transitions: tuple[Transition, ...]
    names: tuple[str, ...] = ()

    def state_at(self, alarm: str, at: float) -> State:
        """The state of an alarm at a moment; INSUFFICIENT_DATA before its first change.

        Raises:
            KeyError: when there is no such alarm.
        """
        if alarm not in self.names:
            raise KeyError(f"alarm {alarm!r}: not in this timeline; there are {', '.join(self.names) or 'none'}")
        times, states = self._by_alarm.get(alarm, ([], []))
        index = bisect_right(times, at)
        return states[index - 1] if index else State.INSUFFICIENT_DATA

    def alarms(self) -> tuple[str, ...]:
        """The physical names of all alarms, in the order of the alarm set."""
        return self.names

    @cached_property
    def _by_alarm(self) -> Mapping[str, tuple[list[float], list[State]]]:
        found: dict[str, tuple[list[float], list[State]]] = {}
        for each in self.transitions:
            times, states = found.setdefault(each.alarm, ([], []))
            times.append(each.at)
            states.append(each.new)
        return found


def simulate(
    alarms: AlarmSet,
    history: MetricHistory,
    *,
    start: float,
    end: float,
    step: float = 60.0,
    mutes: Sequence[MuteWindow] = (),
    late: Mapping[Late, str] = {},
    actions_enabled: bool = True,
) -> Timeline:
    """What the alarms would have done from `start` to `end` (seconds since the epoch, both ends included).

    `step` is the least number of seconds between two evaluations: up to 60 as CloudWatch (10 for high resolution, an hour for an alarm
    over more than a day), a multiple of 60 for a coarser and faster run. `late` gives the values of late dimensions. Points before
    `start` are read as far back as the evaluation ranges reach. A suppressor that is not in the set counts as never in ALARM.

    Raises:
        UnsupportedError: for an alarm that cannot be evaluated, by its name and what it uses.
        ValueError: for a step that is neither up to 60 nor a multiple of 60.
    """
    states: dict[str, tuple[Transition, ...]] = {}
    for alarm in alarms.metrics:
        try:
            states[alarm.name] = tuple(_metric_transitions(alarm, history, start=start, end=end, step=step, late=late))
        except UnsupportedError as error:
            raise UnsupportedError(f"alarm {alarm.name}: {error}") from error
    for alarm in _children_first(alarms.composites):
        states[alarm.name] = tuple(_composite_transitions(alarm, states, start))
    told: list[Transition] = []
    for alarm in (*alarms.metrics, *alarms.composites):
        told += _told(alarm, states, mutes, end) if actions_enabled else states[alarm.name]
    order = {alarm.name: index for index, alarm in enumerate((*alarms.metrics, *alarms.composites))}
    told.sort(key=lambda transition: (transition.at, order[transition.alarm]))
    return Timeline(tuple(told), tuple(order))


def evaluation_of(alarm: MetricAlarm, late: Mapping[Late, str]) -> Evaluation:
    """What a metric alarm reads and computes.

    Raises:
        UnsupportedError: for what is not evaluated here, by name, or a late dimension without a value.
    """
    if alarm.series is not None:
        return Evaluation([Query("m1", _source(alarm.series, late))], rule_of(alarm))
    queries = [
        Query(query.id, _source(query.series, late) if query.series else None, query.expression, query.returns) for query in alarm.queries
    ]
    return Evaluation(queries, rule_of(alarm))


def rule_of(alarm: MetricAlarm) -> Rule:
    """The rule a metric alarm judges by."""
    return Rule(comparison_of(alarm.comparison), alarm.threshold, alarm.periods, alarm.datapoints, alarm.missing_data)


def _metric_transitions(
    alarm: MetricAlarm, history: MetricHistory, *, start: float, end: float, step: float, late: Mapping[Late, str]
) -> list[Transition]:
    evaluation = evaluation_of(alarm, late)
    reach = evaluation.reach
    series = {
        source: SeriesValues(
            history.points(source.namespace, source.metric, dict(source.dimensions), start - reach, end), source.period, source.stat
        )
        for source in evaluation.sources
    }
    return play(alarm.name, rule_of(alarm), evaluation, series, start=start, end=end, step=step)


def _composite_transitions(alarm: CompositeAlarm, states: Mapping[str, Sequence[Transition]], start: float) -> list[Transition]:
    children = named_alarms(alarm.rule)
    unknown = [child for child in children if child not in states]
    if unknown:
        raise UnsupportedError(
            f"alarm {alarm.name}: its rule names {', '.join(unknown)}, not in the alarm set; simulate both stacks as one"
        )
    changes = sorted((each for child in children for each in states[child]), key=lambda each: each.at)
    current = dict.fromkeys(children, State.INSUFFICIENT_DATA)
    state = State.INSUFFICIENT_DATA
    found: list[Transition] = []
    index = 0
    for now in sorted({start, *(each.at for each in changes)}):
        while index < len(changes) and changes[index].at <= now:
            current[changes[index].alarm] = changes[index].new
            index += 1
        judged = judge_composite(alarm.rule, current)
        if judged.state is not state:
            found.append(Transition(alarm.name, now, state, judged.state, judged.reason, (), None))
            state = judged.state
    return found


def _told(
    alarm: MetricAlarm | CompositeAlarm, states: Mapping[str, Sequence[Transition]], mutes: Sequence[MuteWindow], end: float
) -> Iterator[Transition]:
    changes = states[alarm.name]
    suppressor = alarm.suppressor if isinstance(alarm, CompositeAlarm) else None
    times = None
    if suppressor:
        name = alarm_name(suppressor.alarm)
        times = SuppressorTimes(name, states.get(name, ()), suppressor.wait, suppressor.extension)
    return with_actions(changes, tuple(str(topic) for topic in alarm.topics), holds_of(alarm.name, changes, mutes, times), end)


def _children_first(composites: Sequence[CompositeAlarm]) -> list[CompositeAlarm]:
    waiting = {alarm.name: alarm for alarm in composites}
    ordered: list[CompositeAlarm] = []
    while waiting:
        ready = [alarm for alarm in waiting.values() if not waiting.keys() & set(named_alarms(alarm.rule))]
        if not ready:
            raise UnsupportedError(f"composite alarms {', '.join(sorted(waiting))}: they depend on each other in a circle")
        ordered += ready
        for alarm in ready:
            del waiting[alarm.name]
    return ordered


def _source(stat: MetricStat, late: Mapping[Late, str]) -> Source:
    return Source(
        stat.namespace,
        stat.metric,
        tuple(sorted((name, _dimension(value, late)) for name, value in stat.dimensions.items())),
        stat.stat,
        stat.period,
    )


def _dimension(value: Late | str, late: Mapping[Late, str]) -> str:
    if not isinstance(value, Late):
        return value
    if value not in late:
        raise UnsupportedError(f"dimension {value}: its value is only known after deployment; pass it in `late`")
    return late[value]

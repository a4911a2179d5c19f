"""Tests made ready to run: the alarms looked up by key, the series checked against what the alarms read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from alerts.simulator import Point
from alerts.simulator.composite import named_alarms
from alerts.simulator.history import SeriesKey
from alerts.specs import AlarmSet, CompositeAlarm, MetricAlarm, MetricStat
from alerts.testing.loader import AlarmTestsError, ReadFile, selected
from alerts.testing.model import CaseSpec
from alerts.testing.series import NotationError, SeriesName, points, read_series, read_values
from alerts.testing.stacks import Deployed, Stacks, UnknownStackError
from kpis.diagnostics import Diagnostic, nearest

_WORD = re.compile(r"\$\{(\w+)\}")
_KEPT = frozenset({"api_id"})
"""Words that stay as they are: what is only known once the resource exists is written the same in the alarms (`alerts.specs.Late`)."""


@dataclass(frozen=True)
class Case:
    """One test on one stack. `data` are the datapoints by series, `end` the last moment that is judged (seconds since the epoch)."""

    file: ReadFile
    index: int
    spec: CaseSpec
    deployed: Deployed
    data: Mapping[SeriesKey, Sequence[Point]]
    start: float
    end: float

    @property
    def line(self) -> int:
        """Where the test begins in its file."""
        return self.file.line("tests", self.index)

    @property
    def alarms(self) -> AlarmSet:
        """The alarms this test looks at, and what they are made of."""
        return closure(self.deployed, self.spec.alarms)

    def moment(self, seconds: float) -> str:
        """A moment as time since the test's start, such as 45m."""
        return offset(seconds - self.start)


def offset(seconds: float) -> str:
    """A length of time in its largest exact units, such as 1h30m."""
    whole = round(seconds)
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "m"), (whole % 60, "s")]
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def make_cases(files: Sequence[ReadFile], stacks: Stacks, words: str | None = None) -> list[Case]:
    """Every test on every stack it names.

    Raises:
        AlarmTestsError: with every unknown stack, alarm or word, every series that no alarm reads, and when no test is left to run.
    """
    cases: list[Case] = []
    problems: list[Diagnostic] = []
    for read in files:
        targets = list(_targets(read, stacks, problems))
        for (index, spec), deployed in product(selected(read, words), targets):
            wrong = list(_check(read, index, spec, deployed))
            problems += wrong
            if not wrong:
                cases.append(_case(read, index, spec, deployed))
    if not cases and not problems:
        problems.append(Diagnostic(files[0].name if files else ".", 1, "no-tests", f"no test matches '{words}'; zero tests are no success"))
    if problems:
        raise AlarmTestsError(problems)
    return cases


def _targets(read: ReadFile, stacks: Stacks, problems: list[Diagnostic]) -> Iterator[Deployed]:
    target = read.spec.alarms
    if target.deployment is not None:
        yield stacks.deployed(stacks.unnamed(target.deployment, target.tenant, target.environment, target.packs))
    for index, name in enumerate(target.stacks):
        try:
            where = stacks.where(name)
        except UnknownStackError as error:
            problems.append(read.problem("unknown-stack", str(error), "alarms", "stacks", index))
        else:
            yield stacks.deployed(where)


def closure(deployed: Deployed, keys: Iterable[str], *, suppressors: bool = True) -> AlarmSet:
    """The alarms of these keys, and the alarms below the composites among them; in the set's own order.

    Without `suppressors` those that only decide whom a composite tells are left out.
    """
    wanted: set[str] = set()
    waiting = [deployed.by_key[key].name for key in keys]
    while waiting:
        name = waiting.pop()
        alarm = deployed.by_name.get(name)
        if alarm is None or name in wanted:
            continue
        wanted.add(name)
        waiting += below(alarm, suppressors=suppressors)
    sets = (deployed.around, deployed.alarms)
    metrics = tuple(alarm for each in sets for alarm in each.metrics if alarm.name in wanted)
    return AlarmSet(metrics, tuple(alarm for each in sets for alarm in each.composites if alarm.name in wanted))


def below(alarm: MetricAlarm | CompositeAlarm, *, suppressors: bool = True) -> tuple[str, ...]:
    """The physical names of the alarms a composite is made of, and with `suppressors` the one that keeps it from acting."""
    if isinstance(alarm, MetricAlarm):
        return ()
    suppressor = (alarm.suppressor.alarm,) if alarm.suppressor and suppressors else ()
    return (*alarm.children, *named_alarms(alarm.rule), *suppressor)


def stats_of(alarm: MetricAlarm) -> tuple[MetricStat, ...]:
    """Every series an alarm reads."""
    return ((alarm.series,) if alarm.series else ()) + tuple(query.series for query in alarm.queries if query.series)


def series_of(stat: MetricStat) -> SeriesName:
    """The series of a statistic."""
    return SeriesName(stat.namespace, stat.metric, frozenset((name, str(value)) for name, value in stat.dimensions.items()))


def _check(read: ReadFile, index: int, spec: CaseSpec, deployed: Deployed) -> Iterator[Diagnostic]:
    stack, known = deployed.where.stack, deployed.by_key
    for group, position, key in _keys(spec):
        if key not in known:
            text = f"test '{spec.name}': {stack} has no alarm '{key}'{nearest(key, known)}"
            yield read.problem("unknown-alarm", text, "tests", index, *group, *position)
    read_by = {series_of(stat) for alarm in deployed.by_name.values() if isinstance(alarm, MetricAlarm) for stat in stats_of(alarm)}
    for position, given in enumerate(spec.input_series):
        path = ("tests", index, "input_series", position, "series")
        try:
            series = _series(given.series, deployed)
        except NotationError as error:
            yield read.problem("invalid-series", f"test '{spec.name}': {error}", *path)
            continue
        if series not in read_by:
            text = f"test '{spec.name}': no alarm of {stack} reads {series}{nearest(str(series), map(str, read_by))}"
            yield read.problem("unread-series", text, *path)


def _keys(spec: CaseSpec) -> Iterator[tuple[tuple[str, ...], tuple[int | str, ...], str]]:
    for position, each in enumerate(spec.expect):
        yield ("expect",), (position, "alarm"), each.alarm
    for position, change in enumerate(spec.transitions):
        yield ("transitions",), (position, "alarm"), change.alarm
    for position, key in enumerate(spec.never):
        yield ("never",), (position,), key
    for position, mute in enumerate(spec.mutes):
        for inner, key in enumerate(mute.alarms):
            yield ("mutes",), (position, "alarms", inner), key


def _series(text: str, deployed: Deployed) -> SeriesName:
    words = deployed.where.words

    def replaced(match: re.Match[str]) -> str:
        if match[1] in _KEPT:
            return match[0]
        if match[1] not in words:
            raise NotationError(f"'{text}': ${{{match[1]}}} is not known; expected one of {', '.join(sorted({*words, *_KEPT}))}")
        return words[match[1]]

    return read_series(_WORD.sub(replaced, text))


def _case(read: ReadFile, index: int, spec: CaseSpec, deployed: Deployed) -> Case:
    start = spec.start.timestamp()
    data: dict[SeriesKey, list[Point]] = {}
    last = start + spec.evaluate_from.total_seconds()
    for given in spec.input_series:
        interval = (given.interval or spec.interval or read.spec.interval).total_seconds()
        values = read_values(given.values)
        data.setdefault(_series(given.series, deployed).key, []).extend(points(values, start, interval))
        last = max(last, start + len(values) * interval)
    spoken_of = [each.at for each in (*spec.expect, *spec.transitions)] + [mute.end for mute in spec.mutes]
    end = max([last, *(start + each.total_seconds() for each in spoken_of)])
    if spec.until is not None:
        end = start + spec.until.total_seconds()
    return Case(read, index, spec, deployed, {key: sorted(found, key=_when) for key, found in data.items()}, start, end)


def _when(point: Point) -> float:
    return point.timestamp

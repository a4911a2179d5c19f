"""Checks a rendered set of alarms: what CloudWatch would refuse, and what it would take though it can never work.

Refused are names, quotas and forms (PutMetricAlarm and PutCompositeAlarm, CloudWatch API reference). Taken in silence are misspelt
metrics and dimensions, comparisons the wrong way round, runbooks that do not exist: an alarm nobody would miss until it is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from alerts.specs import AlarmSet, Comparison, CompositeAlarm, MetricAlarm, MetricStat, Topic
from alerts.validate_composites import composite_problems
from alerts.validate_math import math_problems
from alerts.validate_thresholds import threshold_problems
from kpis.metric_catalog import check_reference

ROOT = Path(__file__).parents[1]
MAX_NAME = 255
MAX_DESCRIPTION = 1024
MAX_DIMENSIONS = 30
MAX_TOPICS = 5
MAX_TAGS = 50
_HOUR, _DAY, _WEEK = 3600, 86_400, 604_800
_HIGH_RESOLUTION = (10, 20, 30)
_STATISTIC = re.compile(r"Sum|Average|Minimum|Maximum|SampleCount|p(\d{1,2}(\.\d{1,10})?|100)")
_TAG_KEY = re.compile(r"(?!aws:)[\w\s.:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w\s.:/=+\-@]{0,256}")
_HEADING = re.compile(r"^# +(\S.*)$", re.MULTILINE)

Alarm = MetricAlarm | CompositeAlarm


class AlarmError(ValueError):
    """A rendered set of alarms, or of mute rules, that would be refused or would never work; the message lists every problem."""


def problems(alarms: AlarmSet, *, root: Path = ROOT, elsewhere: Collection[str] = ()) -> list[str]:
    """Everything wrong with a stack's alarms, in words, each beginning with the alarm's name; empty when all is well.

    `root` is the repository, where runbooks are looked up; `elsewhere` are physical names of alarms of other stacks.
    """
    every: tuple[Alarm, ...] = (*alarms.metrics, *alarms.composites)
    found = [f"{alarm.name}: {problem}" for alarm in every for problem in (*_words(alarm), *_runbook(alarm, root))]
    found += [f"{alarm.name}: {problem}" for alarm in alarms.metrics for problem in _metric_alarm(alarm)]
    found += [f"{alarm.name}: {problem}" for alarm, problem in composite_problems(alarms, elsewhere)]
    return [*found, *_unique(every)]


def _words(alarm: Alarm) -> Iterator[str]:
    """What every alarm says of itself."""
    if not 1 <= len(alarm.name) <= MAX_NAME:
        yield f"a name of {len(alarm.name)} characters; expected 1 to {MAX_NAME}"
    if not alarm.name.isprintable():
        yield "the name has characters that cannot be printed"
    if len(alarm.description) > MAX_DESCRIPTION:
        yield f"a description of {len(alarm.description)} characters; CloudWatch takes at most {MAX_DESCRIPTION}"
    for what, text in (("owner", alarm.owner), ("dedupe key", alarm.dedupe_key), ("runbook", alarm.runbook)):
        if not text.strip():
            yield f"it has no {what}"
        elif text not in alarm.description:
            yield f"its description does not name the {what} '{text}'"
    yield from _topics(alarm.topics)
    yield from _tags(alarm.tags)


def _topics(topics: Collection[str]) -> Iterator[str]:
    for unknown in sorted(set(topics) - {topic.value for topic in Topic}):
        yield f"topic '{unknown}' does not exist; expected {', '.join(topic.value for topic in Topic)}"
    if not topics:
        yield "it tells nobody; expected at least one topic"
    if len(topics) > MAX_TOPICS:
        yield f"{len(topics)} topics; CloudWatch takes at most {MAX_TOPICS} actions"


def _tags(tags: Mapping[str, str]) -> Iterator[str]:
    if len(tags) > MAX_TAGS:
        yield f"{len(tags)} tags; AWS takes at most {MAX_TAGS}"
    for key, value in sorted(tags.items()):
        if not _TAG_KEY.fullmatch(key):
            yield f"tag '{key}': the key has characters or a length that AWS refuses"
        if not _TAG_VALUE.fullmatch(value):
            yield f"tag '{key}': the value has characters that AWS refuses, or more than 256"


def _runbook(alarm: Alarm, root: Path) -> Iterator[str]:
    """A link that leads somewhere, to a page about this alarm; a KPI's own page only has to be one."""
    if not alarm.runbook.strip():
        return
    path = root / alarm.runbook.partition("#")[0]
    if not path.is_file() or not path.resolve().is_relative_to(root.resolve()):
        yield f"runbook '{alarm.runbook}' does not exist; write it, or name one that does"
        return
    heading = _HEADING.search(path.read_text(encoding="utf-8"))
    if heading is None:
        yield f"runbook '{alarm.runbook}' has no heading; expected a line that starts with '# '"
    elif path.stem == alarm.key and heading[1].split()[0] != alarm.key:
        yield f"runbook '{alarm.runbook}' is about '{heading[1]}'; expected a heading that starts with '# {alarm.key} '"


def _metric_alarm(alarm: MetricAlarm) -> Iterator[str]:
    stats = [alarm.series] if alarm.series else [query.series for query in alarm.queries if query.series]
    for stat in stats:
        yield from _stat(stat)
    if alarm.series and alarm.queries:
        yield "it has both a series and metric math; expected one of them"
    if alarm.series is None:
        yield from math_problems(alarm.queries)
    yield from _periods(alarm, [stat.period for stat in stats])
    yield from threshold_problems(alarm)
    if alarm.comparison not in set(Comparison):
        yield f"comparison '{alarm.comparison}' is unknown; expected {', '.join(each.value for each in Comparison)}"


def _stat(stat: MetricStat) -> Iterator[str]:
    problem = check_reference(stat.namespace, stat.metric, stat.dimensions)
    if problem is not None:
        yield problem
    if not _STATISTIC.fullmatch(stat.stat):
        yield f"{stat.metric}: statistic '{stat.stat}' is unknown; expected Sum, Average, Minimum, Maximum, SampleCount or p0 to p100"
    if stat.period not in _HIGH_RESOLUTION and (stat.period <= 0 or stat.period % 60):
        yield f"{stat.metric}: a period of {stat.period} s; expected 10, 20, 30 or a multiple of 60"
    if len(stat.dimensions) > MAX_DIMENSIONS:
        yield f"{stat.metric}: {len(stat.dimensions)} dimensions; CloudWatch takes at most {MAX_DIMENSIONS}"
    for name, value in sorted(stat.dimensions.items()):
        if not str(value).strip():
            yield f"{stat.metric}: dimension '{name}' has no value"


def _periods(alarm: MetricAlarm, periods: Collection[int]) -> Iterator[str]:
    if alarm.periods < 1 or alarm.datapoints < 1:
        yield f"{alarm.datapoints} of {alarm.periods} datapoints; expected at least 1 of 1"
    elif alarm.datapoints > alarm.periods:
        yield f"{alarm.datapoints} of {alarm.periods} datapoints can never breach; expected at most {alarm.periods}"
    if len(set(periods)) > 1:
        # CloudWatch would judge the math at the longest of them; none of our alarms means that.
        yield f"its series have different periods: {', '.join(str(each) for each in sorted(set(periods)))} s; expected one"
    longest = max(periods, default=0)
    limit = _WEEK if longest >= _HOUR else _DAY
    if longest * alarm.periods > limit:
        yield f"{alarm.periods} periods of {longest} s look back {longest * alarm.periods} s; CloudWatch takes at most {limit}"


def _unique(alarms: Iterable[Alarm]) -> Iterator[str]:
    """Names are upserts and dedupe keys merge: two alarms of one would be one."""
    listed = list(alarms)
    for what, values in (
        ("name", [alarm.name for alarm in listed]),
        ("key", [alarm.key for alarm in listed]),
        ("dedupe key", [alarm.dedupe_key for alarm in listed]),
    ):
        for value, count in sorted(Counter(values).items()):
            if count > 1:
                yield f"{value}: {count} alarms have this {what}; expected one"

"""Alarms and histories for the tests of the simulator's timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from alerts.simulator import MemoryHistory, Point, Timeline, simulate
from alerts.specs import (
    AlarmSet,
    Comparison,
    CompositeAlarm,
    MetricAlarm,
    MetricQuery,
    MetricStat,
    MissingData,
    Severity,
    Suppressor,
    Topic,
)

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NAMESPACE = "N"


def series(metric: str = "Errors", stat: str = "Sum", period: int = MINUTE, **dimensions: Any) -> MetricStat:
    return MetricStat(NAMESPACE, metric, dimensions, stat, period)


def alarm(name: str = "errors", **changes: Any) -> MetricAlarm:
    """Errors over 0 in one of one minute; no data is fine."""
    values: dict[str, Any] = {
        "key": name,
        "name": name,
        "description": name,
        "severity": Severity.HIGH,
        "owner": "ops",
        "dedupe_key": name,
        "runbook": "docs/runbooks/none.md",
        "topics": (Topic.OPS,),
        "series": series(),
        "queries": (),
        "comparison": Comparison.ABOVE,
        "threshold": 0.0,
        "periods": 1,
        "datapoints": 1,
        "missing_data": MissingData.NOT_BREACHING,
        "minimum_samples": 1,
        "tags": {},
    }
    return MetricAlarm(**(values | changes))


def math(*queries: tuple[str, MetricStat | str], **changes: Any) -> MetricAlarm:
    """An alarm on metric math; the last query is judged."""
    made = tuple(
        MetricQuery(name, name, of if isinstance(of, MetricStat) else None, of if isinstance(of, str) else None, index == len(queries))
        for index, (name, of) in enumerate(queries, start=1)
    )
    return alarm(**{"series": None, "queries": made, **changes})


def composite(
    name: str, rule: str, suppressor: Suppressor | None = None, topics: tuple[Topic, ...] = (Topic.CFO_OFFICE,)
) -> CompositeAlarm:
    return CompositeAlarm(name, name, name, Severity.CRITICAL, "ops", name, "docs/runbooks/none.md", topics, rule, (), {}, suppressor)


def history(**metrics: Mapping[float, float]) -> MemoryHistory:
    """Values by their moment in seconds, by metric."""
    return MemoryHistory(
        {(NAMESPACE, metric, frozenset()): [Point.of(at, value) for at, value in values.items()] for metric, values in metrics.items()}
    )


def run(alarms: Iterable[MetricAlarm | CompositeAlarm], past: MemoryHistory, *, end: float, **changes: Any) -> Timeline:
    listed = tuple(alarms)
    metrics = tuple(each for each in listed if isinstance(each, MetricAlarm))
    composites = tuple(each for each in listed if isinstance(each, CompositeAlarm))
    return simulate(AlarmSet(metrics, composites), past, **{"start": 0, "end": end, **changes})


def changes(timeline: Timeline, name: str) -> list[tuple[float, str]]:
    """When the alarm went to which state."""
    return [(each.at, each.new.value) for each in timeline.transitions if each.alarm == name and each.old is not each.new]


def told(timeline: Timeline, name: str) -> list[tuple[float, str]]:
    """When topics were told of which state."""
    return [(each.at, each.new.value) for each in timeline.transitions if each.alarm == name and each.actions]

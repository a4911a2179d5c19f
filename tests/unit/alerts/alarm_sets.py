"""A good set of alarms and ways to change it in one place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import alerts
from alerts import AlarmSet, MetricAlarm, MetricQuery
from tests.unit.alerts.factory import row, summary

WHERE = {"deployment": "local", "region": "us-east-1", "account_id": "123456789012"}
PAGE = ("kpi-local-page",)
PLATFORM = alerts.platform_alarms(summary(row()), **WHERE)
TENANT = alerts.tenant_alarms(summary(row()), tenant_id="acme", environment="prod", **WHERE)


def of(alarms: AlarmSet, key: str) -> MetricAlarm:
    return next(alarm for alarm in alarms.metrics if alarm.key == key)


def with_metric(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    return replace(alarms, metrics=tuple(replace(alarm, **changes) if alarm.key == key else alarm for alarm in alarms.metrics))


def with_series(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    """With other values in the alarm's series, which may stand in its math."""
    alarm = of(alarms, key)
    if alarm.series is not None:
        return with_metric(alarms, key, series=replace(alarm.series, **changes))
    queries = tuple(replace(query, series=replace(query.series, **changes)) if query.series else query for query in alarm.queries)
    return with_metric(alarms, key, queries=queries)


def with_composite(alarms: AlarmSet, key: str, **changes: Any) -> AlarmSet:
    return replace(alarms, composites=tuple(replace(each, **changes) if each.key == key else each for each in alarms.composites))


def with_expression(alarms: AlarmSet, key: str, expression: str) -> AlarmSet:
    queries = tuple(replace(query, expression=expression) if query.returns else query for query in of(alarms, key).queries)
    return with_metric(alarms, key, queries=queries)


def more_series(count: int) -> AlarmSet:
    """An alarm over so many metrics."""
    alarm = of(PLATFORM, "function-errors")
    series = alarm.queries[0].series
    queries = [MetricQuery(f"m{number}", "errors", series) for number in range(count)]
    total = MetricQuery("total", "errors", None, " + ".join(query.id for query in queries), returns=True)
    return with_metric(PLATFORM, "function-errors", queries=(*queries, total))


def wide_rule(count: int) -> tuple[AlarmSet, tuple[str, ...]]:
    """A composite over so many alarms of other stacks."""
    names = tuple(f"other-{number}" for number in range(count))
    rule = " OR ".join(f'ALARM("{name}")' for name in names)
    return with_composite(PLATFORM, "page", rule=rule, children=names), names

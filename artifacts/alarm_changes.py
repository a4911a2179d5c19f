"""What a change does to the CloudWatch alarms of a stack, as sentences."""

from __future__ import annotations

from dataclasses import dataclass

from alerts import AlarmSet, CompositeAlarm, MetricAlarm
from alerts.specs import Comparison
from artifacts.definition_changes import FieldChange, Kind, by_name, kind_of

_SIGNS = {Comparison.ABOVE: ">", Comparison.AT_LEAST: ">=", Comparison.BELOW: "<", Comparison.AT_MOST: "<="}


@dataclass(frozen=True)
class AlarmChange:
    """What happened to an alarm of a stack."""

    stack: str
    alarm: str
    kind: Kind
    fields: tuple[FieldChange, ...]


def alarm_changes(stack: str, before: AlarmSet, after: AlarmSet) -> tuple[AlarmChange, ...]:
    """Every alarm of a stack that is not what it was, by name."""
    old, new = _words(before), _words(after)
    return tuple(
        AlarmChange(stack, name, kind_of(old.get(name), new.get(name)), tuple(by_name(old.get(name, {}), new.get(name, {}))))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )


def _words(alarms: AlarmSet) -> dict[str, dict[str, str]]:
    found = {alarm.name: _metric(alarm) for alarm in alarms.metrics}
    return found | {alarm.name: _composite(alarm) for alarm in alarms.composites}


def _metric(alarm: MetricAlarm) -> dict[str, str]:
    return _common(alarm) | {
        "condition": f"{_measure(alarm)} {_SIGNS.get(alarm.comparison, alarm.comparison.value)} {alarm.threshold:g}",
        "datapoints": f"{alarm.datapoints} of {alarm.periods}",
        "missing data": alarm.missing_data.value,
        "minimum samples": str(alarm.minimum_samples),
    }


def _composite(alarm: CompositeAlarm) -> dict[str, str]:
    return _common(alarm) | {"rule": alarm.rule}


def _common(alarm: MetricAlarm | CompositeAlarm) -> dict[str, str]:
    return {
        "severity": alarm.severity.value,
        "owner": alarm.owner,
        "told": ", ".join(alarm.topics),
        "runbook": alarm.runbook,
        "dedupe key": alarm.dedupe_key,
        "description": alarm.description,
    }


def _measure(alarm: MetricAlarm) -> str:
    if alarm.series is not None:
        where = ", ".join(f"{name}={value}" for name, value in alarm.series.dimensions.items())
        return f"{alarm.series.stat} of {alarm.series.metric} ({where or 'platform'}) over {alarm.series.period} s"
    return "; ".join(f"{query.id} = {query.expression}" for query in alarm.queries if query.expression is not None)

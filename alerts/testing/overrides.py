"""What-if changes of alarms: `sla-breaches.threshold=2`, applied to rendered alarms without touching a template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from alerts.specs import AlarmSet, Comparison, MetricAlarm, MetricStat, MissingData
from alerts.testing.stacks import Deployed
from kpis.common import parse_duration
from kpis.diagnostics import nearest

_Word = TypeVar("_Word", bound=StrEnum)


class OverrideError(ValueError):
    """A change that is not one, or not of an alarm there is; the message says what was expected."""


@dataclass(frozen=True)
class Override:
    """One field of one alarm, as text."""

    alarm: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.alarm}.{self.field}={self.text}"


def read_override(text: str) -> Override:
    """Read `alarm-key.field=value`.

    Raises:
        OverrideError: when it has another form or names no field that can be changed.
    """
    left, equals, value = text.partition("=")
    alarm, _, name = left.strip().rpartition(".")
    if not equals or not alarm or not value.strip():
        raise OverrideError(f"'{text}' is not a change; write alarm-key.field=value, such as sla-breaches.threshold=2")
    if name not in _FIELDS:
        raise OverrideError(f"'{text}': '{name}' cannot be changed; expected one of {', '.join(_FIELDS)}{nearest(name, _FIELDS)}")
    return Override(alarm, name, value.strip())


def override(deployed: Deployed, changes: Iterable[Override]) -> Deployed:
    """The same stack with its alarms changed; changes of alarms it does not have are left to other stacks.

    Raises:
        OverrideError: for a value that does not fit its field, a composite, or more datapoints than periods.
    """
    alarms = {alarm.key: alarm for alarm in deployed.alarms.metrics}
    composites = {alarm.key for alarm in deployed.alarms.composites}
    for change in changes:
        if change.alarm in composites:
            raise OverrideError(f"'{change}': {change.alarm} is a composite alarm; change the alarms it is made of")
        if change.alarm in alarms:
            alarms[change.alarm] = _changed(alarms[change.alarm], change)
    for alarm in alarms.values():
        if not 1 <= alarm.datapoints <= alarm.periods:
            raise OverrideError(f"{alarm.key}: {alarm.datapoints} datapoints out of {alarm.periods} periods; expected 1 to {alarm.periods}")
    return Deployed(deployed.where, AlarmSet(tuple(alarms.values()), deployed.alarms.composites), deployed.around)


def _changed(alarm: MetricAlarm, change: Override) -> MetricAlarm:
    try:
        return _FIELDS[change.field](alarm, change.text)
    except ValueError as error:
        raise OverrideError(f"'{change}': {error}") from error


def _threshold(alarm: MetricAlarm, text: str) -> MetricAlarm:
    return replace(alarm, threshold=float(text))


def _periods(alarm: MetricAlarm, text: str) -> MetricAlarm:
    return replace(alarm, periods=int(text))


def _datapoints(alarm: MetricAlarm, text: str) -> MetricAlarm:
    return replace(alarm, datapoints=int(text))


def _comparison(alarm: MetricAlarm, text: str) -> MetricAlarm:
    return replace(alarm, comparison=_word(Comparison, text))


def _missing_data(alarm: MetricAlarm, text: str) -> MetricAlarm:
    return replace(alarm, missing_data=_word(MissingData, text))


def _period(alarm: MetricAlarm, text: str) -> MetricAlarm:
    """CloudWatch takes 10, 30 and whole minutes."""
    seconds = int(text) if text.isdigit() else int(parse_duration(text).total_seconds())
    if seconds not in (10, 30) and (seconds <= 0 or seconds % 60):
        raise ValueError(f"a period of {seconds} s; expected 10, 30 or whole minutes")

    def changed(stat: MetricStat) -> MetricStat:
        return replace(stat, period=seconds)

    queries = tuple(replace(query, series=changed(query.series)) if query.series else query for query in alarm.queries)
    return replace(alarm, series=changed(alarm.series) if alarm.series else None, queries=queries)


def _word(kind: type[_Word], text: str) -> _Word:
    for each in kind:
        if text.lower() in (each.value.lower(), each.name.lower()):
            return each
    raise ValueError(f"'{text}' is not one of {', '.join(each.value for each in kind)}")


_FIELDS: Mapping[str, Callable[[MetricAlarm, str], MetricAlarm]] = {
    "threshold": _threshold,
    "periods": _periods,
    "datapoints": _datapoints,
    "period": _period,
    "comparison": _comparison,
    "missing_data": _missing_data,
}

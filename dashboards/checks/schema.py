"""The shape of a dashboard body: which widgets, with which properties of which form.

Source: the dashboard body structure in the CloudWatch API reference; custom widgets by the CloudWatch user guide. Checks are plain
functions on parsed JSON, since a thousand dashboards are checked at every render.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from dashboards.checks.quotas import MAX_ALARMS_A_WIDGET, MAX_METRICS_A_WIDGET, MAX_PERIOD

Check = Callable[[Any], str | None]
"""Says what was expected, or None when the value is fine."""

_HIGH_RESOLUTION = frozenset({1, 5, 10, 20, 30})
_MINUTE = 60
_NAMED_STATS = frozenset({"Average", "Sum", "Minimum", "Maximum", "SampleCount", "IQM"})
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
_STAT = re.compile(r"(p|tm|wm|tc|ts)(\d{1,2}(\.\d{1,10})?|100)\Z|(TM|WM|TC|TS|PR)\([\d.%]*:[\d.%]*\)\Z")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_ALARM = re.compile(r"arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+\Z", re.DOTALL)
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9$_-]+)?\Z")


def fine(value: Any, fields: Mapping[str, Check], required: Collection[str]) -> bool:
    """Whether `problems` would have nothing to say; several times as fast, and nearly always true."""
    if type(value) is not dict:
        return False
    found = cast("dict[str, Any]", value)
    try:
        for name, each in found.items():
            if fields[name](each) is not None:
                return False
        for name in required:
            found[name]
    except KeyError:
        return False
    return True


def problems(where: str, kind: str, value: Any, fields: Mapping[str, Check], required: Collection[str]) -> Iterator[str]:
    """Missing, unknown and malformed fields of one object."""
    if not isinstance(value, dict):
        yield f"{where}: is {type(value).__name__}; expected an object"
        return
    found = cast("dict[str, Any]", value)
    for name in required:
        if name not in found:
            yield f"{where}.{name}: missing; a {kind} needs it"
    for name, each in found.items():
        check = fields.get(name)
        if check is None:
            yield f"{where}.{name}: unknown property of a {kind}{_nearest(name, fields)}"
        else:
            expected = check(each)
            if expected is not None:
                yield f"{where}.{name}: is {_shown(each)}; expected {expected}"


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; expected one of {', '.join(sorted(known))}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - keeps a problem on one line


def text(value: Any) -> str | None:
    return None if isinstance(value, str) else "a text"


def filled(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "a text that is not empty"


def flag(value: Any) -> str | None:
    return None if value is True or value is False else "true or false"


def number(value: Any) -> str | None:
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"


def anything(value: Any) -> str | None:
    del value
    return None


def one_of(*words: str) -> Check:
    known = frozenset(words)
    expected = f"one of {', '.join(words)}"
    return lambda value: None if isinstance(value, str) and value in known else expected


def whole(low: int, high: int) -> Check:
    expected = f"a whole number from {low} to {high}"
    return lambda value: None if type(value) is int and low <= value <= high else expected


def shaped(pattern: re.Pattern[str], expected: str) -> Check:
    return lambda value: None if isinstance(value, str) and pattern.match(value) else expected


def list_of(check: Check, low: int, high: int) -> Check:
    """A list with that many items, each of that form."""

    def checked(value: Any) -> str | None:
        if not isinstance(value, list) or not low <= len(cast("list[Any]", value)) <= high:
            return f"a list of {low} to {high}, since CloudWatch takes at most {high}"
        return next((f"{expected} at {at}" for at, each in enumerate(cast("list[Any]", value)) if (expected := check(each))), None)

    return checked


def record(**fields: Check) -> Check:
    """An object with some of these fields."""

    def checked(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "an object"
        for name, each in cast("dict[str, Any]", value).items():
            check = fields.get(name)
            if check is None:
                return f"one of {', '.join(sorted(fields))} instead of '{name}'"
            expected = check(each)
            if expected is not None:
                return f"{expected} as {name}"
        return None

    return checked


def period(value: Any) -> str | None:
    fine = type(value) is int and (value in _HIGH_RESOLUTION or (value % _MINUTE == 0 and 0 < value <= MAX_PERIOD))
    return None if fine else f"1, 5, 10, 20, 30 or a multiple of 60 up to {MAX_PERIOD} seconds"


@lru_cache(maxsize=1024)
def _stat(value: str) -> str | None:
    return None if value in _NAMED_STATS or _STAT.match(value) else "a statistic such as Sum, Average, SampleCount, p95 or TM(2%:98%)"


def stat(value: Any) -> str | None:
    return _stat(value) if isinstance(value, str) else "a statistic"


color = shaped(_COLOR, "a color such as #d62728")
_axis = record(min=number, max=number, label=text, showUnits=flag)
_line = record(value=number, label=text, color=color, fill=one_of("above", "below", "none"), visible=flag, yAxis=one_of("left", "right"))
_moment = record(value=text, label=text, color=color, fill=one_of("before", "after", "none"), visible=flag)
_alarm_arn = shaped(_ALARM, "the ARN of an alarm")

METRIC_OPTIONS: Mapping[str, Check] = {
    "accountId": text,
    "color": color,
    "expression": filled,
    "id": shaped(re.compile(r"[a-z][A-Za-z0-9_]*\Z"), "an id of letters, digits and underscores that starts with a lower-case letter"),
    "label": text,
    "period": period,
    "region": filled,
    "stat": stat,
    "visible": flag,
    "yAxis": one_of("left", "right"),
}
_METRIC: Mapping[str, Check] = {
    "accountId": text,
    "annotations": record(horizontal=list_of(_line, 1, 100), vertical=list_of(_moment, 1, 100), alarms=list_of(_alarm_arn, 1, 100)),
    "end": text,
    "legend": record(position=one_of("right", "bottom", "hidden")),
    "liveData": flag,
    "metrics": list_of(lambda each: None if isinstance(each, list) and each else "a list that is not empty", 1, MAX_METRICS_A_WIDGET),
    "period": period,
    "region": filled,
    "setPeriodToTimeRange": flag,
    "singleValueFullPrecision": flag,
    "sparkline": flag,
    "stacked": flag,
    "start": text,
    "stat": stat,
    "table": anything,
    "timezone": shaped(re.compile(r"[+-]\d{4}\Z"), "an offset such as +0130"),
    "title": text,
    "trend": flag,
    "view": one_of("timeSeries", "singleValue", "gauge", "bar", "pie", "table"),
    "yAxis": record(left=_axis, right=_axis),
}
_LOG: Mapping[str, Check] = {
    "accountId": text,
    "query": shaped(re.compile(r"SOURCE '"), "a query that starts with SOURCE and a log group"),
    "queryLanguage": one_of("CWLI", "SQL", "PPL"),
    "region": filled,
    "stacked": flag,
    "title": text,
    "view": one_of("table", "timeSeries", "bar", "pie"),
}
_ALARMS: Mapping[str, Check] = {
    "alarms": list_of(_alarm_arn, 1, MAX_ALARMS_A_WIDGET),
    "sortBy": one_of("default", "stateUpdatedTimestamp", "timestamp"),
    "states": list_of(one_of("ALARM", "INSUFFICIENT_DATA", "OK"), 1, 3),
    "title": text,
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_about.html
_CUSTOM: Mapping[str, Check] = {
    "endpoint": shaped(_FUNCTION, "the ARN of a Lambda function"),
    "params": lambda value: None if isinstance(value, dict) else "an object",
    "title": text,
    "updateOn": record(refresh=flag, resize=flag, timeRange=flag),
}
_resource = shaped(re.compile(r"AWS::\w+::\w+\Z"), "a resource type")
_EXPLORER: Mapping[str, Check] = {
    "aggregateBy": record(key=text, func=text),
    "labels": list_of(record(key=filled, value=text), 1, 50),
    "metrics": list_of(
        record(metricName=filled, resourceType=shaped(re.compile(r"AWS::\w+::\w+\Z"), "a resource type"), stat=stat), 1, 100
    ),
    "period": period,
    "region": filled,
    "splitBy": text,
    "title": text,
    "widgetOptions": record(
        legend=record(position=one_of("right", "bottom", "hidden")),
        rowsPerPage=whole(1, 1000),
        stacked=flag,
        view=one_of("timeSeries", "singleValue", "bar", "pie"),
        widgetsPerRow=whole(1, 24),
    ),
}
_TEXT: Mapping[str, Check] = {"background": one_of("solid", "transparent"), "markdown": filled}

WIDGETS: Mapping[str, tuple[Mapping[str, Check], tuple[str, ...]]] = {
    "alarm": (_ALARMS, ("alarms",)),
    "custom": (_CUSTOM, ("endpoint",)),
    "explorer": (_EXPLORER, ("metrics", "labels", "region")),
    "log": (_LOG, ("query", "region")),
    "metric": (_METRIC, ("metrics", "region")),
    "text": (_TEXT, ("markdown",)),
}
"""The properties of every kind of widget the product uses, and which of them it needs."""

_DURATION = re.compile(r"-P(?=.)(\d+[YMWD])*(T(\d+[HMS])+)?\Z|\d{4}-\d\d-\d\dT")
BODY: Mapping[str, Check] = {
    "end": text,
    "periodOverride": one_of("auto", "inherit"),
    "start": shaped(_DURATION, "a moment or a time back from now such as -PT24H"),
    "variables": lambda value: None if isinstance(value, list) else "a list",
    "widgets": lambda value: None if isinstance(value, list) else "a list",
}


def widget_is_fine(widget: Any) -> bool:
    """Whether `widget_problems` would have nothing to say; gauges are left to it."""
    try:
        kind, properties = widget["type"], widget["properties"]
        fields, required = WIDGETS[kind]
        return len(widget) == _PARTS and fine(properties, fields, required) and properties.get("view") != "gauge"
    except (KeyError, TypeError):
        return False


def widget_problems(where: str, widget: Any) -> Iterator[str]:
    """What is wrong with the form of one widget; its place on the grid is not looked at."""
    if not isinstance(widget, dict):
        yield f"{where}: expected an object"
        return
    found = cast("dict[str, Any]", widget)
    kind = found.get("type")
    known = WIDGETS.get(kind) if isinstance(kind, str) else None
    if known is None:
        yield f"{where}.type: is {_shown(kind)}; expected one of {', '.join(WIDGETS)}"
        return
    if len(found) != _PARTS or "properties" not in found:
        yield from (f"{where}.{name}: unknown part of a widget" for name in sorted(found.keys() - _PART_NAMES))
        yield from (f"{where}.{name}: missing; every widget needs it" for name in sorted(_PART_NAMES - found.keys()))
    properties: Any = found.get("properties")
    yield from problems(f"{where}.properties", f"{kind} widget", properties, *known)
    if kind == "metric" and _gauge_without_ends(properties):
        yield f"{where}.properties.yAxis.left: a gauge needs min and max"


def _gauge_without_ends(properties: Any) -> bool:
    try:
        return properties["view"] == "gauge" and not {"min", "max"} <= properties["yAxis"]["left"].keys()
    except (KeyError, TypeError, AttributeError):
        return isinstance(properties, dict) and cast("dict[str, Any]", properties).get("view") == "gauge"


_PART_NAMES = frozenset({"type", "x", "y", "width", "height", "properties"})
_PARTS = len(_PART_NAMES)

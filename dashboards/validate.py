"""Checks a dashboard body as CloudWatch does: the emulator takes anything, AWS refuses at `up`.

Source: the dashboard body structure and quotas in the CloudWatch user guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

COLUMNS = 24
MAX_WIDGETS = 500
MAX_METRICS_A_WIDGET = 500
MAX_METRICS = 2500


class DashboardError(ValueError):
    """A rendered dashboard that CloudWatch would refuse."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Placed(_Strict):
    x: int = Field(ge=0, lt=COLUMNS)
    y: int = Field(ge=0)
    width: int = Field(ge=1, le=COLUMNS)
    height: int = Field(ge=1, le=1000)


class _TextProperties(_Strict):
    markdown: str = Field(min_length=1)
    background: Literal["solid", "transparent"] = "solid"


class _Axis(_Strict):
    min: float | None = None
    max: float | None = None
    label: str | None = None
    show_units: bool | None = Field(default=None, alias="showUnits")


class _Axes(_Strict):
    left: _Axis | None = None
    right: _Axis | None = None


class _Line(_Strict):
    value: float
    label: str | None = None
    color: str | None = None


class _Annotations(_Strict):
    horizontal: list[_Line] = []


class _MetricProperties(_Strict):
    title: str
    region: str
    metrics: list[list[str | dict[str, Any]]] = Field(min_length=1, max_length=MAX_METRICS_A_WIDGET)
    view: Literal["timeSeries", "singleValue", "gauge", "bar", "pie", "table"] = "timeSeries"
    stacked: bool = False
    stat: str = Field(default="Average", pattern=r"^(Sum|Average|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?|p100)$")
    period: int = Field(default=300, ge=1, le=86400)
    y_axis: _Axes | None = Field(default=None, alias="yAxis")
    annotations: _Annotations | None = None


class _LogProperties(_Strict):
    title: str
    region: str
    query: str = Field(pattern=r"^SOURCE '")
    view: Literal["table", "timeSeries", "bar", "pie"] = "table"


class _AlarmProperties(_Strict):
    title: str
    alarms: list[Annotated[str, Field(pattern=r"^arn:aws:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+$")]] = Field(min_length=1, max_length=100)


class _TextWidget(_Placed):
    type: Literal["text"]
    properties: _TextProperties


class _MetricWidget(_Placed):
    type: Literal["metric"]
    properties: _MetricProperties


class _LogWidget(_Placed):
    type: Literal["log"]
    properties: _LogProperties


class _AlarmWidget(_Placed):
    type: Literal["alarm"]
    properties: _AlarmProperties


class _Choice(_Strict):
    value: str
    label: str | None = None


class _Variable(_Strict):
    type: Literal["property", "pattern"]
    property: str | None = None
    pattern: str | None = None
    input_type: Literal["input", "radio", "select"] = Field(alias="inputType")
    id: str
    label: str | None = None
    visible: bool = True
    default_value: str | None = Field(default=None, alias="defaultValue")
    search: str | None = None
    populate_from: str | None = Field(default=None, alias="populateFrom")
    values: list[_Choice] | None = None


_Widget = Annotated[_TextWidget | _MetricWidget | _LogWidget | _AlarmWidget, Field(discriminator="type")]


class _Body(_Strict):
    widgets: list[_Widget] = Field(max_length=MAX_WIDGETS)
    variables: list[_Variable] = Field(default=[], max_length=25)


_BODY: TypeAdapter[_Body] = TypeAdapter(_Body)


def problems(body: str) -> list[str]:
    """Everything wrong with a body, in words; empty when CloudWatch takes it."""
    try:
        parsed = _BODY.validate_json(body)
    except ValidationError as error:
        return [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    return [*_geometry(parsed), *_metrics(parsed), *_variables(parsed)]


def _geometry(body: _Body) -> Iterator[str]:
    taken: dict[tuple[int, int], int] = {}
    for number, widget in enumerate(body.widgets):
        if widget.x + widget.width > COLUMNS:
            yield f"widgets.{number}: x {widget.x} and width {widget.width} go beyond {COLUMNS} columns"
        cells = [(x, y) for x in range(widget.x, widget.x + widget.width) for y in range(widget.y, widget.y + widget.height)]
        clash = next((taken[cell] for cell in cells if cell in taken), None)
        if clash is not None:
            yield f"widgets.{number}: overlaps widgets.{clash}"
        taken.update(dict.fromkeys(cells, number))


def _metrics(body: _Body) -> Iterator[str]:
    total = 0
    for number, widget in enumerate(body.widgets):
        if not isinstance(widget, _MetricWidget):
            continue
        total += len(widget.properties.metrics)
        ids: set[str] = set()
        for index, metric in enumerate(widget.properties.metrics):
            yield from (f"widgets.{number}.properties.metrics.{index}: {problem}" for problem in _metric(metric, ids))
    if total > MAX_METRICS:
        yield f"widgets: {total} metrics; CloudWatch takes at most {MAX_METRICS} a dashboard"


def _metric(metric: list[str | dict[str, Any]], ids: set[str]) -> Iterator[str]:
    options: dict[str, Any] = metric[-1] if metric and isinstance(metric[-1], dict) else {}
    words = metric[:-1] if options else metric
    if not all(isinstance(word, str) for word in words):
        yield "options belong at the end"
    elif not words and "expression" not in options:
        yield "neither a metric nor an expression"
    elif words and ("expression" in options or len(words) % 2 or len(words) == 0):
        yield "expected namespace, name and pairs of dimension and value"
    own = options.get("id")
    if own is not None and own in ids:
        yield f"id '{own}' is used twice in the widget"
    if own is not None:
        ids.add(own)


def _variables(body: _Body) -> Iterator[str]:
    ids: set[str] = set()
    for number, variable in enumerate(body.variables):
        if variable.id in ids:
            yield f"variables.{number}: id '{variable.id}' is used twice"
        ids.add(variable.id)
        if (variable.property is None) != (variable.type == "pattern") or (variable.pattern is None) != (variable.type == "property"):
            yield f"variables.{number}: a {variable.type} variable needs '{variable.type}' and not the other"
        if (variable.search is None) != (variable.populate_from is None):
            yield f"variables.{number}: search and populateFrom go together"

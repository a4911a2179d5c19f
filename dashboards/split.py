"""Cuts a dashboard that would exceed a quota into parts `name-1`, `name-2`, ... with links between; the same cut for the same body.

Every part begins with the dashboard's heading. Rows of widgets stay together, in their order. A graph with too many metrics
becomes several graphs below each other, unless metric math holds its metrics together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dashboards.checks.quotas import MAX_BODY_BYTES, MAX_METRICS, MAX_METRICS_A_WIDGET, MAX_WIDGETS

Body = dict[str, Any]
Widget = dict[str, Any]
_NAVIGATION_HEIGHT = 1
# The JSON around widgets, and the navigation, whose length grows with the number of parts.
_FRAME_BYTES = 20_000


@dataclass(frozen=True)
class Quotas:
    """What one dashboard may have."""

    widgets: int = MAX_WIDGETS
    metrics_a_widget: int = MAX_METRICS_A_WIDGET
    metrics: int = MAX_METRICS
    body_bytes: int = MAX_BODY_BYTES


AWS = Quotas()


@dataclass(frozen=True)
class Band:
    """Widgets that share rows, and so stay together."""

    widgets: tuple[Widget, ...]
    top: int
    bottom: int
    metrics: int
    size: int


def fits(body: Body, size: int, quotas: Quotas = AWS) -> bool:
    """Whether CloudWatch takes the body whole; `size` in bytes."""
    widgets: list[Widget] = body["widgets"]
    counts = [_metrics_of(widget) for widget in widgets if widget["type"] == "metric"]
    return (
        len(widgets) <= quotas.widgets
        and sum(counts) <= quotas.metrics
        and max(counts, default=0) <= quotas.metrics_a_widget
        and size <= quotas.body_bytes
    )


def parts_of(body: Body, name: str, address: Callable[[str], str], quotas: Quotas = AWS) -> list[tuple[str, Body]]:
    """Names and bodies of the parts; `address` gives the console's address of a dashboard by name.

    One row of widgets that exceeds a quota by itself makes a part of its own, which validation then refuses.
    """
    widgets = [piece for widget in body["widgets"] for piece in _pieces(widget, quotas)]
    heading, *rows = _bands(_stacked(widgets))
    groups = _filled(heading, rows, quotas)
    if len(groups) == 1:
        return [(name, body | {"widgets": _placed(heading, groups[0], None)})]
    names = [f"{name}-{number}" for number in range(1, len(groups) + 1)]
    found: list[tuple[str, Body]] = []
    for own, group in zip(names, groups, strict=True):
        placed = _placed(heading, group, _navigation(own, names, address))
        found.append((own, _with_variables(body | {"widgets": placed})))
    return found


def _metrics_of(widget: Widget) -> int:
    return len(widget["properties"]["metrics"])


def _pieces(widget: Widget, quotas: Quotas) -> list[Widget]:
    """The widget, or several with a share of its metrics each."""
    if widget["type"] != "metric" or _metrics_of(widget) <= quotas.metrics_a_widget:
        return [widget]
    metrics: list[Any] = widget["properties"]["metrics"]
    if any(isinstance(line[-1], dict) and ("expression" in line[-1] or "id" in line[-1]) for line in metrics):
        return [widget]
    cuts = range(0, len(metrics), quotas.metrics_a_widget)
    return [
        widget
        | {
            "properties": widget["properties"]
            | {
                "metrics": metrics[start : start + quotas.metrics_a_widget],
                "title": f"{widget['properties']['title']} ({at} of {len(cuts)})",
            }
        }
        for at, start in enumerate(cuts, start=1)
    ]


def _stacked(widgets: Sequence[Widget]) -> list[Widget]:
    """Pieces of one widget below each other; everything under them moves down."""
    found: list[Widget] = []
    shift = 0
    last: tuple[int, int] | None = None
    for widget in sorted(widgets, key=lambda each: (each["y"], each["x"])):
        place = (widget["x"], widget["y"])
        if place == last:
            shift += widget["height"]
        last = place
        found.append(widget | {"y": widget["y"] + shift})
    return found


def _bands(widgets: Sequence[Widget]) -> list[Band]:
    bands: list[Band] = []
    row: list[Widget] = []
    bottom = 0
    for widget in widgets:
        if row and widget["y"] >= bottom:
            bands.append(_band(row, bottom))
            row = []
        row.append(widget)
        bottom = max(bottom, widget["y"] + widget["height"])
    return [*bands, _band(row, bottom)]


def _band(widgets: Sequence[Widget], bottom: int) -> Band:
    metrics = sum(_metrics_of(widget) for widget in widgets if widget["type"] == "metric")
    size = sum(len(orjson.dumps(widget)) + 1 for widget in widgets)
    return Band(tuple(widgets), min(widget["y"] for widget in widgets), bottom, metrics, size)


def _filled(heading: Band, rows: Sequence[Band], quotas: Quotas) -> list[list[Band]]:
    """Rows by part: as many as fit beside the heading and the navigation."""
    groups: list[list[Band]] = [[]]
    fixed = (len(heading.widgets) + 1, heading.metrics, heading.size + _FRAME_BYTES)
    used = fixed
    for row in rows:
        after = (used[0] + len(row.widgets), used[1] + row.metrics, used[2] + row.size)
        if groups[-1] and (after[0] > quotas.widgets or after[1] > quotas.metrics or after[2] > quotas.body_bytes):
            groups.append([])
            after = (fixed[0] + len(row.widgets), fixed[1] + row.metrics, fixed[2] + row.size)
        groups[-1].append(row)
        used = after
    return groups


def _placed(heading: Band, rows: Sequence[Band], navigation: Widget | None) -> list[Widget]:
    """Heading, navigation and rows without gaps between them."""
    widgets = list(heading.widgets)
    top = heading.bottom
    if navigation is not None:
        widgets.append(navigation | {"y": top})
        top += _NAVIGATION_HEIGHT
    for row in rows:
        widgets += [widget | {"y": widget["y"] - row.top + top} for widget in row.widgets]
        top += row.bottom - row.top
    return widgets


def _navigation(own: str, names: Sequence[str], address: Callable[[str], str]) -> Widget:
    links = " · ".join(f"**{at}**" if name == own else f"[{at}]({address(name)})" for at, name in enumerate(names, start=1))
    text = f"Part {names.index(own) + 1} of {len(names)}: {links}"
    properties = {"markdown": text, "background": "transparent"}
    return {"type": "text", "x": 0, "y": 0, "width": 24, "height": _NAVIGATION_HEIGHT, "properties": properties}


def _with_variables(body: Body) -> Body:
    """Only variables that the widgets of this part use."""
    text = orjson.dumps(body["widgets"]).decode()
    used = [each for each in body.get("variables", []) if str(each.get("pattern") or each.get("property")) in text]
    return body | {"variables": used} if used else {key: value for key, value in body.items() if key != "variables"}

"""Checks a dashboard body as CloudWatch does, and what CloudWatch takes silently and then shows nothing of.

The emulator takes anything, and so does AWS where a metric, an alarm or a link does not exist: here they are problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

import orjson

from dashboards.checks import geometry, metrics, references, schema, variables
from dashboards.checks.quotas import MAX_BODY_BYTES, MAX_WIDGETS
from dashboards.checks.references import Known

__all__ = ["DashboardError", "Known", "body_problems", "problems"]

NOTHING_KNOWN = Known()


class DashboardError(ValueError):
    """A rendered dashboard that CloudWatch would refuse, or would take and show nothing of."""


def problems(body: str | bytes, known: Known = NOTHING_KNOWN) -> list[str]:
    """Everything wrong with a body, in words; empty when it may be deployed."""
    size = len(body.encode() if isinstance(body, str) else body)
    found = [f"body: {size:,} bytes; at most {MAX_BODY_BYTES:,}"] if size > MAX_BODY_BYTES else []
    try:
        parsed: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return [*found, f"body: is not JSON: {error}"]
    return [*found, *body_problems(parsed, known)]


def body_problems(parsed: Any, known: Known = NOTHING_KNOWN) -> Iterator[str]:
    """The same for a body that is parsed already; its size is not looked at."""
    if not schema.fine(parsed, schema.BODY, ("widgets",)):
        yield from schema.problems("body", "dashboard", parsed, schema.BODY, ("widgets",))
    body = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    found: Any = body.get("widgets")
    widgets = cast("list[Any]", found) if isinstance(found, list) else []
    if len(widgets) > MAX_WIDGETS:
        yield f"widgets: {len(widgets):,}; CloudWatch takes at most {MAX_WIDGETS} a dashboard"
    placed: list[dict[str, Any]] = [widget if isinstance(widget, dict) else {} for widget in widgets]
    yield from geometry.problems(placed)
    counts: list[int] = []
    for at, widget in enumerate(widgets):
        if not schema.widget_is_fine(widget):
            yield from schema.widget_problems(f"widgets.{at}", widget)
        if isinstance(widget, dict):
            yield from _content(f"widgets.{at}.properties", cast("dict[str, Any]", widget), known, counts)
    yield from metrics.total_problems(counts)
    declared: Any = body.get("variables")
    if isinstance(declared, list) and declared:
        yield from variables.problems(cast("list[Any]", declared), widgets)


def _content(where: str, widget: dict[str, Any], known: Known, counts: list[int]) -> Iterable[str]:
    """What is wrong with what a widget shows; its form is checked already."""
    kind, properties = widget.get("type"), widget.get("properties")
    if not isinstance(properties, dict):
        return ()
    inner = cast("dict[str, Any]", properties)
    if kind != "metric":
        return references.problems(where, str(kind), inner, known)
    lines: Any = inner.get("metrics")
    if not isinstance(lines, list):
        return ()
    counts.append(len(cast("list[Any]", lines)))
    return metrics.widget_problems(f"{where}.metrics", cast("list[Any]", lines))

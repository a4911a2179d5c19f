"""What CloudWatch sends to a custom widget, read and checked.

The event holds the widget's parameters (or those of a click) and `widgetContext`. Tenant and environment come from the parameters
only; what a person typed into a form may narrow a table, never widen it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

DEFAULT_RANGE = timedelta(days=1)
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_NOT_CHOSEN = "kpi-variable-"
"""How an unset variable of our dashboards begins."""
_FORMS: Mapping[str, tuple[str, str]] = {
    "tenant_id": (r"[a-z][a-z0-9_-]{0,62}", "a tenant's id, such as acme"),
    "environment": (r"dev|stg|prod", "dev, stg or prod"),
    "pack": (r"[a-z][a-z0-9_-]{0,62}", "a pack's id, or all"),
    "kpi_id": (r"[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,10}){1,3}", "a KPI's id, such as CFO-EF-02"),
    "run_id": (r"\d{1,19}", "a run's id, up to 19 digits"),
    "version": (r"\d+\.\d+\.\d+", "a version, such as 1.0.0"),
    "before": (r"\d+\.\d+\.\d+", "a version, such as 1.0.0"),
    "portal": (r"https://[^\s<>\"'`\\]+", "an address that starts with https://"),
    "docs": (r"https://[^\s<>\"'`\\]+", "an address that starts with https://"),
}
_FROM_FORMS = ("kpi_id", "pack")
_KEPT_BY_CLICKS = ("tenant_id", "environment", "portal", "docs")


class WidgetError(Exception):
    """The request cannot be answered; the message is for the person at the dashboard."""


@dataclass(frozen=True)
class Request:
    """One question. `since` and `until` are the dashboard's time range, `endpoint` the ARN under which the function was called."""

    widget: str
    tenant_id: str
    environment: str
    since: datetime
    until: datetime
    endpoint: str
    limit: int = DEFAULT_LIMIT
    pack: str | None = None
    kpi_id: str | None = None
    run_id: str | None = None
    version: str | None = None
    before: str | None = None
    portal: str | None = None
    docs: str | None = None

    def click(self, widget: str, **params: str) -> dict[str, str]:
        """The parameters of a click that asks for something else about the same tenant."""
        kept = {name: value for name in _KEPT_BY_CLICKS if (value := getattr(self, name)) is not None}
        return {"widget": widget, **kept, **params}


def read(event: Mapping[str, Any], endpoint: str, now: datetime) -> Request:
    """The request in an event.

    Raises:
        WidgetError: naming the first parameter that is missing or has another form.
    """
    context = _mapping(event.get("widgetContext"))
    own = _mapping(context.get("params"))
    forms = _mapping(_mapping(context.get("forms")).get("all"))
    found: dict[str, str] = {}
    for name, (pattern, expected) in _FORMS.items():
        value = event.get(name, own.get(name) if name in _KEPT_BY_CLICKS else None)
        if name in _FROM_FORMS and forms.get(name):
            value = forms[name]
        if value is None or value == "" or (isinstance(value, str) and value.startswith(_NOT_CHOSEN)):
            continue
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise WidgetError(f"{name} is {str(value)[:80]!r}; expected {expected}")
        found[name] = value
    if found.get("pack") == "all":
        del found["pack"]
    for name in ("tenant_id", "environment"):
        if name not in found:
            raise WidgetError(f"{name} is missing; choose it above, or give it in the widget's parameters")
    since, until = _range(_mapping(context.get("timeRange")), now)
    widget = event.get("widget")
    return Request(
        widget=widget if isinstance(widget, str) else "", since=since, until=until, endpoint=endpoint, limit=_limit(event), **found
    )


def _range(given: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    """The time range of the dashboard, zoomed in when it is; the last day where there is none. Moments are milliseconds of the epoch."""
    for part in (_mapping(given.get("zoom")), given):
        start, end = part.get("start"), part.get("end")
        if isinstance(start, int | float) and isinstance(end, int | float) and 0 <= start < end < _END_OF_TIME:
            return datetime.fromtimestamp(start / 1000, UTC), datetime.fromtimestamp(end / 1000, UTC)
    return now - DEFAULT_RANGE, now


_END_OF_TIME = 4_102_444_800_000  # the year 2100


def _limit(event: Mapping[str, Any]) -> int:
    value = event.get("limit", DEFAULT_LIMIT)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_LIMIT:
        raise WidgetError(f"limit is {str(value)[:80]!r}; expected a whole number from 1 to {MAX_LIMIT}")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}

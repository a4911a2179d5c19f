"""What is answered about reports that were made."""

from __future__ import annotations

from lambdas.api.control.responses import Answer
from lambdas.domain.reports.made import Format


class ReportItem(Answer):
    """A report about `[start, end)`: so many KPIs, of which `attention` should be looked at. `url` gives it until `url_expires_at`."""

    label: str
    about: str
    start: str
    end: str
    made_at: str
    format: Format
    bytes: int
    kpis: int
    attention: int
    url: str
    url_expires_at: str


class ReportPage(Answer):
    """Reports, the newest first."""

    items: tuple[ReportItem, ...]
    next_cursor: str | None

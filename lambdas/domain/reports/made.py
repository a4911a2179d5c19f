"""Reports that were made, and links to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Format(StrEnum):
    """In which form a report is kept."""

    HTML = "html"
    CSV = "csv"


@dataclass(frozen=True)
class ReportPlace:
    """Which report: of a subscription about a span, in a form."""

    tenant_id: str
    environment: str
    subscription_id: str
    label: str
    form: Format


class Links(Protocol):
    """Links to reports."""

    def link(self, place: ReportPlace) -> str:
        """A URL that gives the report to whoever has it, for `LINK_TIME` (lambdas.domain.links)."""
        ...

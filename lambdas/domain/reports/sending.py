"""Making reports when they are due and telling whoever subscribed (K24).

A report is kept as a file, noted, and told, in this order; only then is the subscription marked. A worker that dies in between does it
again: the file is replaced by an equal one, and at worst people are told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.redact import message_of
from lambdas.domain.reports.content import Report, RunLogs, Subject, lines
from lambdas.domain.reports.made import Format, ReportPlace
from lambdas.domain.reports.render import render, summary
from lambdas.domain.reports.spans import Frequency, Span, latest
from lambdas.domain.tenants.alerts import mark, subject_line
from lambdas.domain.tenants.listeners import ReportSubscription
from lambdas.domain.timestamps import iso

EVENT = "kpi.report"
_NAMED = 5
Tell = Callable[[str, str, str, str, Mapping[str, Any], Sequence[str]], None]
"""Tells the targets of a tenant in an environment that have one of the marks: event, subject, body, marks."""


class Catalog(Protocol):
    """Who subscribed to what, which KPIs that is, and the tenant's time zone."""

    def subscriptions(self, tenant_id: str, environment: str) -> Iterable[tuple[str, ReportSubscription]]: ...

    def subjects(self, tenant_id: str, environment: str, about: ReportSubscription) -> tuple[Sequence[Subject], int]:
        """KPIs that run, by id, and how many more there are."""
        ...

    def timezone(self, tenant_id: str, environment: str) -> str | None:
        """None when no stack registered the tenant."""
        ...


class Shelf(Protocol):
    """Where reports are kept and noted."""

    def keep(self, place: ReportPlace, content: bytes) -> None: ...

    def note(self, place: ReportPlace, facts: Mapping[str, Any]) -> None: ...


class Marks(Protocol):
    """Up to which span a subscription was served."""

    def reported(self, tenant_id: str, environment: str, subscription_id: str) -> str | None: ...

    def mark_reported(self, tenant_id: str, environment: str, subscription_id: str, label: str) -> None: ...


@dataclass(frozen=True)
class Reporting:
    """Reports of tenants."""

    catalog: Catalog
    logs: RunLogs
    shelf: Shelf
    marks: Marks
    tell: Tell
    now: Callable[[], datetime]

    def serve(self, tenant_id: str, environment: str) -> list[str]:
        """Make and tell what is due; answers `subscription label` of each.

        A subscription that nobody has looked at yet is only marked: its first report is about the span that is under way.

        Raises:
            KpiError: INTERNAL naming subscriptions that could not be served; the others were.
        """
        timezone = self.catalog.timezone(tenant_id, environment)
        if timezone is None:
            return []
        served: list[str] = []
        failures: list[str] = []
        for subscription_id, subscription in self.catalog.subscriptions(tenant_id, environment):
            span = latest(Frequency(subscription.frequency), self.now(), timezone)
            try:
                before = self.marks.reported(tenant_id, environment, subscription_id)
                if before == span.label:
                    continue
                if before is not None:
                    self._report(tenant_id, environment, subscription_id, subscription, span, timezone)
                    served.append(f"{subscription_id} {span.label}")
                self.marks.mark_reported(tenant_id, environment, subscription_id, span.label)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others are served
                failures.append(f"{subscription_id}: {message_of(error)}")
        if failures:
            what = f"{len(failures)} {'report' if len(failures) == 1 else 'reports'} of {tenant_id}.{environment} could not be made"
            raise KpiError(ErrorCode.INTERNAL, f"{what}: {'; '.join(failures[:_NAMED])}")
        return served

    def _report(
        self, tenant_id: str, environment: str, subscription_id: str, subscription: ReportSubscription, span: Span, timezone: str
    ) -> None:
        subjects, left_out = self.catalog.subjects(tenant_id, environment, subscription)
        report = Report(
            tenant_id=tenant_id,
            environment=environment,
            about=subscription.kpi_id or f"pack {subscription.pack}",
            span=span,
            made_at=iso(self.now()),
            timezone=timezone,
            lines=lines(self.logs, tenant_id, environment, subjects, span),
            left_out=left_out,
        )
        place = ReportPlace(tenant_id, environment, subscription_id, span.label, Format(subscription.format))
        content = render(report, place.form)
        self.shelf.keep(place, content)
        facts = {
            "about": report.about,
            "start": iso(span.start),
            "end": iso(span.end),
            "kpis": len(report.lines),
            "attention": report.attention,
        }
        self.shelf.note(place, facts | {"format": place.form.value, "bytes": len(content), "made_at": report.made_at})
        told = facts | {"event": EVENT, "tenant_id": tenant_id, "environment": environment, "period": span.label}
        where = f"GET /report-subscriptions/{subscription_id}/reports?environment={environment}"
        subject = subject_line(f"KPI report {report.about}, {span.label} ({tenant_id} {environment})")
        marks = sorted({mark(target) for target in subscription.targets})
        self.tell(tenant_id, environment, EVENT, subject, told | {"summary": summary(report), "report": where}, marks)

"""Reports that were made for a subscription, over HTTP (K24)."""

from __future__ import annotations

from lambdas.api import cursors
from lambdas.api.control.asked import Asked, Reply
from lambdas.api.control.ports import Ports
from lambdas.api.control.reports_models import ReportItem, ReportPage
from lambdas.api.control.requests import List, Nothing
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.links import LINK_TIME
from lambdas.domain.reports.made import Format, ReportPlace
from lambdas.domain.tenants import keys
from lambdas.domain.timestamps import iso


def reports(ports: Ports, asked: Asked[Nothing, List]) -> Reply:
    """Reports of a subscription, also of one that was taken away since."""
    where, subscription_id = asked.where, asked.where.params["subscription_id"]
    store, prefix = ports.plane.store, keys.made_reports(where.environment, subscription_id)
    made = sorted(store.rows(where.tenant_id, prefix), key=_position, reverse=True)
    if not made and store.row(where.tenant_id, keys.report(where.environment, subscription_id)) is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no report subscription {subscription_id} in {where.environment}")
    before = cursors.decode(where.query.cursor)
    left = [row for row in made if before is None or _position(row) < before]
    page = left[: where.query.limit]
    expires = iso(ports.plane.clock.now() + LINK_TIME)

    def item(row: Row) -> ReportItem:
        place = ReportPlace(where.tenant_id, where.environment, subscription_id, row.key.removeprefix(prefix), Format(row.text("format")))
        return ReportItem(
            label=place.label,
            about=row.text("about"),
            start=row.text("start"),
            end=row.text("end"),
            made_at=row.text("made_at"),
            format=place.form,
            bytes=int(row.values["bytes"]),
            kpis=int(row.values["kpis"]),
            attention=int(row.values["attention"]),
            url=ports.reads.reports.link(place),
            url_expires_at=expires,
        )

    more = len(left) > len(page)
    return Reply(ReportPage(items=tuple(map(item, page)), next_cursor=cursors.encode(_position(page[-1])) if more else None))


def _position(row: Row) -> str:
    """Where a report is in the order of time; a week and a month may end at the same moment."""
    return f"{row.text('end')} {row.key}"

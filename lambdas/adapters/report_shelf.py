"""Reports on AWS: files in S3, what is known of them in the catalog table, subscriptions and KPIs from the catalog.

Each file (see `report_links`) has a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lambdas.adapters.alert_topics import report_subscriptions
from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.items import to_item
from lambdas.adapters.report_links import object_key
from lambdas.domain.control import keys
from lambdas.domain.reports.content import MOST_KPIS, Subject
from lambdas.domain.reports.made import Format, ReportPlace
from lambdas.domain.tenants import keys as tenant_keys
from lambdas.domain.tenants.listeners import ReportSubscription

_TYPES = {Format.HTML: "text/html; charset=utf-8", Format.CSV: "text/csv; charset=utf-8"}


class ReportShelf:
    """`Shelf` in one bucket and one table."""

    def __init__(self, clients: Clients, bucket: str, table: str) -> None:
        self._clients = clients
        self._bucket = bucket
        self._table = table

    def keep(self, place: ReportPlace, content: bytes) -> None:
        """Store the file; the same one again replaces it."""
        self._clients("s3").put_object(Bucket=self._bucket, Key=object_key(place), Body=content, ContentType=_TYPES[place.form])

    def note(self, place: ReportPlace, facts: Mapping[str, Any]) -> None:
        """Write what is known of it."""
        key = tenant_keys.made_report(place.environment, place.subscription_id, place.label)
        self._clients("dynamodb").put_item(TableName=self._table, Item=to_item({"pk": place.tenant_id, "sk": key, **facts}))


class SubscribedCatalog:
    """`Catalog` of reports on the catalog table."""

    def __init__(self, catalog: DynamoCatalog) -> None:
        self._catalog = catalog

    def subscriptions(self, tenant_id: str, environment: str) -> Iterator[tuple[str, ReportSubscription]]:
        """Subscriptions by id."""
        return report_subscriptions(self._catalog, tenant_id, environment)

    def subjects(self, tenant_id: str, environment: str, about: ReportSubscription) -> tuple[Sequence[Subject], int]:
        """KPIs that run, by id, and how many more there are."""
        prefix = keys.versions(environment, about.kpi_id) if about.kpi_id else f"{environment}#kpi#"
        running = {
            (str(row["kpi_id"]), str(row["contract_version"]))
            for row in self._catalog.rows(tenant_id, keys.active(environment, about.kpi_id or ""), ("kpi_id", "contract_version"))
        }
        found = [
            Subject(str(row["kpi_id"]), str(row["name"]), str(row["contract_version"]))
            for row in self._catalog.rows(tenant_id, prefix, ("kpi_id", "contract_version", "name", "pack"))
            if (row["kpi_id"], row["contract_version"]) in running and about.pack in (None, row["pack"])
        ]
        return found[:MOST_KPIS], max(0, len(found) - MOST_KPIS)

    def timezone(self, tenant_id: str, environment: str) -> str | None:
        """The tenant's time zone."""
        tenant = self._catalog.tenant(tenant_id, environment)
        return tenant.timezone if tenant else None

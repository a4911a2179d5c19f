"""Tenants' alert routes from the catalog, and alerts on their topics."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.tenant_topics import TARGETS, TenantTopics
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.alerts import Alert, Alerts, mark
from lambdas.domain.tenants.listeners import AlertTarget, ReportSubscription, TenantAlertRoute

logger = logging.getLogger("kpi.alerts")
_PROTOCOLS = {"email": "email", "webhook": "https"}


def report_subscriptions(catalog: DynamoCatalog, tenant_id: str, environment: str) -> Iterator[tuple[str, ReportSubscription]]:
    """Report subscriptions with their ids, in order."""
    prefix = keys.reports(environment)
    for row in catalog.rows(tenant_id, prefix, consistent=True):
        yield str(row["sk"]).removeprefix(prefix), ReportSubscription.model_validate_json(str(row["entry"]))


class CatalogRoutes:
    """Reads routes on every alert: they are few, and alerts are rare."""

    def __init__(self, catalog: DynamoCatalog) -> None:
        self._catalog = catalog

    def alert_routes(self, tenant_id: str, environment: str) -> Iterator[TenantAlertRoute]:
        """See `Routes.alert_routes`."""
        for row in self._catalog.rows(tenant_id, keys.alert_routes(environment), consistent=True):
            yield TenantAlertRoute.model_validate_json(str(row["entry"]))

    def subscriptions(self, tenant_id: str, environment: str) -> Iterator[ReportSubscription]:
        """See `Routes.subscriptions`."""
        return (subscription for _, subscription in report_subscriptions(self._catalog, tenant_id, environment))

    def pack(self, tenant_id: str, environment: str, kpi_id: str) -> str | None:
        """See `Routes.pack`; every version of a KPI is of the same pack."""
        found = next(self._catalog.rows(tenant_id, f"{environment}#kpi#{kpi_id}#", ("pack",)), None)
        return str(found["pack"]) if found else None


class RoutedTopics:
    """`AlertTopics` on the routine topics of tenants."""

    def __init__(self, topics: TenantTopics) -> None:
        self._topics = topics

    def publish(self, tenant_id: str, environment: str, alert: Alert) -> None:
        """See `TenantTopics.tell`."""
        self._topics.tell(tenant_id, environment, alert.kind.value, alert.subject, alert.message, alert.marks)

    def subscribe(self, tenant_id: str, environment: str, target: AlertTarget) -> None:
        """See `AlertTopics.subscribe`. An endpoint that SNS does not take is logged: the route is kept and hears nothing."""
        name = mark(target)
        refused = self._topics.subscribe(tenant_id, environment, _PROTOCOLS[target.channel], target.address, {TARGETS: [name]})
        if refused is not None:
            # Among them: the stack's own config subscribes this endpoint to everything already.
            logger.warning("target %s of %s in %s was not subscribed: %s", name, tenant_id, environment, refused)


def alerts(catalog: DynamoCatalog, topics: TenantTopics) -> Alerts:
    """Alerts to whom the routes of a deployment's tenants name."""
    return Alerts(CatalogRoutes(catalog), RoutedTopics(topics))

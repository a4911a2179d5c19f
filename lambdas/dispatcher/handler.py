"""The dispatcher: events of the bus start runs, and alert whom a tenant's routes name."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.alert_topics import CatalogRoutes, SnsAlertTopics
from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.executions import StateMachine
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.settings import from_environment
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.domain.dispatch import Dispatcher
from lambdas.domain.tenants.alerts import Alerts
from lambdas.domain.tenants.listeners import AlertKind


@cache
def _dispatcher() -> Dispatcher:
    configure_logging()
    settings = from_environment()
    clients = Clients(region=settings.region)
    catalog = DynamoCatalog(clients, settings.catalog_table)
    return Dispatcher(catalog, DynamoRunLogs(clients, settings.log_tables), StateMachine(clients, settings.state_machine_arn))


@cache
def _alerts() -> Alerts:
    configure_logging()
    settings = from_environment()
    clients = Clients(region=settings.region)
    # The platform's own topic, of whose name those of tenants share the beginning.
    stem = settings.alert_topic_arn.rsplit("-alerts-", 1)[0]
    return Alerts(CatalogRoutes(DynamoCatalog(clients, settings.catalog_table)), SnsAlertTopics(clients, stem))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """One EventBridge event; answers which executions it started and which were known, or how many targets were told."""
    started = time.perf_counter()
    detail: dict[str, Any] = event.get("detail") or {}
    if event.get("detail-type") in set(AlertKind):
        told = _alerts().tell(event)
        request_log("dispatcher", started, detail_type=event["detail-type"], tenant_id=detail.get("tenant_id"), told=told)
        return {"told": told}
    done = _dispatcher().dispatch(event)
    request_log(
        "dispatcher",
        started,
        event_id=event.get("id"),
        detail_type=event.get("detail-type"),
        tenant_id=detail.get("tenant_id"),
        run_id=detail.get("run_id"),
        executions=len(done.started),
    )
    return {"started": list(done.started), "known": list(done.known)}

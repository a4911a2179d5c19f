"""The dispatcher: events of the bus start runs, and alert whom a tenant's routes name."""

from __future__ import annotations

import time
from functools import cache, cached_property
from typing import Any

from lambdas.adapters.alert_topics import alerts
from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.executions import StateMachine
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.settings import from_environment
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.adapters.tenant_topics import TenantTopics
from lambdas.domain.dispatch import Dispatcher
from lambdas.domain.tenants.alerts import Alerts
from lambdas.domain.tenants.listeners import AlertKind


class DispatcherWiring:
    """The dispatcher's parts, over the same clients."""

    def __init__(self) -> None:
        configure_logging()
        self.settings = from_environment()
        self.clients = Clients(region=self.settings.region)
        self.catalog = DynamoCatalog(self.clients, self.settings.catalog_table)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """What starts runs."""
        logs = DynamoRunLogs(self.clients, self.settings.log_tables)
        return Dispatcher(self.catalog, logs, StateMachine(self.clients, self.settings.state_machine_arn))

    @cached_property
    def alerts(self) -> Alerts:
        """What tells whom routes name."""
        return alerts(self.catalog, TenantTopics(self.clients, self.settings.topic_stem))


@cache
def _wiring() -> DispatcherWiring:
    return DispatcherWiring()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """One EventBridge event; answers which executions it started and which were known, or how many targets were told."""
    started = time.perf_counter()
    detail: dict[str, Any] = event.get("detail") or {}
    if event.get("detail-type") in set(AlertKind):
        told = _wiring().alerts.tell(event)
        request_log("dispatcher", started, detail_type=event["detail-type"], tenant_id=detail.get("tenant_id"), told=told)
        return {"told": told}
    done = _wiring().dispatcher.dispatch(event)
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

"""The dispatcher: events of the bus start runs."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.executions import StateMachine
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.settings import from_environment
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.domain.dispatch import Dispatcher


@cache
def _dispatcher() -> Dispatcher:
    configure_logging()
    settings = from_environment()
    clients = Clients(region=settings.region)
    catalog = DynamoCatalog(clients, settings.catalog_table)
    return Dispatcher(catalog, DynamoRunLogs(clients, settings.log_tables), StateMachine(clients, settings.state_machine_arn))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """One EventBridge event; answers which executions it started and which were known."""
    started = time.perf_counter()
    done = _dispatcher().dispatch(event)
    detail: dict[str, Any] = event.get("detail") or {}
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

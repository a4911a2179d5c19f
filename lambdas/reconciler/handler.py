"""The reconciler: import the dictionary, onboard and offboard tenants, report drift."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.settings import from_environment
from lambdas.adapters.system import RandomIds, SystemClock
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.reconciler.service import Reconciler


@cache
def _reconciler() -> Reconciler:
    configure_logging()
    settings = from_environment()
    return Reconciler(settings, Clients(region=settings.region), SystemClock(), RandomIds())


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """One action (import, onboard, plan, offboard); answers what it did."""
    started = time.perf_counter()
    report = _reconciler().handle(event)
    request_log("reconciler", started, action=event.get("action"), tenant_id=event.get("tenant_id"))
    return report

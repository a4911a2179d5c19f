"""The reconciler: the catalog's stream, and actions: import, onboard, offboard, plan and reconcile."""

from __future__ import annotations

import os
import time
from functools import cache
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.invocations import invoke_later
from lambdas.adapters.settings import from_environment
from lambdas.adapters.system import SystemClock
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.reconciler.parts import Parts
from lambdas.reconciler.service import Reconciler
from lambdas.reconciler.stream import StreamBatch


@cache
def _parts() -> Parts:
    configure_logging()
    settings = from_environment()
    return Parts(settings, Clients(region=settings.region), SystemClock())


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A batch of stream records, or one action; answers what it did, or the record to deliver again (ReportBatchItemFailures)."""
    started = time.perf_counter()
    parts = _parts()
    if "Records" in event:
        records: list[dict[str, Any]] = event["Records"]
        again = StreamBatch(parts).handle(records)
        request_log("reconciler", started, action="stream", records=len(records), failed=len(again))
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in again]}
    report = Reconciler(parts, time.monotonic, lambda action: _go_on(parts, action)).handle(event)
    request_log("reconciler", started, action=event.get("action"), tenant_id=event.get("tenant_id"))
    return report


def _go_on(parts: Parts, action: Any) -> None:
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    invoke_later(parts.clients, name, action)

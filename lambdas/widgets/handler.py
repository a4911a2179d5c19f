"""Custom widgets of the CloudWatch dashboards: tables of failing KPIs, error codes, SLA breaches, changed SQL, slow runs."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.structured_logs import configure_logging, request_log
from lambdas.adapters.widget_reads import Tables, TenantReaders
from lambdas.domain.widgets import answer


@cache
def _readers(account_id: str) -> TenantReaders:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    stem = f"arn:aws:iam::{account_id}:role/kpi-{os.environ['KPI_DEPLOYMENT']}"
    return TenantReaders(
        Clients(region=region),
        Tables.from_environment(os.environ),
        role_arn=lambda tenant_id, environment: f"{stem}-{tenant_id}-{environment}-run",
        region=region,
    )


def handler(event: dict[str, Any], context: Any) -> str:
    """One widget, or one click in it: HTML; Markdown when the event asks to `describe`."""
    started = time.perf_counter()
    configure_logging()
    endpoint = str(context.invoked_function_arn)
    # arn:aws:lambda:region:account:function:name
    readers = _readers(endpoint.split(":")[4])
    shown = answer(event, endpoint, readers.of, datetime.now(UTC))
    request_log(
        "widgets",
        started,
        widget=event.get("widget"),
        tenant_id=event.get("tenant_id"),
        dashboard=(event.get("widgetContext") or {}).get("dashboardName"),
        characters=len(shown),
    )
    return shown

"""The control plane's API behind API Gateway's JWT authorizer."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.api.composition import Composition
from lambdas.api.control.health import Health
from lambdas.api.control.health_routes import add_health
from lambdas.api.control.ports import Ports
from lambdas.api.control.wiring import application, trace_id_of


@cache
def _composition() -> Composition:
    return Composition()


def _ports() -> Ports:
    return _composition().ports


@cache
def _health() -> Health:
    from lambdas.api.reads_composition import health

    return health(_composition().settings, _composition().clients)


# Both are made with the first request: a cold start connects to nothing before.
app = application(_ports)
add_health(app, _health, os.environ.get("KPI_DEPLOYMENT", ""), lambda: trace_id_of(app))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One HTTP request (payload format 2.0)."""
    started = time.perf_counter()
    configure_logging()
    answer: dict[str, Any] = app.resolve(event, context)
    context_of: dict[str, Any] = event.get("requestContext") or {}
    http: dict[str, Any] = context_of.get("http") or {}
    claims = _claims(context_of)
    request_log(
        "api",
        started,
        method=http.get("method"),
        route=event.get("routeKey"),
        path=event.get("rawPath"),
        status=answer.get("statusCode"),
        sub=claims.get("sub"),
        tenant_id=claims.get("custom:tenant_id"),
        request_id=context_of.get("requestId"),
    )
    return answer


def _claims(context_of: Mapping[str, Any]) -> Mapping[str, Any]:
    """What API Gateway's authorizer has verified; empty where it did not."""
    found: Any = context_of
    for step in ("authorizer", "jwt", "claims"):
        found = found.get(step) or {}
    return found

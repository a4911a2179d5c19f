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
from lambdas.api.control.wiring import application, route_of, trace_id_of


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
        route=route_of(str(http.get("method") or ""), str(event.get("rawPath") or "")) or event.get("routeKey"),
        path=event.get("rawPath"),
        status=answer.get("statusCode"),
        sub=claims.get("sub"),
        tenant_id=claims.get("custom:tenant_id"),
        acting_for=_asked_for(event, claims),
        request_id=context_of.get("requestId"),
    )
    return answer


def _asked_for(event: Mapping[str, Any], claims: Mapping[str, Any]) -> str | None:
    """The tenant of the header where it is not the token's own, as a platform admin names it."""
    headers: Mapping[str, Any] = event.get("headers") or {}
    asked = next((str(value)[:64] for name, value in headers.items() if name.lower() == "x-tenant-id"), None)
    return asked if asked != claims.get("custom:tenant_id") else None


def _claims(context_of: Mapping[str, Any]) -> Mapping[str, Any]:
    """What API Gateway's authorizer has verified; empty where it did not."""
    found: Any = context_of
    for step in ("authorizer", "jwt", "claims"):
        found = found.get(step) or {}
    return found

"""The control plane behind API Gateway: reads for now; every answer is JSON, every error a problem."""

from __future__ import annotations

import functools
import json
import re
import time
import traceback
from decimal import Decimal
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kpis.common import Environment
from lambdas.adapters.aws import Secrets
from lambdas.api import cursor, problems
from lambdas.api.principal import read_principal, scope
from lambdas.api.reads import CATALOG_FILTERS, Reads
from lambdas.control.environment import clients, environment, table
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.redact import redact

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
RUN_FILTERS = ("kpi_id", "status", "environment", "since")
_KPI_ID = re.compile(r"^[A-Z0-9][A-Z0-9-]{1,39}$")
_SECRETS = Secrets()


def _serialize(value: Any) -> str:
    return json.dumps(value, default=_plain)


app = APIGatewayHttpResolver(serializer=_serialize)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One request; its log line is the request log (K17)."""
    began = time.perf_counter()
    answer = app.resolve(event, context)
    http = event.get("requestContext", {}).get("http", {})
    line = {
        "level": "info",
        "message": "request",
        "method": http.get("method"),
        "route": event.get("routeKey"),
        "status": answer.get("statusCode"),
        "trace_id": trace_id(),
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
    }
    print(json.dumps(line))
    return answer


@app.get("/health")
def health() -> dict[str, Any]:
    """Alive, and which deployment this is (O4)."""
    return {"status": "ok", "deployment": environment().deployment}


@app.get("/kpis")
def list_kpis() -> dict[str, Any]:
    """Catalog of a tenant (K19); `include=last_run` adds the newest run of each KPI."""
    tenant_id, asked = tenant(), parameters()
    filters = {name: asked[name] for name in CATALOG_FILTERS if name in asked}
    page = reads().kpis(tenant_id, kpi_environment(asked), filters, limit(asked), cursor.read(asked.get("cursor")))
    if asked.get("include") == "last_run":
        last = reads().last_runs(tenant_id, kpi_environment(asked), {item["kpi_id"] for item in page.items})
        for item in page.items:
            item["last_run"] = last[item["kpi_id"]]
    return page.as_json()


@app.get("/kpis/<kpi_id>")
def get_kpi(kpi_id: str) -> dict[str, Any]:
    """Every version of a KPI."""
    return reads().kpi(tenant(), kpi_environment(parameters()), known_form(kpi_id))


@app.get("/runs")
def list_runs() -> dict[str, Any]:
    """Runs, newest first (K5)."""
    tenant_id, asked = tenant(), parameters()
    filters = {name: asked[name] for name in RUN_FILTERS if asked.get(name)}
    if "kpi_id" in filters:
        known_form(filters["kpi_id"])
    return reads().runs(tenant_id, filters, limit(asked), cursor.read(asked.get("cursor"))).as_json()


@app.get("/runs/<run_id>")
def get_run(run_id: str) -> dict[str, Any]:
    """A run with its evidence from the five log tables."""
    tenant_id = tenant()
    if re.fullmatch(r"\d{1,19}", run_id) is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no run {run_id[:40]}")
    found = reads().run(tenant_id, int(run_id))
    found["run"]["run_id"] = run_id
    return found


@app.get("/results")
def list_results() -> dict[str, Any]:
    """Delivered values of one KPI, newest period first: the latest delivery of each period and entity."""
    from lambdas.adapters.results import PostgresResults

    tenant_id, asked = tenant(), parameters()
    kpi_id = known_form(asked.get("kpi_id", ""))
    store = PostgresResults(lambda: _SECRETS.url(clients(), environment().result_store_secret))
    sql = (
        "SELECT run_id, kpi_id, contract_version, entity, period_start, period_end, time_grain, scd_view, value, unit, verdict, "
        "rows_processed, extensions, flags, delivered_at FROM kpi_result_current WHERE tenant_id = %(tenant_id)s "
        "AND environment = %(environment)s AND kpi_id = %(kpi_id)s AND (%(entity)s::text IS NULL OR entity = %(entity)s) "
        "AND (%(start)s::timestamptz IS NULL OR period_start >= %(start)s) AND (%(end)s::timestamptz IS NULL OR period_end <= %(end)s) "
        "ORDER BY period_start DESC, entity LIMIT %(limit)s"
    )
    values = {
        "tenant_id": tenant_id,
        "environment": kpi_environment(asked),
        "kpi_id": kpi_id,
        "entity": asked.get("entity"),
        "start": asked.get("from"),
        "end": asked.get("to"),
        "limit": limit(asked),
    }
    return {"items": [row | {"run_id": str(row["run_id"])} for row in store.rows(tenant_id, sql, values)], "next_cursor": None}


@app.not_found
def not_found(error: Exception) -> Response[str]:
    """A path that does not exist."""
    del error
    return answer(ErrorCode.NOT_FOUND, "there is nothing at this path")


@app.exception_handler(KpiError)
def refused(error: KpiError) -> Response[str]:
    """What we refuse, in words."""
    return answer(error.code, error.message)


@app.exception_handler(Exception)
def failed(error: Exception) -> Response[str]:
    """What we did not foresee: the trace stays in our log, redacted."""
    print(json.dumps({"level": "error", "trace_id": trace_id(), "error": redact("".join(traceback.format_exception(error)))}))
    return answer(ErrorCode.INTERNAL, "")


def answer(code: ErrorCode, detail: str) -> Response[str]:
    """A problem as a response."""
    status, text = problems.body(code, detail, trace_id())
    if status >= problems.OUR_FAULT:
        print(json.dumps({"level": "error", "trace_id": trace_id(), "code": code.value, "detail": redact(detail)}))
    return Response(status_code=status, content_type=problems.CONTENT_TYPE, body=text)


def tenant() -> str:
    """The tenant of the current request, from verified claims."""
    authorizer: dict[str, Any] = app.current_event.raw_event.get("requestContext", {}).get("authorizer") or {}
    claims: dict[str, Any] = authorizer.get("jwt", {}).get("claims") or {}
    return scope(read_principal(claims), app.current_event.headers)


def parameters() -> dict[str, str]:
    """Query parameters of the current request."""
    return {name: value for name, value in (app.current_event.query_string_parameters or {}).items() if value}


def limit(asked: dict[str, str]) -> int:
    """How many items a page may have.

    Raises:
        KpiError: INVALID_INPUT for anything but a number from 1 to MAX_LIMIT.
    """
    text = asked.get("limit", str(DEFAULT_LIMIT))
    if not text.isdigit() or not 1 <= int(text) <= MAX_LIMIT:
        raise KpiError(ErrorCode.INVALID_INPUT, f"limit is '{text[:20]}'; expected a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def kpi_environment(asked: dict[str, str]) -> str:
    """The KPI environment of a request, prod unless it says otherwise."""
    name = asked.get("environment", Environment.PRD.value)
    if name not in set(Environment):
        raise KpiError(ErrorCode.INVALID_INPUT, f"environment is '{name[:20]}'; expected dev, stg or prod")
    return name


def known_form(kpi_id: str) -> str:
    """A KPI id that could exist; anything else is answered like one that does not."""
    if _KPI_ID.match(kpi_id) is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id[:40]}")
    return kpi_id


def trace_id() -> str:
    """API Gateway's id of the current request."""
    event = getattr(app, "current_event", None)
    raw: dict[str, Any] = event.raw_event if event is not None else {}
    return str(raw.get("requestContext", {}).get("requestId", "unknown"))


@functools.cache
def reads() -> Reads:
    """The tables of this deployment."""
    import boto3

    settings = environment()
    resource: Any = boto3.resource("dynamodb")
    logs = {name: table(physical) for name, physical in settings.log_tables.items()}
    return Reads(table(settings.catalog_table), logs, resource)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

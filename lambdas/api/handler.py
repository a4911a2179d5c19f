"""The control plane's API: read endpoints behind API Gateway's JWT authorizer."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from pydantic import BaseModel, ValidationError

from lambdas.adapters.aws import Clients, Secrets
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.settings import from_environment
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.api.browse import Browser, ResultReader
from lambdas.api.problems import problem
from lambdas.api.queries import KpiQuery, OneKpiQuery, ResultQuery, RunIdPath, RunQuery
from lambdas.domain.access import Caller, caller_of
from lambdas.domain.errors import ErrorCode, KpiError

app = APIGatewayHttpResolver()
logger = logging.getLogger("kpi.api")
Model = TypeVar("Model", bound=BaseModel)


@cache
def _browser() -> Browser:
    settings = from_environment()
    clients = Clients(region=settings.region)
    secrets = Secrets()

    @cache
    def results() -> ResultReader:
        from lambdas.adapters.results import PostgresResults

        name = settings.result_store_secret
        return PostgresResults(lambda: secrets.url(clients, name), lambda: secrets.forget(name))

    return Browser(DynamoCatalog(clients, settings.catalog_table), DynamoRunLogs(clients, settings.log_tables), results)


def _trace_id() -> str:
    """The X-Ray trace, or the request's id where there is none."""
    trace = os.environ.get("_X_AMZN_TRACE_ID", "").removeprefix("Root=").split(";")[0]
    return trace or str(app.current_event.request_context.request_id)


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What API Gateway's authorizer has verified; empty where it did not."""
    found: Any = event
    for step in ("requestContext", "authorizer", "jwt", "claims"):
        found = found.get(step) or {}
    return found


def _caller() -> Caller:
    return caller_of(_claims(app.current_event.raw_event), app.current_event.headers.get("x-tenant-id"))


def _query(model: type[Model]) -> Model:
    return model.model_validate(dict(app.current_event.query_string_parameters or {}))


def _json(document: Mapping[str, Any]) -> Response[str]:
    return Response(status_code=200, content_type="application/json", body=json.dumps(document))


@app.get("/health")
def health() -> Response[str]:
    """Whether the API answers; says nothing about tenants."""
    return _json({"status": "ok", "deployment": os.environ.get("KPI_DEPLOYMENT", "")})


@app.get("/kpis")
def list_kpis() -> Response[str]:
    caller = _caller()
    return _json(_browser().kpis(caller.tenant_id, _query(KpiQuery)))


@app.get("/kpis/<kpi_id>")
def get_kpi(kpi_id: str) -> Response[str]:
    caller = _caller()
    query = _query(OneKpiQuery)
    return _json(_browser().kpi(caller.tenant_id, query.environment, kpi_id, query.version))


@app.get("/runs")
def list_runs() -> Response[str]:
    caller = _caller()
    return _json(_browser().runs(caller.tenant_id, _query(RunQuery)))


@app.get("/runs/<run_id>")
def get_run(run_id: str) -> Response[str]:
    caller = _caller()
    if not run_id.isdigit():
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no run {run_id}")
    return _json(_browser().run(caller.tenant_id, RunIdPath.model_validate({"run_id": run_id}).run_id))


@app.get("/results")
def list_results() -> Response[str]:
    caller = _caller()
    return _json(_browser().results(caller.tenant_id, _query(ResultQuery)))


@app.exception_handler(KpiError)
def on_known(error: KpiError) -> Response[str]:
    return problem(error.code, error.message, _trace_id())


@app.exception_handler(ValidationError)
def on_invalid(error: ValidationError) -> Response[str]:
    errors = [{"field": ".".join(map(str, each["loc"])) or "query", "message": each["msg"]} for each in error.errors(include_url=False)]
    fields = ", ".join(str(each["field"]) for each in errors)
    return problem(ErrorCode.INVALID_INPUT, f"{len(errors)} of the parameters are not valid: {fields}", _trace_id(), errors=errors)


@app.exception_handler(Exception)
def on_unknown(error: Exception) -> Response[str]:
    logger.error("request failed", exc_info=error)
    return problem(ErrorCode.INTERNAL, "the request could not be answered; the trace id finds it in the logs", _trace_id())


@app.not_found
def on_no_route(_error: NotFoundError) -> Response[str]:
    return problem(ErrorCode.NOT_FOUND, "there is nothing at this path", _trace_id())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """One HTTP request (payload format 2.0)."""
    started = time.perf_counter()
    configure_logging()
    answer: dict[str, Any] = app.resolve(event, context)
    context_of: dict[str, Any] = event.get("requestContext") or {}
    http: dict[str, Any] = context_of.get("http") or {}
    claims = _claims(event)
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

"""The routes as a Powertools application over given ports."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from lambdas.api.control.asked import Http, Route
from lambdas.api.control.failures import HEADERS, failed
from lambdas.api.control.guard import serve
from lambdas.api.control.ports import Ports
from lambdas.api.control.routes import ROUTES
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.idempotency import Answer

_PARAMETER = re.compile(r"\{(\w+)\}")


def application(ports: Callable[[], Ports]) -> APIGatewayHttpResolver:
    """An application with the routes of the table. `ports` is called with the first request, so that a cold start stays short."""
    app = APIGatewayHttpResolver()
    add_routes(app, ports)

    @app.not_found
    def on_no_route(_error: NotFoundError) -> Response[str]:  # pyright: ignore[reportUnusedFunction]
        return failed(KpiError(ErrorCode.NOT_FOUND, "there is nothing at this path"), trace_id_of(app))

    return app


def add_routes(app: APIGatewayHttpResolver, ports: Callable[[], Ports]) -> None:
    """Add the routes of the table to an application that has others."""
    for route in ROUTES:
        app.route(powertools_path(route.path), method=route.method)(_served(app, ports, route))


def powertools_path(path: str) -> str:
    """A path of the table as Powertools writes it: `/kpis/<kpi_id>`."""
    return _PARAMETER.sub(r"<\1>", path)


def route_of(method: str, path: str) -> str | None:
    """The route that serves a path, such as `GET /kpis/{kpi_id}`; None when none does."""
    return next((f"{route.method} {route.path}" for route, form in _forms() if route.method == method and form.fullmatch(path)), None)


@cache
def _forms() -> tuple[tuple[Route[Any, Any], re.Pattern[str]], ...]:
    # Paths without parameters first, as they are served.
    routes = sorted(ROUTES, key=lambda route: "{" in route.path)
    return tuple((route, re.compile(_PARAMETER.sub(r"[^/]+", route.path))) for route in routes)


def _served(app: APIGatewayHttpResolver, ports: Callable[[], Ports], route: Route[Any, Any]) -> Callable[..., Response[str]]:
    def endpoint(**params: str) -> Response[str]:
        try:
            return _response(serve(ports(), route, _http(app, params)))
        except Exception as error:  # noqa: BLE001 - every error becomes an answer here, whatever it is
            return failed(error, trace_id_of(app))

    endpoint.__name__ = route.name
    endpoint.__doc__ = route.says
    return endpoint


def _response(answer: Answer) -> Response[str]:
    repeated = {"Idempotency-Replayed": "true"} if answer.repeated else {}
    return Response(status_code=answer.status, content_type=answer.content_type, body=answer.body, headers={**HEADERS, **repeated})


def _http(app: APIGatewayHttpResolver, params: dict[str, str]) -> Http:
    event = app.current_event
    raw: dict[str, Any] = event.raw_event
    headers: Mapping[str, Any] = raw.get("headers") or {}
    return Http(
        method=event.http_method.upper(),
        path=event.path,
        params=params,
        query=dict(event.query_string_parameters or {}),
        raw_query=str(raw.get("rawQueryString") or ""),
        headers={name.lower(): str(value) for name, value in headers.items()},
        claims=_claims(raw),
        body=_body(raw),
        trace_id=trace_id_of(app),
    )


def _claims(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What API Gateway's JWT authorizer has verified; nothing where it did not, or in any other form."""
    found: Any = raw
    for step in ("requestContext", "authorizer", "jwt", "claims"):
        found = cast("Mapping[str, Any]", found).get(step) if isinstance(found, Mapping) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _body(raw: Mapping[str, Any]) -> bytes:
    # As bytes: whether they are text at all is for the one who reads them to say.
    text = str(raw.get("body") or "")
    if not raw.get("isBase64Encoded"):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise KpiError(ErrorCode.INVALID_INPUT, "the body says it is base64 and is not") from error


def trace_id_of(app: APIGatewayHttpResolver) -> str:
    """The X-Ray trace, or the request's id where there is none."""
    trace = os.environ.get("_X_AMZN_TRACE_ID", "").removeprefix("Root=").split(";")[0]
    return trace or str(app.current_event.request_context.request_id)

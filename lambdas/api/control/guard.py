"""The way every call takes: who asks, how often, may they at all, may they on this object, was it done already, and only then the work.

Whether a caller may at all is asked of the policies before anything is read, on the object at its best. A refusal there is the
same whether or not the object exists.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kpis.common import Environment
from lambdas.api.control.asked import JSON, Asked, Http, Reply, Route, Where
from lambdas.api.control.objects import standing
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing
from lambdas.domain.access import caller_of
from lambdas.domain.authz.authorizer import Decision, actor_of
from lambdas.domain.authz.resources import best_case
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.idempotency import Answer, Call, checked
from lambdas.domain.limits.limiter import Traffic

MAX_BODY = 262_144
"""Bytes of a body; a definition of that size does not fit a row with its audit event."""
_PARAMS = {
    "kpi_id": re.compile(r"[A-Z][A-Z0-9]{1,9}(?:-[A-Z0-9]{1,10}){1,3}"),
    "ver": re.compile(r"(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){2}", re.ASCII),
    "request_id": re.compile(r"[A-Za-z0-9_-]{1,64}"),
}
_TENANT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
Model = TypeVar("Model", bound=BaseModel)


def serve(ports: Ports, route: Route[Any, Any], http: Http) -> Answer:
    """The answer to a call.

    Raises:
        KpiError: whatever refuses it; `RetryLaterError` says when to come back.
        ValidationError: for a query or body that is not valid.
    """
    caller = caller_of(http.claims, http.headers.get("x-tenant-id"))
    if not _TENANT.fullmatch(caller.tenant_id):
        raise KpiError(ErrorCode.INVALID_INPUT, "X-Tenant-Id is not the name of a tenant")
    ports.limiter.admit(caller.tenant_id, route.traffic, ports.limits(caller.tenant_id), ports.plane.clock.now())
    query = route.query.model_validate(dict(http.query))
    environment = getattr(query, "environment", None) or Environment.PRD
    where: Where[Any] = Where(caller, environment, http.params, query)
    _any_allowed(ports, route, where)
    _well_formed(http)
    key = checked(http.headers.get("x-idempotency-key") or "") if route.traffic is Traffic.WRITES else ""
    asked: Asked[Any, Any] = Asked(where, _body(route.body, http.body), key, http.trace_id)
    for action, resource in route.needed(asked):
        ports.authorizer.require(caller, action, best_case(resource))
    if route.traffic is Traffic.READS:
        return _done(ports, route, asked)
    call = Call(caller.subject, http.method, http.path, http.raw_query, http.body)
    return ports.idempotency.once(caller.tenant_id, key, call, lambda: _done(ports, route, asked))


def _any_allowed(ports: Ports, route: Route[Any, Any], where: Where[Any]) -> None:
    resource = best_case(route.about(where))
    decisions = [ports.authorizer.decide(where.caller, action, resource) for action in route.actions]
    if not any(decision.allowed for decision in decisions):
        raise KpiError(ErrorCode.POLICY_DENY, f"{route.actions[0]} is not allowed: {decisions[0].reason}")


def _well_formed(http: Http) -> None:
    """An id that no object can have is an id that no object has."""
    for name, value in http.params.items():
        if not _PARAMS[name].fullmatch(value):
            raise KpiError(ErrorCode.NOT_FOUND, "there is nothing at this path")


def _body(model: type[Model], body: bytes) -> Model:
    if model is Nothing:
        return model()
    if len(body) > MAX_BODY:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the body has {len(body)} bytes; at most {MAX_BODY} are read")
    return model.model_validate_json(body or b"{}")


def _done(ports: Ports, route: Route[Any, Any], asked: Asked[Any, Any]) -> Answer:
    try:
        return _worked(ports, route, asked)
    except ValidationError as error:
        # The request was valid by then: what is not is something stored, and its fields are none of the caller's.
        raise KpiError(ErrorCode.INTERNAL, f"{route.name} met something that is not valid") from error


def _worked(ports: Ports, route: Route[Any, Any], asked: Asked[Any, Any]) -> Answer:
    decisions: list[Decision] = []
    for action, resource in route.needed(asked):
        found = standing(ports, asked, action, resource)
        decisions.append(ports.authorizer.require(asked.where.caller, action, found))
    reply = route.work(ports, replace(asked, actor=actor_of(asked.where.caller, decisions[0])))
    return _answer(route, reply)


def _answer(route: Route[Any, Any], reply: Reply) -> Answer:
    status = route.status if reply.status == 200 else reply.status  # noqa: PLR2004 - what a reply has unless it says otherwise
    if isinstance(reply.content, str):
        return Answer(status, reply.content, reply.content_type)
    return Answer(status, reply.content.model_dump_json(by_alias=True), JSON)

"""The way every call takes: who asks, may they at all, how often, may they on this object, was it done already, and only then the work.

Whether a caller may at all is asked of the policies before anything is read, on the object at its best. A refusal there is the
same whether or not the object exists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kpis.common import Environment
from lambdas.api.control.asked import JSON, Asked, Http, Reply, Route, Where
from lambdas.api.control.objects import standing
from lambdas.api.control.ports import Ports
from lambdas.api.control.requests import Nothing
from lambdas.domain.access import Caller, caller_of
from lambdas.domain.authz.authorizer import Decision, actor_of
from lambdas.domain.authz.resources import best_case
from lambdas.domain.control.unit import HEAD
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.idempotency import Answer, Call, checked
from lambdas.domain.limits.limiter import Traffic

MAX_BODY = 262_144
"""Bytes of a body; a definition of that size does not fit a row with its audit event."""
_PARAMS = {
    "kpi_id": re.compile(r"(?=.{1,40}\Z)[A-Z][A-Z0-9]{1,9}(?:-[A-Z0-9]{1,10}){1,3}"),
    "ver": re.compile(r"(?:0|[1-9]\d{0,8})(?:\.(?:0|[1-9]\d{0,8})){2}", re.ASCII),
    "request_id": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "run_id": re.compile(r"[0-9]{1,19}"),
    "view": re.compile(r"vw_kpi_[a-z_]{1,40}"),
    "incident_id": re.compile(r"[a-z_]{1,32}-[0-9]{19}"),
    "export_id": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "name": re.compile(r"[a-z][a-z0-9-]{1,39}"),
    "route_id": re.compile(r"[a-z][a-z0-9-]{1,39}"),
    "subscription_id": re.compile(r"[a-z][a-z0-9-]{1,39}"),
}
_TENANT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LAST_SECOND = 253_402_300_800.0
"""Seconds since 1970 at the end of the year 9999: what claims to be good for longer is no moment."""
Model = TypeVar("Model", bound=BaseModel)


def serve(ports: Ports, route: Route[Any, Any], http: Http) -> Answer:
    """The answer to a call.

    Raises:
        KpiError: whatever refuses it; `RetryLaterError` says when to come back.
        ValidationError: for a query or body that is not valid.
    """
    caller = caller_of(http.claims, http.headers.get("x-tenant-id"))
    now = ports.plane.clock.now()
    _in_time(http.claims, now)
    if not _TENANT.fullmatch(caller.tenant_id):
        raise KpiError(ErrorCode.INVALID_INPUT, "X-Tenant-Id is not the name of a tenant")
    looked = _looked_at(ports, route, caller, http)
    # What is refused counts as a read: otherwise who may write nothing could use up the writes of those who may.
    traffic = Traffic.READS if isinstance(looked, Exception) else route.traffic
    ports.limiter.admit(caller.tenant_id, traffic, ports.limits(caller.tenant_id), now)
    if isinstance(looked, Exception):
        raise looked
    where = looked
    _well_formed(http)
    if route.traffic is Traffic.WRITES:
        _known(ports, caller)
    key = checked(http.headers.get("x-idempotency-key") or "") if route.traffic is Traffic.WRITES else ""
    asked: Asked[Any, Any] = Asked(where, _body(route.body, http.body), key, http.trace_id)
    for action, resource in route.needed(asked):
        ports.authorizer.require(caller, action, best_case(resource))
    if route.traffic is Traffic.READS or route.secret:
        return _done(ports, route, asked)
    call = Call(caller.subject, http.method, http.path, http.raw_query, http.body)
    return ports.idempotency.once(caller.tenant_id, key, call, lambda: _done(ports, route, asked))


def _in_time(claims: Mapping[str, Any], now: datetime) -> None:
    """Claims past their `exp` open nothing, even if whatever is before this service let them in (RFC 7519, 4.1.4)."""
    if "exp" not in claims:
        return
    try:
        # API Gateway hands claims on as text, other authorizers as numbers.
        ends = float(str(claims["exp"]))
    except ValueError:
        ends = 0.0
    if not now.timestamp() < ends < _LAST_SECOND:
        raise KpiError(ErrorCode.POLICY_DENY, "the token has run out; sign in again")


def _looked_at(ports: Ports, route: Route[Any, Any], caller: Caller, http: Http) -> Where[Any] | KpiError | ValidationError:
    """Where the call goes, or what refuses it before anything is read: a query that is not valid, or the policies."""
    try:
        query = route.query.model_validate(dict(http.query))
    except ValidationError as error:
        return error
    environment = getattr(query, "environment", None) or Environment.PRD
    where: Where[Any] = Where(caller, environment, http.params, query)
    resource = best_case(route.about(where))
    decisions = [ports.authorizer.decide(caller, action, resource) for action in route.actions]
    if any(decision.allowed for decision in decisions):
        return where
    return KpiError(ErrorCode.POLICY_DENY, f"{route.actions[0]} is not allowed: {decisions[0].reason}")


def _well_formed(http: Http) -> None:
    """An id that no object can have is an id that no object has."""
    # The router's patterns end with `$`, which looks past a line break at the end.
    if http.path.endswith("\n") or not all(_PARAMS[name].fullmatch(value) for name, value in http.params.items()):
        raise KpiError(ErrorCode.NOT_FOUND, "there is nothing at this path")


def _known(ports: Ports, caller: Caller) -> None:
    """Refuse a platform admin's change of a tenant that nobody registered and that has no history: a name that was mistyped."""
    tenant_id = caller.tenant_id
    if caller.home == tenant_id or ports.plane.store.row(tenant_id, HEAD) is not None:
        return
    if ports.tenants.directory.home_of(tenant_id) is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no tenant {tenant_id}; X-Tenant-Id must name one that a stack registered")


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

"""The OpenAPI 3.1 document of the control API, made of the table of routes: `python -m lambdas.api.control.openapi`."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import PydanticJsonSchemaWarning, models_json_schema

from lambdas.api.control.asked import JSON, Route
from lambdas.api.control.health import HealthReport
from lambdas.api.control.health_routes import PUBLIC
from lambdas.api.control.requests import Nothing
from lambdas.api.control.responses import Problem
from lambdas.api.control.routes import ROUTES
from lambdas.domain.limits.limiter import Traffic

VERSION = "1.0.0"
"""Of the API. The major version rises with a change that breaks clients; `openapi_diff.py` finds those."""
_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_PATTERNS = {
    "kpi_id": r"^[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,10}){1,3}$",
    "ver": r"^(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}$",
    "request_id": r"^[A-Za-z0-9_-]{1,64}$",
    "run_id": r"^[0-9]{1,19}$",
    "view": r"^vw_kpi_(run_overview|validation_summary|lineage_sources|sla_violations)$",
    "incident_id": r"^[a-z_]{1,32}-[0-9]{19}$",
    "export_id": r"^[A-Za-z0-9_-]{1,64}$",
    "name": r"^[a-z][a-z0-9-]{1,39}$",
    "route_id": r"^[a-z][a-z0-9-]{1,39}$",
    "subscription_id": r"^[a-z][a-z0-9-]{1,39}$",
}
_PROBLEMS = {
    "400": "The request is not valid",
    "403": "The policies do not allow it, or a guardrail does not hold",
    "404": "There is no such object",
    "409": "Something changed meanwhile, or the state does not allow it",
    "429": "The tenant's limit is used up; see Retry-After",
    "500": "Something failed on our side",
    "504": "What the service asked did not answer in time; nothing or everything was done, so repeat the call with the same key",
}
_NO_TOKEN: dict[str, Any] = {
    "description": "API Gateway lets nobody in without a valid token; it answers in its own form",
    "content": {JSON: {"schema": {"type": "object", "properties": {"message": {"type": "string"}}}}},
}
_NAMES = {
    "Action-Output": "Transition",
    "lambdas__domain__control__states__Action": "Transition",
    "lambdas__domain__authz__actions__Action": "PolicyAction",
    "Change-Input": "ChangeLogEntry",
    "kpis__schema__Change": "ChangeLogEntry",
    "lambdas__domain__lineage__change__Change": "PlannedChange",
}
"""Names of models that two modules have, for readers who know neither."""
Json = dict[str, Any]


def document() -> Json:
    """The document. The same routes give the same document."""
    asked: set[type[BaseModel]] = {route.body for route in ROUTES if route.body is not Nothing}
    given: set[type[BaseModel]] = {route.answer for route in ROUTES} | {answer for _, answer, _ in PUBLIC.values()} | {Problem}
    models = [(model, "validation") for model in sorted(asked, key=_name)] + [
        (model, "serialization") for model in sorted(given, key=_name)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)  # durations have no default in the schema; pydantic warns of each
        refs, definitions = models_json_schema(models, ref_template=_REF)  # pyright: ignore[reportArgumentType]
    definitions = _renamed(definitions)
    named = {(model, mode): ref for (model, mode), ref in refs.items()}
    paths: dict[str, Json] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, named)
    paths |= {path: {"get": _public(path, named)} for path in PUBLIC}
    return {
        "openapi": "3.1.0",
        "info": {"title": "KPI control plane", "version": VERSION},
        "security": [{"oidc": []}],
        "paths": paths,
        "components": {
            "schemas": {_NAMES.get(name, name): schema for name, schema in definitions.get("$defs", {}).items()},
            "securitySchemes": {"oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _renamed(value: Any) -> Any:
    """References under the names of `_NAMES`."""
    if isinstance(value, list):
        return [_renamed(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = {name: _renamed(each) for name, each in cast("Json", value).items()}
    ref = str(members.get("$ref", "")).rpartition("/")[2]
    return members | {"$ref": _REF.format(model=_NAMES[ref])} if ref in _NAMES else members


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(route: Route[Any, Any], refs: dict[Any, Json]) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.says,
        "tags": [route.tag.value],
        "x-actions": [action.value for action in route.actions],
        "parameters": [*_path(route), *_headers(route), *_query(route)],
        "responses": _responses(route, refs),
    }
    if route.body is not Nothing:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": refs[route.body, "validation"]}}}
    return operation


def _public(path: str, refs: dict[Any, Json]) -> Json:
    """An operation without a token. Those about other parts answer 503 when one of them does not."""
    name, answer, says = PUBLIC[path]
    found: Json = {"200": {"description": "Well", "content": {JSON: {"schema": refs[answer, "serialization"]}}}}
    if answer is HealthReport:
        problem: Json = {"application/problem+json": {"schema": refs[Problem, "serialization"]}}
        found["503"] = {"description": "A part does not answer; its name is in the detail", "content": problem}
    return {"operationId": name, "summary": says, "tags": ["health"], "security": [], "parameters": [], "responses": found}


def _responses(route: Route[Any, Any], refs: dict[Any, Json]) -> Json:
    good: Json = {"description": "Done", "content": {JSON: {"schema": refs[route.answer, "serialization"]}}}
    if "format" in route.query.model_fields:
        good["content"] |= {"text/plain": {"schema": {"type": "string"}}, "image/svg+xml": {"schema": {"type": "string"}}}
    found: Json = {str(route.status): good}
    if route.name in ("publishKpiVersion", "unpublishKpiVersion", "retireKpiVersion", "advanceCanary"):
        found["202"] = good | {"description": "It waits for the change window"}
    for status, says in _PROBLEMS.items():
        answer: Json = {"description": says, "content": {"application/problem+json": {"schema": refs[Problem, "serialization"]}}}
        if status == "429":
            answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}}
        found[status] = answer
    return found | {"401": _NO_TOKEN}


def _path(route: Route[Any, Any]) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _PATTERNS[name]}}
        for name in _PARAMETER.findall(route.path)
    ]


def _headers(route: Route[Any, Any]) -> list[Json]:
    tenant = {
        "name": "X-Tenant-Id",
        "in": "header",
        "required": False,
        "description": "The tenant of the token; a platform admin says here for which tenant it acts",
        "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,62}$"},
    }
    key = {
        "name": "X-Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "A call with the same key and content happens once; with other content it is a conflict",
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,64}$"},
    }
    return [tenant, key] if route.traffic is Traffic.WRITES else [tenant]


def _query(route: Route[Any, Any]) -> list[Json]:
    schema = route.query.model_json_schema()
    required: list[str] = schema.get("required", [])
    shared: Json = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _inlined(value, shared)}
        for name, value in schema.get("properties", {}).items()
    ]


def _inlined(value: Any, shared: Json) -> Any:
    """A schema without references: parameters are small, and so are the enumerations they refer to."""
    if isinstance(value, list):
        return [_inlined(each, shared) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members: Json = dict(cast("Json", value))
    ref = str(members.pop("$ref", "")).rpartition("/")[2]
    inner: Json = _inlined(shared[ref], shared) if ref else {}
    return inner | {name: _inlined(each, shared) for name, each in members.items()}


if __name__ == "__main__":
    print(text(), end="")

"""The OpenAPI document is made of the routes, stands by itself and is the committed one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from lambdas.api.control.openapi import document, text
from lambdas.api.control.routes import ROUTES, printed
from lambdas.api.control.wiring import add_routes, powertools_path

COMMITTED = Path("docs/openapi.json")


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values())) if value else own
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_committed_document_is_the_one_the_routes_give() -> None:
    assert COMMITTED.read_text("utf-8") == text(), "run: python -m lambdas.api.control.openapi > docs/openapi.json"


def test_the_page_shows_the_table_of_the_routes() -> None:
    assert Path("docs/control-api.md").read_text("utf-8").endswith(printed()), "run: python -m lambdas.api.control.routes"


def test_the_document_is_complete_and_names_no_module() -> None:
    found = document()
    schemas = found["components"]["schemas"]
    assert {each.rpartition("/")[2] for each in references(found)} <= set(schemas)
    assert all(each.startswith("#/components/schemas/") for each in references(found))
    assert [name for name in schemas if "__" in name] == []
    assert not re.search(r"lambdas__|kpis__", json.dumps(found))


def test_the_application_has_the_routes_of_the_table_and_no_other() -> None:
    app = APIGatewayHttpResolver()
    before = len(app._dynamic_routes) + len(app._static_routes)
    add_routes(app, lambda: pytest.fail("no ports are needed to add routes"))
    assert len(app._dynamic_routes) + len(app._static_routes) - before == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len({route.name for route in ROUTES}) == len(ROUTES)
    assert powertools_path("/kpis/{kpi_id}/lineage") == "/kpis/<kpi_id>/lineage"


def test_every_write_needs_a_key_and_says_why() -> None:
    schemas = document()["components"]["schemas"]
    for route in ROUTES:
        if route.method == "GET" or route.name == "simulatePolicies":
            continue
        operation = document()["paths"][route.path][route.method.lower()]
        keys = [each for each in operation["parameters"] if each["name"] == "X-Idempotency-Key"]
        assert keys[0]["required"], route.name
        if route.method == "DELETE":  # has no content, so the reason is in its query
            assert [each["required"] for each in operation["parameters"] if each["name"] == "reason"] == [True], route.name
            continue
        model = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert "reason" in schemas[model]["required"], route.name

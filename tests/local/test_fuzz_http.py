"""Whatever the OpenAPI document allows a caller to send, and much it does not: the gateway answers as the document says, never with a 5xx.

In a tenant of the test's own, in the environment dev where nothing runs by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from tests.local.conftest import Stack
from tests.local.workflows.company import Company, founded, kpi
from tests.local.workflows.http import Ledger
from tests.local.workflows.people import People, hired

pytestmark = pytest.mark.local
DOCUMENT = json.loads(Path("docs/openapi.json").read_text("utf-8"))
EXAMPLES = 3
"""Calls of each operation, as the document says and as many that it does not; all take less than a minute on an idle machine."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, People]]:
    mark = uuid4().hex[:8].upper()
    tenant = f"fuz-{mark.lower()}"
    own = kpi(f"WFZ-{mark}", "1.0.0", tenant, criticality="medium")
    with founded(stack, mark, [own], tenant) as company, hired(stack, tenant, Ledger(), tmp_path_factory.mktemp("people")) as people:
        yield company, people


def operations() -> list[schemathesis.APIOperation]:
    # Without the security it asks for: wrong tokens are the matter of the isolation matrix, here all calls come in.
    components = {name: value for name, value in DOCUMENT["components"].items() if name != "securitySchemes"}
    found = schemathesis.openapi.from_dict({**DOCUMENT, "security": [], "components": components})
    return [result.ok() for result in found.get_all_operations()]


def test_the_document_is_an_openapi_document() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_operation_is_fuzzed() -> None:
    documented = sum(len(methods) for methods in DOCUMENT["paths"].values())
    assert len(operations()) == documented


@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.label)
def test_any_call_is_answered_as_the_document_says(door: tuple[Company, People], operation: schemathesis.APIOperation) -> None:
    company, people = door
    url = str(company.stack.outputs["apiUrl"]).rstrip("/")
    seen: list[int] = []
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    # What has neither a parameter nor a body cannot be asked wrongly.
    asked = modes if operation.definition.raw.get("parameters") or "requestBody" in operation.definition.raw else modes[:1]

    for mode in asked:

        @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
        def calls(case: schemathesis.Case, real: bool) -> None:
            # The emulator's gateway finds no route for a path with a line break and answers itself; the unit tests send such ids.
            assume("\n" not in unquote("".join(map(str, case.path_parameters.values()))))
            if real and "kpi_id" in case.path_parameters:
                case.path_parameters["kpi_id"] = company.kpi_id("Z")
            case.headers.pop("X-Tenant-Id", None)
            case.headers["Authorization"] = f"Bearer {people.admin.token}"
            answer = case.call(base_url=url, timeout=35)
            seen.append(answer.status_code)
            case.validate_response(answer, checks=CHECKS)
            if answer.status_code >= 400:
                assert_problem(answer)

        calls()
    assert seen
    assert 401 not in seen


def assert_problem(answer: Any) -> None:
    assert answer.headers["content-type"][0].startswith("application/problem+json"), answer.text
    problem = answer.json()
    assert (problem["status"], bool(problem["code"]), bool(problem["trace_id"])) == (answer.status_code, True, True)
    assert "Traceback" not in answer.text


def test_after_all_of_it_the_audit_log_is_one_chain(door: tuple[Company, People]) -> None:
    """Runs last, as it is written last: what was done by all the calls above."""
    company, people = door
    told = [AuditEvent.model_validate(each) for each in people.auditor.items("/audit", limit="200")][::-1]
    assert first_break(told, tenant_id=company.tenant) is None
    assert len(told) > 3

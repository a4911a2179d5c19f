"""Every operation of the OpenAPI document, asked by everybody who must not: refused alike, whether or not the object exists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas.api.control.openapi import document
from lambdas.api.control.routes import ROUTES
from tests.unit.lambdas.api_control import samples
from tests.unit.lambdas.api_control.service import ADA, CFO, NOBODY, OPS, RIVAL, Got, Service, person

THERE = "id-6"
"""The id of the open request of `full()`, and of everything else in it that has an id of its own."""


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    writes: bool
    has_body: bool

    @property
    def makes_what_it_names(self) -> bool:
        """A PUT of something that is not there yet; versions of KPIs are made by a POST."""
        return self.method == "PUT" and "{" in self.path and "{ver}" not in self.path

    def ask(self, service: Service, *, kpi_id: str = samples.KPI, request: str = THERE, **more: Any) -> Got:
        # Every tenant has the one connection of this name.
        path = samples.path(self.path.replace("{name}", "warehouse" if request == THERE else "{name}"), kpi_id, other=request)
        # An id that cannot be one cannot be in a definition either: then only the path has it.
        content = samples.body(self.name, kpi_id if kpi_id == samples.NO_KPI else samples.KPI)
        more = {"query": samples.query(self.name), "key": "the-key" if self.writes else None} | more
        return service.send(self.method, path, content, **more)


def operations() -> list[Operation]:
    found = []
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue  # health, which is asked without a token
            writes = any(parameter["name"] == "X-Idempotency-Key" for parameter in operation["parameters"])
            found.append(Operation(operation["operationId"], method.upper(), path, writes, "requestBody" in operation))
    return found


ALL = operations()
WRITES = [each for each in ALL if each.writes]
FOR_READERS = {"exportEvidence"}
"""Writes that are a reader's business: an auditor asks for evidence. They are recorded like all others and change no KPI."""
# What names no object, so that there is nothing to guess.
WITHOUT_ID = {each.name for each in ALL if "{" not in each.path} - {"maintain", "exportEvidence"} | {"getView"}
DEV_ONLY = person("dev", "client-admin", environments="dev")
HYBRID = person("hybrid", "client-admin", "read-only")


def full() -> Service:
    """A tenant with a version that runs, a request for its end that is open, and everything else that is made by being written."""
    service = Service()
    service.live()
    asked = service.post("/kpis/SKY-AD-01/versions/1.0.0/submit", {"requested": "deprecate"})
    assert (asked.status, asked.body["request_id"]) == (200, THERE)
    for each in ALL:
        if each.makes_what_it_names:
            made = each.ask(service, key=f"make-{each.name}")
            assert made.status < 300, made.text
    service.reads.watched(THERE)
    return service


def own(service: Service) -> Any:
    """What the tenant has."""
    office = service.office
    return json.dumps(office.store.tables.get(office.tenant, {}), sort_keys=True, default=str), len(office.events)


def same(operation: Operation, **more: Any) -> Got:
    """The answer where the object exists, which must be the one where nothing exists at all, and change nothing."""
    there, nowhere = full(), Service()
    there.keys = nowhere.keys = 0
    before = own(there)
    found = operation.ask(there, **more)
    other = operation.ask(nowhere, **more)
    assert own(there) == before
    assert (found.status, found.text, found.headers) == (other.status, other.text, other.headers)
    return found


def test_the_document_has_the_routes_the_requirement_names() -> None:
    version = "/kpis/{kpi_id}/versions/{ver}/"
    named = {("POST", version + last) for last in ("publish", "pause", "resume", "rollback", "schedule", "sla", "validation")}
    named |= {("GET", "/kpis/{kpi_id}/lineage"), ("GET", "/kpis/{kpi_id}/impact"), ("POST", "/approvals/{request_id}/decision")}
    assert named <= {(each.method, each.path) for each in ALL}


def test_every_operation_is_in_the_matrix() -> None:
    assert [each.name for each in ALL if each.has_body != (samples.body(each.name) is not None)] == []
    assert len({each.name for each in ALL}) == len(ALL) == len(ROUTES)
    with pytest.raises(KeyError):
        samples.body("anOperationNobodyThoughtOf")


@pytest.mark.parametrize("operation", ALL, ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("by", "tenant"),
    [({}, None), (NOBODY, None), (person("x", "some-group"), None), (person("y", "client-admin", tenant=None), None), (ADA, "rival")],
    ids=["no token", "no role", "unknown role", "no tenant", "another tenant's header"],
)
def test_who_has_no_place_here_is_refused(operation: Operation, by: Mapping[str, Any], tenant: str | None) -> None:
    answer = same(operation, by=by, tenant=tenant)
    assert (answer.status, answer.body["code"]) == (403, "POLICY_DENY")


# Auditors may have evidence made; that is written down, and changes nothing.
@pytest.mark.parametrize("operation", [each for each in WRITES if each.name not in FOR_READERS], ids=lambda each: each.name)
@pytest.mark.parametrize("by", [CFO, HYBRID], ids=["reader", "reader who is client admin too"])
def test_a_reader_changes_nothing(operation: Operation, by: Mapping[str, Any]) -> None:
    answer = same(operation, by=by)
    assert (answer.status, answer.body["code"]) == (403, "POLICY_DENY")


@pytest.mark.parametrize("operation", ALL, ids=lambda each: each.name)
def test_a_token_for_dev_opens_nothing_in_production(operation: Operation) -> None:
    answer = same(operation, by=DEV_ONLY)
    assert (answer.status, answer.body["code"]) == (403, "POLICY_DENY")


@pytest.mark.parametrize("operation", ALL, ids=lambda each: each.name)
def test_another_tenant_that_guesses_ids_learns_what_it_would_learn_of_nothing(operation: Operation) -> None:
    answer = same(operation, by=RIVAL)
    harmless = operation.name in WITHOUT_ID or operation.makes_what_it_names
    assert answer.status in ((200, 403, 404) if harmless else (403, 404, 409))
    assert "Mean" not in answer.text
    assert "skyway" not in answer.text.replace("its definition is for skyway, not for rival", "")


NAMED = [each for each in ALL if each.name not in WITHOUT_ID and not each.makes_what_it_names]


@pytest.mark.parametrize("operation", NAMED, ids=lambda each: each.name)
@pytest.mark.parametrize("by", [ADA, OPS], ids=["client admin", "platform admin"])
def test_an_id_that_is_not_there_changes_nothing(operation: Operation, by: Mapping[str, Any]) -> None:
    service = full()
    before = service.state
    answer = operation.ask(service, kpi_id=samples.NO_KPI, request="id-999", by=by, tenant="skyway")
    assert answer.status in (403, 404, 409)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert service.state == before


@pytest.mark.parametrize("operation", [each for each in ALL if "{" in each.path], ids=lambda each: each.name)
@pytest.mark.parametrize("wrong", ["x", "SKY-AD-01%23active", "prod#kpi#SKY-AD-01", "..", "SKY-AD-01\n"])
def test_an_id_no_object_can_have_is_an_id_no_object_has(operation: Operation, wrong: str) -> None:
    service = full()
    before = service.state
    answer = operation.ask(service, kpi_id=wrong, request=wrong.replace("x", "?"))
    assert answer.status in (403, 404)
    assert service.state == before


@pytest.mark.parametrize("operation", ALL, ids=lambda each: each.name)
def test_a_tenant_that_cannot_be_a_name_is_refused(operation: Operation) -> None:
    answer = same(operation, by=OPS, tenant="../skyway")
    assert (answer.status, answer.body["code"]) == (400, "INVALID_INPUT")


def test_the_matrix_would_see_an_answer_that_depends_on_what_exists() -> None:
    """The comparison itself finds a difference where there is one: a client admin's own tenant."""
    reading = next(each for each in ALL if each.name == "listKpiVersions")
    with pytest.raises(AssertionError):
        same(reading, by=ADA)


def test_a_client_admin_of_two_groups_keeps_to_the_own_tenant() -> None:
    both = person("both", "client-admin", "platform-admin", tenant="rival")
    service = full()
    decision = {"choice": "approve", "side": "business", "content_hash": samples.HASH}
    answer = service.post(f"/approvals/{THERE}/decision", decision, by=both, tenant="skyway")
    assert answer.status == 403

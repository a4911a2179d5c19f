"""Every operation of the OpenAPI document through the real gateway, asked by everybody who must not: refused alike, whatever exists.

Two tenants of the tests' own: one with a KPI that runs, an open change request and everything else that can be made, and a rival with
nothing but its name. The matrix is made of the committed document; that the document has every route there is, is a test too.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from boto3.dynamodb.conditions import Key

from lambdas.api import handler
from tests.local.conftest import Stack
from tests.local.forged import LET_IN_BY_NOBODY, Forger, forger
from tests.local.workflows.company import Company, founded, kpi
from tests.local.workflows.http import Ledger
from tests.local.workflows.people import People, hired
from tests.unit.lambdas.api_control import samples
from tests.unit.lambdas.api_control.test_isolation import FOR_READERS, Operation

pytestmark = pytest.mark.local
DOCUMENT = json.loads(Path("docs/openapi.json").read_text("utf-8"))
METHODS = ("get", "post", "put", "delete")
NOT_THERE = "0" * 32
THING, NO_THING = "a-thing", "no-thing"
CHANGING = re.compile(r"^(limit#|idem#|task#|audit#checkpoint|audit#pending)")
"""Rows that no caller changes on purpose: limits, idempotency keys, the waiting for a decision, and how far the chain is signed."""


def of_document(*, public: bool) -> list[Operation]:
    found = []
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if (operation.get("security") == []) is public:
                writes = any(parameter["name"] == "X-Idempotency-Key" for parameter in operation["parameters"])
                found.append(Operation(operation["operationId"], method.upper(), path, writes, "requestBody" in operation))
    return found


ALL, PUBLIC = of_document(public=False), of_document(public=True)
WRITES = [each for each in ALL if each.writes]


@dataclass(frozen=True)
class Got:
    status: int
    text: str
    headers: Mapping[str, str]

    def about(self, *names: str) -> tuple[int, str]:
        """The answer without what differs between any two calls, and without the ids it repeats."""
        text = re.sub(r'"trace_id": ?"[^"]*"', '"trace_id": ""', self.text)
        for name in names:
            text = text.replace(name, "ID")
        return self.status, text


@dataclass
class Place:
    """The tenant that has everything, with the ids of what it has."""

    home: Company
    rival: Company
    people: People
    rivals: People
    forger: Forger
    request_id: str = ""

    @property
    def kpi_id(self) -> str:
        return self.home.kpi_id("I")

    @property
    def no_kpi(self) -> str:
        return f"WFN-{self.home.mark}"

    def ask(self, operation: Operation, token: str | None, *, there: bool, key: str | None = None, **headers: str) -> Got:
        """One call, about what is there or about an id of the same form that nobody has."""
        kpi_id, request, thing = (self.kpi_id, self.request_id, THING) if there else (self.no_kpi, NOT_THERE, NO_THING)
        template = operation.path.replace("{name}", "warehouse" if there else "no-warehouse")
        sent = {"Content-Type": "application/json"} | headers
        sent |= {"Authorization": f"Bearer {token}"} if token is not None else {}
        sent |= {"X-Idempotency-Key": key or uuid4().hex} if operation.writes else {}
        content = samples.body(operation.name, kpi_id)
        answer = requests.request(
            operation.method,
            str(self.home.stack.outputs["apiUrl"]).rstrip("/")
            + samples.path(template, kpi_id, other=request if "{request_id}" in template else thing),
            params=samples.query(operation.name),
            data=json.dumps(content) if content is not None else None,
            headers=sent,
            timeout=35,
        )
        return Got(answer.status_code, answer.text, answer.headers)

    def both(self, operation: Operation, token: str | None, **headers: str) -> Got:
        """The answer about what is there, which must be the one about what is not."""
        there = self.ask(operation, token, there=True, **headers)
        not_there = self.ask(operation, token, there=False, **headers)
        assert there.about(self.kpi_id, self.request_id, THING) == not_there.about(self.no_kpi, NOT_THERE, "no-warehouse", NO_THING)
        return there

    def state(self) -> dict[str, Any]:
        """Every row the home tenant has in the catalog and in the audit table."""
        stack = self.home.stack
        rows: dict[str, Any] = {}
        for table in ("catalog", "audit"):
            found = stack.dynamodb.Table(stack.outputs["tables"][table]).query(
                KeyConditionExpression=Key("pk").eq(self.home.tenant), ConsistentRead=True
            )
            assert "LastEvaluatedKey" not in found
            rows |= {f"{table} {row['sk']}": row for row in found["Items"] if not CHANGING.match(str(row["sk"]))}
        return rows


@pytest.fixture(scope="module")
def place(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    mark = uuid4().hex[:8].upper()
    home, other = f"iso-{mark.lower()}", f"riv-{mark.lower()}"
    own = kpi(f"WFI-{mark}", "1.0.0", home, criticality="medium")
    with (
        founded(stack, mark, [own], home) as company,
        founded(stack, mark, [], other) as rival,
        hired(stack, home, Ledger(), tmp_path_factory.mktemp("home")) as people,
        hired(stack, other, Ledger(), tmp_path_factory.mktemp("rival")) as rivals,
    ):
        made = Place(company, rival, people, rivals, forger(stack, people.admin.token))
        asked = people.admin.post(f"/kpis/{made.kpi_id}/versions/1.0.0/submit", {"requested": "deprecate", "reason": "to have one"})
        made.request_id = str(asked.ok()["request_id"])
        for each in ALL:
            # The secret of a connection is made by the tenant's stack, and this tenant has none.
            if each.makes_what_it_names and "{name}" not in each.path:
                answer = made.ask(each, people.admin.token, there=True)
                assert answer.status < 300, f"{each.name}: {answer.text}"
        yield made


@pytest.fixture(scope="module", autouse=True)
def nothing_changed(place: Place) -> Iterator[None]:
    """Whatever this module asks, the tenant stays as it was."""
    before = place.state()
    yield
    after = place.state()
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    assert changed == [], {key: (before.get(key), after.get(key)) for key in changed}


# No endpoint escapes


def test_the_function_has_the_routes_of_the_document_and_no_other() -> None:
    app = handler.app
    routes = {(route.method, re.sub(r"<(\w+)>", r"{\1}", route.path)) for route in (*app._dynamic_routes, *app._static_routes)}
    documented = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert routes == documented


def test_the_gateway_lets_only_what_the_document_calls_public_in_without_a_token(stack: Stack) -> None:
    client, api = stack.client("apigatewayv2"), stack.outputs["apiUrl"].rstrip("/").split("/")[-2]
    routes = client.get_routes(ApiId=api, MaxResults="500")["Items"]
    open_to_all = {route["RouteKey"] for route in routes if route.get("AuthorizationType") != "JWT"}
    public = {f"{each.method} {each.path}" for each in PUBLIC}
    assert all(re.fullmatch(r"GET /health(/\{check\})?", key) for key in open_to_all), open_to_all
    assert all(any(re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(key)), each) for key in open_to_all) for each in public)
    behind = {route["RouteKey"] for route in routes} - open_to_all
    assert {each.method for each in ALL} <= {key.split(" ")[0] for key in behind if key.endswith("/{proxy+}")}
    (authorizer,) = client.get_authorizers(ApiId=api)["Items"]
    assert authorizer["JwtConfiguration"]["Audience"] == [stack.outputs["userPoolClientId"]]
    assert authorizer["JwtConfiguration"]["Issuer"].endswith(stack.outputs["userPoolId"])
    assert {route.get("AuthorizerId") for route in routes if route["RouteKey"] in behind} == {authorizer["AuthorizerId"]}


def test_the_health_of_the_platform_names_no_tenant(place: Place) -> None:
    for path in ("/health", "/health/db", "/health/dependencies"):
        text = place.home.stack.get(path).text
        assert not [name for name in (place.home.tenant, "skyway", "discco", "acme") if name in text]


# Tokens


@pytest.mark.parametrize("name", LET_IN_BY_NOBODY)
def test_a_token_that_is_none_is_refused_by_every_operation(place: Place, name: str) -> None:
    token = LET_IN_BY_NOBODY[name](place.forger)
    for operation in ALL:
        answer = place.both(operation, token)
        assert (answer.status, json.loads(answer.text)) == (401, {"message": "Unauthorized"}), operation.name


def test_the_token_that_is_changed_here_is_a_good_one(place: Place) -> None:
    """Otherwise the matrix would refuse the wrong thing: signed again as it is, it opens the door."""
    listed = next(each for each in ALL if each.name == "listKpiVersions")
    for token in (place.forger.good, place.forger.signed()):
        assert place.ask(listed, token, there=True).status == 200


REFUSED_CLAIMS: dict[str, Mapping[str, Any]] = {
    "no role": {"without": ("cognito:groups",)},
    "no tenant": {"without": ("custom:tenant_id",)},
    "only for dev": {"custom:environments": "dev"},
    "no name": {"sub": ""},
}


@pytest.mark.parametrize("name", REFUSED_CLAIMS)
def test_claims_that_give_no_right_are_refused_by_every_operation(place: Place, name: str) -> None:
    token = place.forger.signed(**REFUSED_CLAIMS[name])
    for operation in ALL:
        answer = place.both(operation, token)
        assert (answer.status, json.loads(answer.text)["code"]) == (403, "POLICY_DENY"), (operation.name, answer.text)


def test_the_header_of_another_tenant_is_refused_by_every_operation(place: Place) -> None:
    for operation in ALL:
        answer = place.both(operation, place.people.admin.token, **{"X-Tenant-Id": place.rival.tenant})
        assert (answer.status, json.loads(answer.text)["code"]) == (403, "POLICY_DENY"), operation.name


def test_the_wrong_role_changes_nothing_and_learns_nothing(place: Place) -> None:
    for operation in WRITES:
        if operation.name in FOR_READERS:
            continue
        for person in (place.people.cfo, place.people.auditor):
            answer = place.both(operation, person.token)
            assert (answer.status, json.loads(answer.text)["code"]) == (403, "POLICY_DENY"), operation.name


# Other tenants


def test_another_tenant_that_guesses_ids_learns_what_it_would_learn_of_nothing(place: Place) -> None:
    for operation in ALL:
        token = place.rivals.admin.token
        if operation.makes_what_it_names or "{" not in operation.path:
            # There is nothing to guess: it makes or lists what is the rival's own.
            found = [place.ask(operation, token, there=there) for there in (True, False)]
            assert found[0].status == found[1].status, operation.name
            answer = found[0]
        else:
            answer = place.both(operation, token)
            assert answer.status in (400, 403, 404, 409), (operation.name, answer.text)
        assert place.home.tenant not in answer.text, operation.name
        assert "departure" not in answer.text.lower(), operation.name


POSITIONS = ["!", "~", "\x00", "9" * 30, "é" * 200, '{"pk": "skyway"}', "prod#kpi#~~", '["2026-01-01T00:00:00Z", "A\\u0000", "b"]', "1#x"]


def test_a_cursor_that_was_made_up_or_is_of_another_tenant_opens_nothing(place: Place) -> None:
    paths = [
        path
        for path, methods in DOCUMENT["paths"].items()
        if any(each["name"] == "cursor" for each in methods.get("get", {}).get("parameters", ()))
    ]
    assert len(paths) >= 3
    for path in map(samples.path, paths):
        owned = place.people.admin.get(path, limit="1").body.get("next_cursor")
        made = [base64.urlsafe_b64encode(position.encode()).decode().rstrip("=") for position in POSITIONS]
        for cursor in [*made, *([owned] if owned else [])]:
            answer = place.rivals.admin.get(path, cursor=cursor, limit="2")
            # Where the path itself names an object, it is one of another tenant.
            assert answer.status in (200, 400, 404), (path, cursor, answer.body)
            assert not [name for name in (place.home.tenant, place.kpi_id, place.request_id) if name in json.dumps(answer.body)]


def test_the_comparison_sees_a_difference_where_there_is_one(place: Place) -> None:
    listed = next(each for each in ALL if each.name == "listKpiVersions")
    with pytest.raises(AssertionError):
        place.both(listed, place.people.admin.token)


# What comes back


def test_refusals_of_the_service_are_problems_that_are_not_kept(place: Place) -> None:
    listed = next(each for each in ALL if each.name == "listKpiVersions")
    answer = place.ask(listed, place.people.admin.token, there=False)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert json.loads(answer.text)["trace_id"]


def test_a_body_that_is_too_long_is_refused_unread(place: Place) -> None:
    url = f"{place.people.admin.url}/kpis/{place.kpi_id}/versions/1.0.0/pause"
    headers = {"Authorization": f"Bearer {place.people.admin.token}", "X-Idempotency-Key": uuid4().hex}
    answer = requests.post(url, json={"reason": "x" * 300_000}, headers=headers, timeout=35)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert "xxxx" not in answer.text


def test_a_page_of_another_site_is_not_allowed_to_read_answers(place: Place) -> None:
    for origin in ("https://evil.example", "null"):
        url = str(place.home.stack.outputs["apiUrl"]).rstrip("/") + "/kpis"
        answer = requests.get(url, headers={"Origin": origin, "Authorization": f"Bearer {place.people.cfo.token}"}, timeout=30)
        assert answer.headers.get("Access-Control-Allow-Origin") not in ("*", origin)
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        preflight = requests.options(url, headers=asked, timeout=30)
        assert preflight.headers.get("Access-Control-Allow-Origin") not in ("*", origin)


def test_tokens_are_in_no_log(stack: Stack, place: Place) -> None:
    """After all of the above, whose tokens were sent hundreds of times."""
    logs = stack.client("logs")
    name = f"/aws/lambda/{stack.outputs['prefix']}-api"
    found = logs.filter_log_events(logGroupName=name, filterPattern=f'"{place.people.admin.token[:40]}"').get("events", [])
    assert found == []
    assert logs.filter_log_events(logGroupName=name, filterPattern=f'"{place.home.tenant}"', limit=1)["events"] != []

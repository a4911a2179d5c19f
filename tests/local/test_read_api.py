"""The read API from outside: who gets what, and how refusals look."""

from __future__ import annotations

import pytest

from cli import aws, demo_users
from tests.local.conftest import Stack

pytestmark = pytest.mark.local

ADMIN = "platform-admin@kpi.example"


@pytest.fixture(scope="module")
def tokens(stack: Stack) -> dict[str, str]:
    """One token for each person of the demo."""
    client = aws.client(stack.settings, "cognito-idp")
    people = [person.username for person in demo_users.people(("skyway", "discco", "acme"))]
    return {name: demo_users.token(client, stack.settings, stack.outputs, name) for name in people}


def some_run(stack: Stack, tenant: str) -> str:
    return str(int(stack.log_rows("run", tenant)[0]["run_id"]))


def test_health_needs_no_token(stack: Stack) -> None:
    assert stack.get("/health").json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/kpis", "/kpis/CFO-EF-02", "/runs", "/runs/1", "/results?kpi_id=CFO-EF-02"])
def test_without_a_token_nothing_is_told(stack: Stack, path: str) -> None:
    assert stack.get(path).status_code == 401


def test_a_tampered_token_is_refused(stack: Stack, tokens: dict[str, str]) -> None:
    header, payload, signature = tokens["cfo@acme.example"].split(".")
    assert stack.get("/runs", token=f"{header}.{payload[:-4]}AAAA.{signature}").status_code == 401


def test_a_reader_sees_the_kpis_and_runs_of_the_own_tenant(stack: Stack, tokens: dict[str, str]) -> None:
    token = tokens["cfo@acme.example"]
    kpis = stack.get("/kpis", token=token, limit="200").json()["items"]
    assert "CFO-EF-02" in {item["kpi_id"] for item in kpis}
    assert not {item["kpi_id"] for item in kpis if item["kpi_id"].startswith("SKY-")}
    runs = stack.get("/runs", token=token).json()["items"]
    assert {run["tenant_id"] for run in runs} == {"acme"}


def test_the_header_of_another_tenant_is_refused(stack: Stack, tokens: dict[str, str]) -> None:
    answer = stack.get("/runs", token=tokens["admin@acme.example"], headers={"X-Tenant-Id": "skyway"})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"] == "POLICY_DENY"


def test_another_tenants_run_looks_like_one_that_does_not_exist(stack: Stack, tokens: dict[str, str]) -> None:
    token = tokens["cfo@acme.example"]
    theirs, nobodys = stack.get(f"/runs/{some_run(stack, 'skyway')}", token=token), stack.get("/runs/1234567", token=token)
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.json()["code"] == nobodys.json()["code"] == "NOT_FOUND"


def test_another_tenants_kpi_looks_like_one_that_does_not_exist(stack: Stack, tokens: dict[str, str]) -> None:
    assert stack.get("/kpis/SKY-OT-01", token=tokens["cfo@acme.example"]).status_code == 404


def test_a_platform_admin_says_for_whom(stack: Stack, tokens: dict[str, str]) -> None:
    answer = stack.get("/runs", token=tokens[ADMIN], headers={"X-Tenant-Id": "skyway"})
    assert {run["tenant_id"] for run in answer.json()["items"]} == {"skyway"}


def test_a_runs_evidence_has_all_five_tables(stack: Stack, tokens: dict[str, str]) -> None:
    token = tokens["cfo@acme.example"]
    listed = stack.get("/runs", token=token, kpi_id="CFO-EF-02", status="success").json()["items"]
    found = stack.get(f"/runs/{listed[0]['run_id']}", token=token).json()
    assert found["run"]["kpi_id"] == "CFO-EF-02"
    assert all(found[section] for section in ("sourcing", "pre_validation", "post_validation", "delivery"))


def test_pages_follow_each_other_without_gap_or_repeat(stack: Stack, tokens: dict[str, str]) -> None:
    token = tokens["cfo@acme.example"]
    whole = [run["run_id"] for run in stack.get("/runs", token=token, limit="60").json()["items"]]
    paged: list[str] = []
    cursor: dict[str, str] = {}
    while len(paged) < len(whole):
        page = stack.get("/runs", token=token, limit="7", **cursor).json()
        paged += [run["run_id"] for run in page["items"]]
        cursor = {"cursor": page["next_cursor"]}
    assert paged[: len(whole)] == whole


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"cursor": "%%%"}, {"status": "great"}, {"colour": "red"}])
def test_a_wrong_query_is_a_problem_in_words(stack: Stack, tokens: dict[str, str], query: dict[str, str]) -> None:
    answer = stack.get("/runs", token=tokens["cfo@acme.example"], **query)
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["code"] == "INVALID_INPUT"
    assert problem["trace_id"]
    assert "Traceback" not in answer.text

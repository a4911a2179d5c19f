"""The read API from outside: who may ask, what they see, and how errors look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.api import cursors, handler
from lambdas.api.browse import Browser
from lambdas.domain.access import Role, roles_of
from lambdas.domain.entries import close_row, delivery_row, open_row
from lambdas.domain.errors import KpiError
from lambdas.domain.model import Delivery, LogEntry, LogTable, Outcome, Result, RunStatus
from tests.unit.lambdas.memory import NOW, kpi, make_run

READER = {"sub": "u1", "cognito:groups": "[read-only]", "custom:tenant_id": "skyway"}
pytestmark = pytest.mark.usefixtures("tables")

ADMIN = {"sub": "u2", "cognito:groups": "[platform-admin]", "custom:tenant_id": "platform"}


class Tables:
    """Log tables as the browser reads them, with DynamoDB's order and limits."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def add(self, *entries: LogEntry) -> None:
        self.entries += entries

    def _newest(self, tenant_id: str, key: str, span: tuple[str, str], rows: int, kpi_id: str | None) -> tuple[list[dict[str, Any]], bool]:
        found = [
            {"pk": each.tenant_id, "sk": each.sort_key} | dict(each.attributes)
            for each in self.entries
            if each.table is LogTable.RUN and each.tenant_id == tenant_id and kpi_id in (None, each.attributes["kpi_id"])
        ]
        found = sorted((row for row in found if span[0] <= row[key] <= span[1]), key=lambda row: row[key], reverse=True)
        return found[:rows], len(found) > rows

    def by_tenant(self, tenant_id: str, *, rows: int, since: str = "0", before: str = "~") -> tuple[list[dict[str, Any]], bool]:
        return self._newest(tenant_id, "sk", (since, before), rows, None)

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = "~") -> tuple[list[dict[str, Any]], bool]:
        return self._newest(tenant_id, "gsi_sk", (since, before), rows, kpi_id)

    def of_run(self, tenant_id: str, run_id: int, table: LogTable) -> list[dict[str, Any]]:
        return [
            {"pk": each.tenant_id, "sk": each.sort_key} | dict(each.attributes)
            for each in self.entries
            if (each.table, each.tenant_id, each.attributes["run_id"]) == (table, tenant_id, run_id)
        ]

    def deliveries(self, tenant_id: str, run_ids: list[int]) -> dict[int, dict[str, Any]]:
        return {run_id: row for run_id in run_ids for row in self.of_run(tenant_id, run_id, LogTable.DELIVERY)}


class Catalog:
    def page(self, tenant_id: str, prefix: str, *, after: str | None, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        ids = [f"SKY-{number:02d}-01" for number in range(25)] if tenant_id == "skyway" else []
        rows = [
            {"sk": f"{prefix}{each}#1.0.0", "kpi_id": each, "name": f"KPI {each}", "status": "active", "layer": "primary"} for each in ids
        ]
        found = [row for row in rows if row["sk"] > (after or "")]
        return found[:limit], (found[limit - 1]["sk"] if len(found) > limit else None)

    def rows(self, *_: Any) -> list[Any]:
        return []

    def active(self, *_: Any) -> None:
        return None


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    found = Tables()
    for number in range(1, 8):
        run = make_run(kpi(), run_id=number)
        found.add(open_row(run))
        if number != 7:
            status = RunStatus.FAILED if number == 3 else RunStatus.SUCCESS
            found.add(close_row(run, Outcome(status=status), NOW, sla_breached=False))
        if number == 6:
            result = Result("ALL", 9.5, kpi().verdict.judge(9.5), 3, {}, {})
            found.add(delivery_row(Delivery(run, kpi().grain, "minutes", NOW, (result,)), "Adequate", []))
    found.add(open_row(make_run(kpi(), run_id=50, tenant_id="acme")))
    browser = Browser(Catalog(), found, lambda: pytest.fail("no results were asked for"))  # type: ignore[arg-type]
    monkeypatch.setattr(handler, "_browser", lambda: browser)
    return found


def get(
    path: str, claims: dict[str, str] | None = READER, headers: dict[str, str] | None = None, **query: str
) -> tuple[int, dict[str, Any]]:
    event = {
        "version": "2.0",
        "routeKey": f"GET {path}",
        "rawPath": path,
        "headers": headers or {},
        "queryStringParameters": query,
        "requestContext": {
            "requestId": "trace-1",
            "stage": "$default",
            "http": {"method": "GET", "path": path},
            "authorizer": {"jwt": {"claims": claims}} if claims else {},
        },
    }
    answer = handler.handler(event, None)
    body: dict[str, Any] = json.loads(answer["body"])
    if answer["statusCode"] >= 400:
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert body["trace_id"] == "trace-1"
        assert body["status"] == answer["statusCode"]
    return answer["statusCode"], body


def pages(path: str, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(50):
        status, page = get(path, **query, **cursor)
        assert status == 200
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the pages never end")


def test_health_needs_nobody() -> None:
    assert get("/health", None)[0] == 200


@pytest.mark.parametrize(
    "claims",
    [None, {"sub": "x"}, {"sub": "x", "cognito:groups": "[guests]", "custom:tenant_id": "skyway"}, READER | {"custom:tenant_id": ""}],
)
@pytest.mark.parametrize("path", ["/kpis", "/kpis/SKY-00-01", "/runs", "/runs/1", "/results"])
def test_nobody_without_a_role_and_a_tenant_reads_anything(path: str, claims: dict[str, str] | None) -> None:
    assert get(path, claims)[1]["code"] == "POLICY_DENY"


@pytest.mark.parametrize("path", ["/kpis", "/runs", "/runs/1", "/results"])
def test_nobody_acts_for_another_tenant(path: str) -> None:
    assert get(path, headers={"x-tenant-id": "acme"})[0] == 403


def test_a_platform_admin_acts_for_the_tenant_it_names() -> None:
    assert [run["run_id"] for run in get("/runs", ADMIN, {"x-tenant-id": "acme"})[1]["items"]] == ["50"]


def test_another_tenants_run_looks_exactly_like_one_that_does_not_exist() -> None:
    foreign, absent = get("/runs/50"), get("/runs/51")
    assert foreign[0] == absent[0] == 404
    assert foreign[1]["detail"].replace("50", "N") == absent[1]["detail"].replace("51", "N")


def test_runs_come_newest_first_over_all_pages_each_once() -> None:
    for limit in ("1", "2", "3", "50"):
        assert [run["run_id"] for run in pages("/runs", limit=limit)] == ["7", "6", "5", "4", "3", "2", "1"]
        assert [run["run_id"] for run in pages("/runs", limit=limit, kpi_id="SKY-AD-01")] == ["7", "6", "5", "4", "3", "2", "1"]


def test_runs_are_filtered_by_status() -> None:
    assert [run["run_id"] for run in pages("/runs", status="failed", limit="1")] == ["3"]


def test_a_run_in_flight_has_no_status_and_a_delivered_one_its_value() -> None:
    first, second, *_ = pages("/runs")
    assert "status" not in first
    assert (second["value"], second["unit"], second["verdict"]) == (9.5, "minutes", "Adequate")
    assert first["time_range"] == second["time_range"] == "2013-10-29T00:00:00.000Z/2013-10-30T00:00:00.000Z"


def test_a_run_shows_its_rows_without_the_tables_keys() -> None:
    found = get("/runs/6")[1]
    assert found["entries"] == ["close", "open"]
    assert found["run"]["status"] == "success"
    assert not {"pk", "sk", "gsi_pk"} & set(found["delivery"][0])


def test_kpis_come_in_pages_each_once() -> None:
    assert len({item["kpi_id"] for item in pages("/kpis", limit="10")}) == 25
    assert [item["kpi_id"] for item in pages("/kpis", q="sky-07", limit="3")] == ["SKY-07-01"]


def test_a_page_that_ends_with_the_last_kpi_has_no_next() -> None:
    assert get("/kpis", limit="25")[1]["next_cursor"] is None


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"environment": "moon"}, {"status": "odd"}, {"colour": "red"}]
)
def test_bad_parameters_are_named(query: dict[str, str]) -> None:
    status, body = get("/runs", **query)
    assert (status, body["code"]) == (400, "INVALID_INPUT")
    assert [error["field"] for error in body["errors"]] == list(query)


def test_a_made_up_cursor_is_refused() -> None:
    assert get("/runs", cursor="???")[1]["code"] == "INVALID_INPUT"


def test_a_cursor_of_another_tenant_opens_nothing() -> None:
    cursor = cursors.encode("9" * 19) or ""
    assert {run["tenant_id"] for run in get("/runs", cursor=cursor)[1]["items"]} == {"skyway"}


def test_a_failure_on_our_side_says_nothing_of_its_inside(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "by_tenant", lambda *_args, **_named: 1 / 0)
    status, body = get("/runs")
    assert (status, body["code"]) == (500, "INTERNAL")
    assert "division" not in json.dumps(body)
    assert "Traceback" not in json.dumps(body)


def test_unknown_paths_and_odd_run_ids_are_not_found() -> None:
    assert get("/secrets")[0] == 404
    assert get("/runs/abc")[0] == 404


@pytest.mark.parametrize(
    "claim", ["[read-only client-admin]", "read-only,client-admin", ["read-only", "client-admin"], '["read-only", "client-admin"]']
)
def test_groups_are_read_in_every_spelling(claim: Any) -> None:
    assert roles_of(claim) == {Role.READ_ONLY, Role.CLIENT_ADMIN}


def test_a_cursor_returns_to_its_position() -> None:
    assert cursors.decode(cursors.encode("prod#kpi#A~")) == "prod#kpi#A~"
    with pytest.raises(KpiError):
        cursors.decode("é")

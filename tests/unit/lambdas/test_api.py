"""The read API from outside: who may ask, what they see, and how errors look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.api import cursors, handler
from lambdas.api.control.health_routes import PUBLIC
from lambdas.api.control.routes import ROUTES
from lambdas.domain.access import Role, roles_of
from lambdas.domain.entries import close_row, delivery_row, open_row
from lambdas.domain.errors import KpiError
from lambdas.domain.model import Delivery, Outcome, Result, RunStatus
from tests.unit.lambdas.api_control.reads import LogRows
from tests.unit.lambdas.api_control.service import Service
from tests.unit.lambdas.control.office import kpi as office_kpi
from tests.unit.lambdas.memory import NOW, kpi, make_run

READER = {"sub": "u1", "cognito:groups": "[read-only]", "custom:tenant_id": "skyway"}
pytestmark = pytest.mark.usefixtures("tables")

ADMIN = {"sub": "u2", "cognito:groups": "[platform-admin]", "custom:tenant_id": "platform"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service behind the handler."""
    made = Service()
    monkeypatch.setattr(handler, "_composition", lambda: made)
    return made


@pytest.fixture
def tables(service: Service) -> LogRows:
    """25 KPIs and seven runs of skyway, and one run of acme."""
    for number in range(25):
        service.office.imported(office_kpi(id=f"SKY-{number:02d}-01", name=f"KPI SKY-{number:02d}-01"))
    found = service.reads.logs
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
    found.add(open_row(make_run(kpi(), run_id=60, environment="dev")))
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


@pytest.mark.parametrize("path", ["/runs", "/views/vw_kpi_run_overview"])
@pytest.mark.parametrize("more", [{}, {"kpi_id": "SKY-AD-01"}])
@pytest.mark.parametrize("query", [{"cursor": "AAAA"}, {"since": "2026-01-01", "cursor": cursors.encode("1") or ""}])
def test_a_cursor_from_before_the_beginning_ends_the_list(path: str, more: dict[str, str], query: dict[str, str]) -> None:
    assert get(path, **query, **more)[1]["items"] == []


def test_a_cursor_of_another_tenant_opens_nothing() -> None:
    cursor = cursors.encode("9" * 19) or ""
    assert {run["tenant_id"] for run in get("/runs", cursor=cursor)[1]["items"]} == {"skyway"}


@pytest.mark.parametrize("position", ["audit", "dev#kpi#", "prod#active#SKY-01-01", "prod", "prod#kpi#\u00e9"])
def test_a_cursor_made_up_to_begin_elsewhere_opens_no_other_rows(position: str) -> None:
    status, body = get("/kpis", cursor=cursors.encode(position) or "")
    assert (status, body["code"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize(
    "position", ["", "[]", "5", '["yesterday", "A-01", "ALL"]', '["2026-01-01", "A\\u0000", "ALL"]', '["2026-01-01", "A", "B", "C"]']
)
def test_a_made_up_cursor_of_results_never_reaches_the_store(position: str) -> None:
    status, body = get("/results", cursor=cursors.encode(position) or "")
    assert (status, body["code"]) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("path", ["/runs", "/results", "/incidents", "/views/vw_kpi_run_overview", "/audit"])
@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31"])
def test_a_moment_at_the_end_of_time_is_a_moment_or_refused_in_words(path: str, since: str) -> None:
    status, body = get(path, since=since)
    assert status in (200, 400), body


def test_an_entity_the_store_cannot_hold_is_refused() -> None:
    assert get("/results", entity="A\0")[1]["code"] == "INVALID_INPUT"


def test_results_are_asked_for_as_the_tenant_and_go_on_where_the_page_ended(service: Service) -> None:
    row = {
        "run_id": "6", "kpi_id": "SKY-01-01", "contract_version": "1.0.0", "variant_label": None, "period_start": NOW, "period_end": NOW,
        "time_grain": "day", "scd_view": "as_reported", "value": 9.5, "unit": "minutes", "verdict": "Adequate", "rows_processed": 3,
        "extensions": {"MoM": 0.1}, "flags": {}, "delivered_at": NOW,
    }  # fmt: skip
    service.reads.results.found["skyway"] = [row | {"entity": entity} for entity in ("C", "B")]
    first = get("/results", limit="1", environment="stg", entity="C")[1]
    assert (first["items"][0]["value"], first["items"][0]["period_start"]) == (9.5, "2013-10-30T10:00:00.000Z")
    get("/results", limit="1", environment="stg", cursor=first["next_cursor"])
    sql, parameters = service.reads.results.asked or ("", {})
    assert "(period_start, kpi_id, entity) <" in sql
    assert {parameters[name] for name in ("tenant", "environment", "c_kpi", "c_entity")} == {"skyway", "stg", "SKY-01-01", "C"}
    assert get("/results", ADMIN, {"x-tenant-id": "acme"})[1]["items"] == []


def test_a_failure_on_our_side_says_nothing_of_its_inside(tables: LogRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "by_tenant", lambda *_args, **_named: 1 / 0)
    status, body = get("/runs")
    assert (status, body["code"]) == (500, "INTERNAL")
    assert "division" not in json.dumps(body)
    assert "Traceback" not in json.dumps(body)


@pytest.mark.parametrize("path", ["/secrets", "/runs/abc", "/runs/0", "/runs/9999999999999999999", "/runs/-1", "/kpis/..", "/health/all"])
def test_unknown_paths_and_ids_nothing_can_have_are_not_found(path: str) -> None:
    assert get(path)[0] == 404


def test_a_run_of_another_environment_is_shown_to_those_whose_token_grants_it() -> None:
    assert get("/runs/60")[1]["run"]["environment"] == "dev"
    assert get("/runs/60", environment="dev")[0] == 200
    assert get("/runs/60", READER | {"custom:environments": "dev"}, environment="dev")[0] == 200
    absent = get("/runs/61")[1]["detail"]
    for claims, query in ((READER | {"custom:environments": "prod"}, {}), (READER, {"environment": "prod"})):
        status, body = get("/runs/60", claims, **query)
        assert (status, body["detail"].replace("60", "61")) == (404, absent)


def test_a_kpi_shows_its_definition_and_its_versions() -> None:
    found = get("/kpis/SKY-07-01")[1]
    assert found["definition"]["purpose"] == "Mean delay."
    assert found["active_version"] == found["contract_version"] == "1.0.0"
    assert [version["status"] for version in found["versions"]] == ["active"]
    assert get("/kpis/SKY-99-01")[1]["code"] == "NOT_FOUND"
    assert get("/kpis/SKY-07-01", environment="dev")[0] == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"pack": "skyway", "layer": "primary", "owner": "Operations", "status": "active", "version": "1.0.0"}, 25),
        ({"pack": "other"}, 0),
        ({"layer": "secondary"}, 0),
        ({"owner": "Finance"}, 0),
        ({"status": "retired"}, 0),
        ({"version": "2.0.0"}, 0),
    ],
)
def test_the_catalog_is_browsed_by_pack_layer_owner_status_and_version(query: dict[str, str], count: int) -> None:
    assert len(pages("/kpis", **query)) == count


def test_a_kpi_may_come_with_its_last_run(tables: LogRows) -> None:
    tables.add(open_row(make_run(kpi(), run_id=70, kpi_id="SKY-03-01")))
    found = {item["kpi_id"]: item["last_run"] for item in pages("/kpis", include="last_run")}
    assert found["SKY-03-01"]["run_id"] == "70"
    assert found["SKY-04-01"] is None
    assert "last_run" not in pages("/kpis")[0]


def test_the_handler_serves_the_table_and_what_is_public_and_nothing_else() -> None:
    routes = handler.app._static_routes + handler.app._dynamic_routes
    assert len(routes) == len(ROUTES) + len(PUBLIC)


@pytest.mark.parametrize(
    "claim", ["[read-only client-admin]", "read-only,client-admin", ["read-only", "client-admin"], '["read-only", "client-admin"]']
)
def test_groups_are_read_in_every_spelling(claim: Any) -> None:
    assert roles_of(claim) == {Role.READ_ONLY, Role.CLIENT_ADMIN}


@pytest.mark.parametrize("claim", ["[x,platform-admin]", '["x,platform-admin"]', ["x,platform-admin"], "[1]", "[]", "", None])
def test_a_group_whose_name_holds_that_of_a_role_is_not_the_role(claim: Any) -> None:
    assert roles_of(claim) == frozenset()


def test_a_cursor_returns_to_its_position() -> None:
    assert cursors.decode(cursors.encode("prod#kpi#A~")) == "prod#kpi#A~"
    with pytest.raises(KpiError):
        cursors.decode("é")


def logged(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return next(line for line in lines if line.get("path"))


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/kpis", "GET /kpis"),
        ("/kpis/SKY-00-01", "GET /kpis/{kpi_id}"),
        ("/kpis/SKY-00-01/versions/1.0.0/diff", "GET /kpis/{kpi_id}/versions/{ver}/diff"),
        ("/nothing", "GET /nothing"),
    ],
)
def test_the_log_names_the_route_that_served(path: str, route: str, capsys: pytest.CaptureFixture[str]) -> None:
    get(path)
    assert logged(capsys)["route"] == route


def test_the_log_tells_for_which_tenant_a_platform_admin_acts(capsys: pytest.CaptureFixture[str]) -> None:
    get("/kpis", ADMIN, {"X-Tenant-Id": "skyway"})
    line = logged(capsys)
    assert (line["tenant_id"], line["acting_for"]) == ("platform", "skyway")
    get("/kpis", READER, {"x-tenant-id": "skyway"})
    assert logged(capsys).get("acting_for") is None

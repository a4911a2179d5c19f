"""Monitoring over HTTP: the four views, and incidents with who took them on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.entries import close_row, delivery_row, open_row, sourcing_rows, validation_rows
from lambdas.domain.errors import ErrorCode
from lambdas.domain.ids import make_run_id
from lambdas.domain.model import Delivery, LogTable, Outcome, Result, RuleResult, Run, RunStatus
from lambdas.domain.monitoring.views import COLUMNS, View
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, RIVAL, Service, person
from tests.unit.lambdas.control.office import MONDAY, TENANT, kpi
from tests.unit.lambdas.memory import make_run

HOUR = timedelta(hours=1)
DEV = person("dev", "client-admin", environments="dev")


def run(service: Service, hours_ago: int, status: RunStatus, code: ErrorCode | None = None, *, late: bool = False, **changes: Any) -> Run:
    """A run with everything it leaves behind, some hours before now."""
    at, of = MONDAY - hours_ago * HOUR, kpi()
    made = make_run(of, run_id=make_run_id(at, hours_ago), started_at=at, **changes)
    outcome = Outcome(status=status, error_code=code, error_message="in words" if code else None)
    passed = status is RunStatus.SUCCESS
    rule = of.pre_validation[0]
    results = [RuleResult(rule.id, rule.type, rule.severity, passed, "rows")]
    service.reads.logs.add(
        open_row(made),
        close_row(made, outcome, at + timedelta(seconds=90), sla_breached=late),
        *sourcing_rows(made, of, {"GDP_Flights": "v7"}, "hash", at),
        *validation_rows(made, LogTable.PRE_VALIDATION, results, at),
    )
    if passed:
        result = Result("ALL", 5.0, of.verdict.judge(5.0), 3, {}, {})
        service.reads.logs.add(delivery_row(Delivery(made, of.grain, "minutes", at, (result,)), "Adequate", ["MoM"]))
    return made


@pytest.fixture
def service() -> Service:
    made = Service()
    made.live()
    run(made, 5, RunStatus.SUCCESS)
    run(made, 4, RunStatus.SKIPPED, ErrorCode.VALIDATION_FAIL_PRE)
    run(made, 3, RunStatus.SUCCESS, late=True)
    run(made, 2, RunStatus.FAILED, ErrorCode.SQL_ERROR, environment="dev")
    run(made, 1, RunStatus.FAILED, ErrorCode.SQL_ERROR, late=True)
    return made


def rows(service: Service, view: View, **query: str) -> list[dict[str, Any]]:
    """All pages of a view."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = service.get(f"/views/{view}", by=CFO, **query, **cursor).body
        assert all(tuple(row) == COLUMNS[view] for row in page["items"])
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", ["1", "2", "50"])
def test_the_run_overview_has_a_row_a_run_with_its_verdict_and_how_long_it_took(service: Service, limit: str) -> None:
    found = rows(service, View.RUN_OVERVIEW, limit=limit)
    assert [(row["status"], row["verdict"], row["duration_sec"], row["sla_breached"]) for row in found] == [
        ("failed", None, 90, True),
        ("success", "Adequate", 90, True),
        ("skipped", None, 90, False),
        ("success", "Adequate", 90, False),
    ]
    assert found[1]["extensions"] == '["MoM"]'


def test_the_other_views_count_failed_rules_name_sources_and_list_breaches(service: Service) -> None:
    assert [(row["pre_fail_count"], row["post_fail_count"]) for row in rows(service, View.VALIDATION_SUMMARY)] == [
        (1, 0),
        (0, 0),
        (1, 0),
        (0, 0),
    ]
    assert {(row["source_type"], row["source_object"], row["source_version"]) for row in rows(service, View.LINEAGE_SOURCES)} == {
        ("gdp", "GDP_Flights", "v7")
    }
    assert [row["error_code"] for row in rows(service, View.SLA_VIOLATIONS, limit="1")] == ["SQL_ERROR", None]


def test_a_view_is_narrowed_to_an_environment_a_kpi_a_status_and_a_time(service: Service) -> None:
    assert len(rows(service, View.RUN_OVERVIEW, environment="dev")) == 1
    assert rows(service, View.RUN_OVERVIEW, kpi_id="SKY-XX-01") == []
    assert len(rows(service, View.RUN_OVERVIEW, status="success")) == 2
    assert len(rows(service, View.RUN_OVERVIEW, since="2026-01-05T06:00:00Z")) == 2


def test_a_view_shows_no_other_tenants_rows_and_an_unknown_one_is_not_there(service: Service) -> None:
    assert service.get("/views/vw_kpi_run_overview", by=RIVAL).body["items"] == []
    answer = service.get("/views/vw_kpi_nothing")
    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")


def test_incidents_come_with_what_to_look_at(service: Service) -> None:
    found = service.get("/incidents", by=CFO).body
    assert [(each["cause"], each["state"]) for each in found["items"]] == [
        ("sla_breach", "open"),
        ("run_failure", "open"),
        ("pre_validation", "closed"),
    ]
    failure = found["items"][1]
    assert (failure["error_code"], failure["message"], failure["name"], failure["runs"]) == (
        "SQL_ERROR",
        "in words",
        "Mean arrival delay",
        1,
    )
    assert failure["links"]["runbook"] == "docs/runbooks/x.md"
    for link in ("first_run", "last_run", "kpi", "incident"):
        path, _, query = failure["links"][link].partition("?")
        assert service.get(path, by=CFO, **dict(part.split("=") for part in query.split("&") if part)).status == 200
    assert found["complete"]


def test_incidents_are_filtered_and_paged_without_gap_or_repeat(service: Service) -> None:
    assert [each["cause"] for each in service.get("/incidents", state="closed").body["items"]] == ["pre_validation"]
    assert len(service.get("/incidents", cause="sla_breach").body["items"]) == 1
    assert service.get("/incidents", pack="other").body["items"] == []
    assert service.get("/incidents", kpi_id="SKY-XX-01").body["items"] == []
    assert [each["cause"] for each in service.get("/incidents", environment="dev", by=DEV).body["items"]] == ["run_failure"]
    whole = [each["incident_id"] for each in service.get("/incidents").body["items"]]
    paged, cursor = [], {}
    while True:
        page = service.get("/incidents", limit="1", **cursor).body
        paged += [each["incident_id"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == whole
    assert service.get("/incidents", cursor="bm9uc2Vuc2U").status == 400


def test_only_incidents_that_a_run_since_then_shows_are_listed(service: Service) -> None:
    assert [each["cause"] for each in service.get("/incidents", since="2026-01-05T07:00:00Z").body["items"]] == [
        "sla_breach",
        "run_failure",
    ]


def test_whoever_takes_an_incident_on_says_so_once_and_in_the_audit_log(service: Service) -> None:
    incident = service.get("/incidents", cause="run_failure").body["items"][0]
    assert incident["acknowledged"] is None
    path = f"/incidents/{incident['incident_id']}"
    done = service.post(f"{path}/acknowledge", {"reason": "I restart the warehouse"}, key="ack-1")
    assert (done.status, done.body["action"], done.body["object_id"]) == (200, "incident.acknowledge", incident["incident_id"])
    again = service.post(f"{path}/acknowledge", {"reason": "I restart the warehouse"}, key="ack-1")
    assert again.body == done.body
    expected = {"by": "ada", "at": done.body["at"], "reason": "I restart the warehouse"}
    assert service.get(path).body["acknowledged"] == expected
    assert service.get("/incidents", cause="run_failure").body["items"][0]["acknowledged"] == expected
    service.post(f"{path}/acknowledge", {"reason": "I take over"}, by=BEN)
    assert service.get(path).body["acknowledged"]["by"] == "ben"
    assert [event["action"] for event in service.get("/audit", action="incident.acknowledge").body["items"]] == ["incident.acknowledge"] * 2
    assert service.office.chain_holds()


def test_readers_see_incidents_and_take_none_on_and_what_is_not_there_is_not_found(service: Service) -> None:
    incident = service.get("/incidents", by=CFO).body["items"][0]["incident_id"]
    assert service.get(f"/incidents/{incident}", by=CFO).status == 200
    assert service.post(f"/incidents/{incident}/acknowledge", by=CFO).status == 403
    nothing = "run_failure-0000000000000000001"
    assert service.get(f"/incidents/{nothing}").status == service.post(f"/incidents/{nothing}/acknowledge").status == 404
    assert service.get(f"/incidents/{incident}", by=RIVAL).status == 404
    assert service.get(f"/incidents/{incident}", environment="dev", by=ADA).status == 404


def test_a_page_of_incidents_reads_who_took_on_those_of_the_page_and_not_all_there_ever_were(service: Service) -> None:
    for number in range(300):
        old = f"run_failure-{number:019d}"
        service.office.store.tables[TENANT][f"prod#acknowledged#{old}"] = {
            "incident_id": old,
            "acknowledged_by": "x",
            "acknowledged_at": "y",
            "reason": "z",
        }
    incident = service.get("/incidents", cause="run_failure").body["items"][0]
    service.post(f"/incidents/{incident['incident_id']}/acknowledge", {"reason": "mine"})
    read: list[str] = []
    rows = service.office.store.rows

    def counted(tenant_id: str, prefix: str, **more: Any) -> Any:
        for row in rows(tenant_id, prefix, **more):
            read.append(row.key)
            yield row

    service.office.store.rows = counted  # type: ignore[method-assign]
    shown = service.get("/incidents").body["items"]
    assert [each["acknowledged"]["reason"] for each in shown if each["acknowledged"]] == ["mine"]
    assert len([key for key in read if "#acknowledged#" in key]) == 1

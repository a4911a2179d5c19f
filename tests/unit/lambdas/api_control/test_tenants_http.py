"""A tenant's settings, connections, alert routes and reports through HTTP, as their administrators meet them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, OPS, RIVAL, Claims, Got, Service
from tests.unit.lambdas.control.office import kpi

WAREHOUSE = "/tenant/connections/warehouse"
PASSWORD = "p@ss/word:of?a#reader"
ENDPOINT = {"kind": "postgresql", "host": "db.skyway.example", "port": 5433, "database": "ops"}
ROUTE = {"kpi_id": "SKY-AD-01", "severity": "high", "targets": [{"channel": "email", "address": "ops@skyway.example"}]}
REPORT = {"pack": "operations", "frequency": "weekly", "recipients": ["cfo@skyway.example"]}


@pytest.fixture
def service() -> Service:
    made = Service()
    made.live()
    return made


def put(service: Service, path: str, body: dict[str, Any], by: Claims = ADA, **more: Any) -> Got:
    return service.send("PUT", path, {"reason": "the year begins"} | body, by=by, **more)


def delete(service: Service, path: str, by: Claims = ADA) -> Got:
    return service.send("DELETE", path, by=by, query={"reason": "nobody reads it"})


def write(service: Service, password: str = PASSWORD, **more: Any) -> Got:
    body = {"endpoint": ENDPOINT, "credentials": {"username": "reader", "password": password}}
    return put(service, WAREHOUSE, body, **more)


def test_settings_are_as_the_stack_deployed_them_and_then_as_decided(service: Service) -> None:
    before = service.get("/tenant/settings").body
    assert (before["settings"]["currency"], before["decided"], before["row_version"]) == ("USD", {}, 0)
    assert before["settings"]["limits"] == {"reads": 600, "writes": 120}
    done = put(service, "/tenant/settings", {"settings": {"currency": "CHF", "policy": {"grace": "10d"}}}, by=OPS, tenant="skyway")
    assert (done.status, done.body["action"], sorted(done.body["details"]["changed"])) == (200, "settings.edit", ["currency", "policy"])
    after = service.get("/tenant/settings", by=CFO).body
    assert (after["settings"]["currency"], after["settings"]["policy"]["grace"]) == ("CHF", "10d")
    assert (after["decided"], after["row_version"]) == ({"currency": "CHF", "policy": {"grace": "10d"}}, 1)
    assert service.office.chain_holds()


def test_who_publishes_in_production_does_not_say_when(service: Service) -> None:
    rules: dict[str, Any] = {"policy": {"grace": "10d"}, "calendar": {"holidays": [{"date": "2026-12-25", "name": "Christmas"}]}}
    assert put(service, "/tenant/settings", {"settings": rules}, by=OPS, tenant="skyway").status == 200
    before = service.state
    for loosened in ({}, {"policy": rules["policy"]}, {"calendar": rules["calendar"]}, rules | {"policy": {"grace": "1d"}}):
        refused = put(service, "/tenant/settings", {"settings": loosened})
        assert (refused.status, refused.body["code"]) == (403, "POLICY_DENY"), loosened
        assert "settings.rules" in refused.body["detail"]
    assert service.state == before
    assert put(service, "/tenant/settings", {"settings": rules | {"currency": "CHF"}}).status == 200


def test_what_is_left_out_goes_back_to_what_was_deployed(service: Service) -> None:
    put(service, "/tenant/settings", {"settings": {"currency": "CHF", "timezone": "Europe/Zurich"}})
    put(service, "/tenant/settings", {"settings": {"timezone": "Europe/Zurich"}})
    assert service.get("/tenant/settings").body["settings"]["currency"] == "USD"


def test_two_administrators_who_saw_the_same_settings_do_not_overwrite_each_other(service: Service) -> None:
    assert put(service, "/tenant/settings", {"settings": {"currency": "CHF"}, "row_version": 0}).status == 200
    late = put(service, "/tenant/settings", {"settings": {"currency": "EUR"}, "row_version": 0}, by=BEN)
    assert (late.status, late.body["code"]) == (409, "CONFLICT")
    assert service.get("/tenant/settings").body["settings"]["currency"] == "CHF"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "settings.timezone"),
        ({"currency": "euro"}, "settings.currency"),
        ({"calendar": {"holidays": [{"date": "2026-02-30", "name": "No day"}]}}, "settings.calendar.holidays.0.date"),
        ({"policy": {"windows": [{"days": [7], "start": "08:00", "end": "18:00"}]}}, "settings.policy"),
        ({"policy": {"freezes": [{"start": "2026-02-01", "until": "2026-01-01", "reason": "close"}]}}, "settings.policy"),
        ({"policy": {"freezes": [{"start": "soon", "until": "later", "reason": "close"}]}}, "settings.policy"),
        ({"policy": {"timezone": "../etc/passwd"}}, "settings.policy"),
        ({"policy": {"freezes": [{"start": "9999-12-31T23:59:59-12:00", "until": "9999-12-31", "reason": "end"}]}}, "settings.policy"),
        ({"policy": {"freezes": [{"start": "1999-12-31", "until": "2000-01-01", "reason": "end"}]}}, "settings.policy"),
        ({"policy": {"grace": "999999999999999d"}}, "settings.policy.grace"),
        ({"policy": {"grace": "3661d"}}, "settings.policy"),
        ({"policy": {"gates": {"soak": "3661d"}}}, "settings.policy"),
        ({"policy": {"windows": [{"days": [0], "start": "08:00", "end": "18:00"}] * 21}}, "settings.policy"),
        ({"calendar": {"holidays": [{"date": "9999-12-31", "name": "End"}]}}, "settings.calendar.holidays.0.date"),
        ({"limits": {"reads": 0}}, "settings.limits.reads"),
        ({"tenant_id": "rival"}, "settings.tenant_id"),
        ({"dashboards": ["no id"]}, "settings.dashboards.0"),
        ({"dashboards": ["SKY-AD-01", "SKY-AD-01"]}, "settings.dashboards"),
        ({"dashboards": [f"SKY-AD-{number:02}" for number in range(21)]}, "settings.dashboards"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(service: Service, settings: dict[str, Any], field: str) -> None:
    before = service.state
    answer = put(service, "/tenant/settings", {"settings": settings})
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)
    assert service.state == before


def test_dashboards_are_asked_for_by_a_tenants_own_administrator_for_kpis_that_there_are(service: Service) -> None:
    asked = put(service, "/tenant/settings", {"settings": {"dashboards": ["SKY-AD-01"]}})
    assert (asked.status, asked.body["details"]["changed"]) == (200, ["dashboards"])
    assert service.get("/tenant/settings").body["settings"]["dashboards"] == ["SKY-AD-01"]
    before = service.state
    refused = put(service, "/tenant/settings", {"settings": {"dashboards": ["SKY-AD-01", "SKY-AD-99"]}})
    assert (refused.status, "SKY-AD-99" in refused.body["detail"]) == (404, True)
    assert service.state == before
    assert put(service, "/tenant/settings", {"settings": {}}).status == 200
    assert service.get("/tenant/settings").body["settings"]["dashboards"] == []


def test_limits_can_be_lowered_and_not_raised_above_what_the_stack_allows(service: Service) -> None:
    assert put(service, "/tenant/settings", {"settings": {"limits": {"reads": 601, "writes": 1}}}).status == 400
    assert put(service, "/tenant/settings", {"settings": {"limits": {"reads": 60, "writes": 1}}}).status == 200
    assert service.directory.limits_of("skyway").reads == 60
    elsewhere = {"body": {"settings": {"limits": {"reads": 6}}}, "query": {"environment": "dev"}}
    assert put(service, "/tenant/settings", **elsewhere).status == 404
    service.office.store.tables["skyway"]["dev#tenant"] = {"settings": "{}"}
    told = put(service, "/tenant/settings", **elsewhere)
    assert (told.status, "set them in prod" in told.body["detail"]) == (400, True)


def test_who_acts_for_the_tenant_is_recorded_and_a_reader_changes_nothing(service: Service) -> None:
    done = put(service, "/tenant/settings", {"settings": {"currency": "CHF"}}, by=OPS, tenant="skyway")
    assert (done.status, done.body["actor"]["acting_for"]) == (200, True)
    assert put(service, "/tenant/settings", {"settings": {}}, by=CFO).status == 403


def test_a_tenant_no_stack_registered_is_told_which_stack_to_deploy(service: Service) -> None:
    answer = service.get("/tenant/settings", by=RIVAL)
    assert (answer.status, "rival.prod" in answer.body["detail"]) == (404, True)


def test_a_connection_is_written_used_by_runs_and_never_read_back(service: Service) -> None:
    done = write(service)
    assert (done.status, done.body["action"], done.body["object_id"]) == (200, "connection.edit", "warehouse")
    url = "postgresql+psycopg://reader:p%40ss%2Fword%3Aof%3Fa%23reader@db.skyway.example:5433/ops?sslmode=require"
    assert service.vault.opens("skyway") == url
    listed = service.get("/tenant/connections").body["items"]
    assert listed[0] == ENDPOINT | {
        "name": "warehouse",
        "tls": "require",
        "version_id": done.body["details"]["version_id"],
        "written_at": listed[0]["written_at"],
        "written_by": "ada",
    }
    everything = json.dumps([service.office.store.tables, [event.model_dump(mode="json") for event in service.office.events]], default=str)
    everything += done.text + json.dumps(listed) + repr(service.memory.__dict__)
    assert PASSWORD not in everything
    assert "p%40ss" not in everything
    assert '"reader' not in everything


def test_a_repeated_write_of_a_connection_is_one_event_and_one_version(service: Service) -> None:
    first, again = write(service, key="once"), write(service, key="once")
    assert (again.text, len(service.vault.values)) == (first.text, 1)
    assert write(service, "another password", key="once").status == 409
    assert service.office.actions.count("connection.edit") == 1


def test_a_key_that_came_with_other_credentials_is_a_conflict_even_when_its_answer_is_forgotten(service: Service) -> None:
    write(service, "the old one", key="once")
    service.office.later(hours=25)
    assert write(service, "another one", key="once").status == 409
    assert "the%20old%20one" in (service.vault.opens("skyway") or "")
    assert write(service, "the old one", key="once").status == 200
    assert service.office.actions.count("connection.edit") == 1


def test_nothing_of_a_body_with_credentials_is_kept_not_even_a_hash_of_it(service: Service) -> None:
    put(service, "/tenant/settings", {"settings": {}}, key="settings")
    assert "idem#settings" in repr(service.memory.__dict__), "other calls are remembered with a hash of their body"
    write(service, key="connection")
    assert "idem#connection" not in repr(service.memory.__dict__)
    assert put(service, "/tenant/settings", {"settings": {}}, key="connection").status == 409
    assert write(service, key="settings").status == 409


def test_the_audit_log_has_no_hash_that_depends_on_a_password(service: Service) -> None:
    other = Service()
    write(service, "one password")
    write(other, "another password")
    intents = {each.office.events[-1].details["intent"] for each in (service, other)}
    assert len(intents) == 1


@pytest.mark.parametrize("died", ["store", "use"])
def test_a_write_that_died_on_the_way_is_finished_by_repeating_it(service: Service, died: str) -> None:
    write(service, "the old one", key="before")
    service.vault.faults = [died]
    assert write(service, key="again").status == 500
    # Until it is finished runs go on with what was there.
    assert "the%20old%20one" in (service.vault.opens("skyway") or "")
    assert write(service, key="again").status == 200
    assert "p%40ss" in (service.vault.opens("skyway") or "")
    assert service.office.actions.count("connection.edit") == 2
    assert service.office.chain_holds()


def test_of_two_who_write_at_the_same_moment_one_is_told_and_runs_use_the_other(service: Service) -> None:
    def rival() -> None:
        assert write(service, "the rival's", by=BEN).status == 200

    service.office.store.rival = rival
    late = write(service, by=ADA)
    assert (late.status, late.body["code"]) == (409, "CONFLICT")
    assert "the%20rival%27s" in (service.vault.opens("skyway") or "")
    assert service.get("/tenant/connections").body["items"][0]["written_by"] == "ben"


def test_whoever_was_recorded_last_has_the_last_word(service: Service) -> None:
    service.vault.faults = ["use"]
    assert write(service, "the first", key="first").status == 500
    assert write(service, "the second", key="second").status == 200
    assert write(service, "the first", key="first").status == 200, "its repetition finishes what is left of it, which is nothing"
    assert "the%20second" in (service.vault.opens("skyway") or "")


def test_a_change_that_is_not_recorded_does_not_take_effect(service: Service) -> None:
    write(service, "the old one")
    service.office.store.faults = ["before"]
    assert write(service).status == 500
    assert "the%20old%20one" in (service.vault.opens("skyway") or "")


def test_only_the_tenants_own_administrators_write_its_connection(service: Service) -> None:
    assert write(service, by=OPS, tenant="skyway").status == 403
    assert write(service, by=CFO).status == 403
    assert service.get("/tenant/connections", by=CFO).status == 403
    assert write(service, by=RIVAL).status == 404
    assert service.vault.values == {}


def test_a_connection_nobody_made_a_secret_for_does_not_exist(service: Service) -> None:
    body = {"endpoint": ENDPOINT, "credentials": {"username": "reader", "password": PASSWORD}}
    assert put(service, "/tenant/connections/lake", body).status == 404
    service.vault.without.add("skyway")
    assert write(service).status == 404
    assert service.get("/tenant/connections").body["items"][0]["version_id"] is None


@pytest.mark.parametrize("host", ["user:pass@db", "db/x", "db?x=1", "", "-db", "db..example", "[::1]"])
def test_a_host_cannot_smuggle_credentials_or_options(service: Service, host: str) -> None:
    body = {"endpoint": ENDPOINT | {"host": host}, "credentials": {"username": "reader", "password": PASSWORD}}
    answer = put(service, WAREHOUSE, body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (400, "endpoint.host")
    assert PASSWORD not in answer.text


def test_an_alert_route_is_made_changed_listed_and_removed(service: Service) -> None:
    made = put(service, "/alert-routes/ops-team", {"route": ROUTE})
    assert (made.status, made.body["action"], made.body["object_id"], made.body["details"]["replaced"]) == (
        200,
        "alert_route.edit",
        "ops-team",
        False,
    )
    found = service.get("/alert-routes/ops-team").body
    assert found["route"]["events"] == ["kpi.sla.breach", "kpi.run.failed", "kpi.run.anomaly"]
    hook = {"channel": "webhook", "address": "https://hooks.skyway.example/kpi"}
    assert put(service, "/alert-routes/ops-team", {"route": ROUTE | {"targets": [hook]}, "row_version": 1}).status == 200
    assert put(service, "/alert-routes/ops-team", {"route": ROUTE, "row_version": 1}).status == 409
    assert service.get("/alert-routes", kpi_id="SKY-AD-01").body["items"][0]["route"]["targets"] == [hook]
    assert service.get("/alert-routes", pack="operations").body["items"] == []
    assert delete(service, "/alert-routes/ops-team").body["action"] == "alert_route.remove"
    assert service.get("/alert-routes/ops-team").status == 404
    assert delete(service, "/alert-routes/ops-team").status == 404
    assert service.office.events[-1].reason == "nobody reads it"
    assert service.office.chain_holds()


@pytest.mark.parametrize(
    "wrong",
    [
        {"pack": "operations"},
        {"kpi_id": None},
        {"targets": []},
        {"targets": [{"channel": "email", "address": "https://hooks.skyway.example/kpi"}]},
        {"targets": [{"channel": "webhook", "address": "https://user:secret@hooks.skyway.example/kpi"}]},
        {"targets": [{"channel": "webhook", "address": "https://hooks.skyway.example/kpi?token=secret"}]},
        {"targets": [{"channel": "webhook", "address": "http://hooks.skyway.example/kpi"}]},
        {"events": []},
        {"events": ["kpi.run.completed"]},
    ],
)
def test_a_route_that_leads_nowhere_or_holds_a_secret_is_refused(service: Service, wrong: dict[str, Any]) -> None:
    assert put(service, "/alert-routes/ops-team", {"route": ROUTE | wrong}).status == 400


def test_a_route_of_a_kpi_that_is_not_there_is_a_typing_error(service: Service) -> None:
    assert put(service, "/alert-routes/ops-team", {"route": ROUTE | {"kpi_id": "SKY-AD-02"}}).status == 404


def test_a_removal_says_why(service: Service) -> None:
    put(service, "/alert-routes/ops-team", {"route": ROUTE})
    assert service.send("DELETE", "/alert-routes/ops-team").status == 400


def test_a_report_subscription_is_made_listed_page_by_page_and_removed(service: Service) -> None:
    for number in range(5):
        frequency = ("daily", "weekly", "monthly")[number % 3]
        made = put(service, f"/report-subscriptions/report-{number}", {"subscription": REPORT | {"frequency": frequency}})
        assert made.body["action"] == "report.subscribe"
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = service.get("/report-subscriptions", limit="2", **cursor).body
        listed += [item["subscription_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert listed == [f"report-{number}" for number in range(5)]
    assert service.get("/report-subscriptions/report-1").body["subscription"]["frequency"] == "weekly"
    assert delete(service, "/report-subscriptions/report-1").body["action"] == "report.unsubscribe"
    assert service.get("/report-subscriptions/report-1").status == 404
    assert put(service, "/report-subscriptions/r2", {"subscription": REPORT | {"frequency": "hourly"}}).status == 400


def test_there_are_no_more_routes_than_an_alert_can_look_at(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.domain.tenants.routing.MOST", 2)
    answers = [put(service, f"/alert-routes/team-{number}", {"route": ROUTE}).status for number in range(3)]
    assert answers == [200, 200, 400]
    assert put(service, "/alert-routes/team-1", {"route": ROUTE}).status == 200


def test_environments_and_tenants_do_not_see_each_others_entries(service: Service) -> None:
    put(service, "/alert-routes/ops-team", {"route": ROUTE})
    put(service, "/report-subscriptions/weekly", {"subscription": REPORT})
    assert service.get("/alert-routes", environment="dev").body["items"] == []
    assert service.get("/alert-routes", by=RIVAL).body["items"] == []
    assert service.get("/alert-routes/ops-team", by=RIVAL).status == 404
    assert delete(service, "/report-subscriptions/weekly", by=RIVAL).status == 404
    assert service.get("/alert-routes", by=CFO).status == 403


def test_rules_of_change_that_were_decided_are_the_ones_the_control_plane_keeps() -> None:
    service = Service()
    office = service.office
    office.plane = replace(office.plane, policy=service.directory.policy_of)
    service.ports = replace(service.ports, plane=office.plane)
    freeze = {"start": "2026-01-01", "until": "2026-01-07", "reason": "the books are closed"}
    by_the_platform: dict[str, Any] = {"by": OPS, "tenant": "skyway"}
    assert put(service, "/tenant/settings", {"settings": {"policy": {"freezes": [freeze]}}}, **by_the_platform).status == 200
    office.approved(kpi())
    waits = service.post("/kpis/SKY-AD-01/versions/1.0.0/publish")
    assert waits.status == 202, waits.text
    assert waits.body["action"] == "kpi.publish_waits"
    assert office.running() is None
    assert put(service, "/tenant/settings", {"settings": {}}, **by_the_platform).status == 200
    assert service.post("/kpis/SKY-AD-01/versions/1.0.0/publish").status == 200

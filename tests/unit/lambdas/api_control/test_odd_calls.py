"""Calls that are nearly right: another version than the one that runs, reasons of characters that nobody sees."""

from __future__ import annotations

import pytest

from tests.unit.lambdas.api_control.service import OPS, Service
from tests.unit.lambdas.control.office import TENANT, kpi

KPI = "SKY-AD-01"


@pytest.fixture
def service() -> Service:
    found = Service()
    found.live()
    return found


@pytest.mark.parametrize("action", ["kpi.pause", "kpi.resume"])
def test_in_bulk_too_a_pause_names_the_version_that_runs(service: Service, action: str) -> None:
    service.office.live(kpi(id="SKY-AD-02"))
    if action == "kpi.resume":
        for name in (KPI, "SKY-AD-02"):
            assert service.post(service.version("1.0.0", "pause", name)).status == 200
    items = [{"kpi_id": KPI, "version": "9.9.9"}, {"kpi_id": "SKY-AD-02", "version": "1.0.0"}]
    answer = service.post("/bulk", {"action": action, "items": items}, key="twice").body
    assert [(each["kpi_id"], each["code"]) for each in answer["refused"]] == [(KPI, "CONFLICT")]
    assert "SKY-AD-01 9.9.9 does not run in prod, 1.0.0 does" in answer["refused"][0]["message"]
    assert [each["kpi_id"] for each in answer["done"]] == ["SKY-AD-02"]
    assert (service.office.paused() is None) == (action == "kpi.pause")


def test_a_bulk_pause_that_is_repeated_after_another_version_went_live_is_still_the_same_call(service: Service) -> None:
    item = {"action": "kpi.pause", "items": [{"kpi_id": KPI, "version": "1.0.0"}]}
    first = service.post("/bulk", item, key="again").body
    service.office.live(kpi("1.1.0", reports=[{"frequency": "daily", "recipients": ["cfo@example.com"]}]))
    service.memory.rows.clear()
    assert service.post("/bulk", item, key="again").body == first


@pytest.mark.parametrize("reason", ["\x00", "\x07\x1b", "\u200b", "\ufeff \u2060"])
def test_a_reason_that_nobody_can_see_is_refused_as_the_field_it_is(service: Service, reason: str) -> None:
    before = service.state
    answer = service.post(service.version("1.0.0", "pause"), {"reason": reason})
    assert (answer.status, answer.body["code"], "reason" in answer.body["detail"]) == (400, "INVALID_INPUT", True)
    assert service.state == before


def test_what_cannot_be_shown_of_a_reason_is_left_out_of_the_change_log(service: Service) -> None:
    sla = {"sla": [{"type": "latency", "target": "9m", "grace": "1m"}], "reason": "the warehouse\x07 is\nslower"}
    answer = service.post(service.version("1.0.0", "sla"), sla)
    assert answer.status == 200, answer.text
    number = answer.body["details"]["version"]
    assert service.office.version(number).kpi.change_log[-1].summary == "the warehouse is slower"
    assert service.office.events[-1].reason == "the warehouse\x07 is\nslower"


def test_a_platform_admin_who_mistypes_the_tenant_changes_nothing_of_anybody(service: Service) -> None:
    banner = {"text": "The warehouse moves", "eta": "2026-01-05T18:00:00Z"}
    body = {"step": "begin", "banner": banner, "until": "2026-01-05T18:00:00Z"}
    before = service.state
    answer = service.post("/maintenance", body, by=OPS, tenant="skywai")
    assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND")
    assert "there is no tenant skywai" in answer.body["detail"]
    assert service.state == before
    assert service.post("/maintenance", body, by=OPS, tenant="skyway").status == 200


def test_a_tenant_with_a_history_is_one_though_its_stack_is_gone(service: Service) -> None:
    del service.office.store.tables[TENANT]["prod#tenant"]
    assert service.post(service.version("1.0.0", "pause"), by=OPS, tenant=TENANT).status == 200

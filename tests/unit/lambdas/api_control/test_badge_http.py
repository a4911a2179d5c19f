"""Whoever looks at a paused KPI sees the badge: why, until when, and the banner of the maintenance."""

from __future__ import annotations

from typing import Any

from tests.unit.lambdas.api_control.service import CFO, Service

BANNER = {"text": "Moving", "eta": "2026-01-05T18:00:00Z"}


def listed(service: Service) -> dict[str, Any]:
    return {item["kpi_id"]: item["pause"] for item in service.get("/kpis", by=CFO).body["items"]}


def test_a_maintenance_shows_its_banner_in_the_list_and_on_the_kpi_until_it_ends() -> None:
    service = Service()
    service.live()
    service.live(id="SKY-AD-02")
    assert listed(service) == {"SKY-AD-01": None, "SKY-AD-02": None}
    begin = {"step": "begin", "kpi_id": "SKY-AD-01", "banner": BANNER, "reason": "the warehouse moves"}
    assert service.post("/maintenance", begin).status == 200
    badge = service.get("/kpis/SKY-AD-01", by=CFO).body["pause"]
    assert (badge["banner"], badge["reason"], badge["scope"], badge["until"]) == (BANNER, "the warehouse moves", "kpi", None)
    assert listed(service) == {"SKY-AD-01": badge, "SKY-AD-02": None}
    assert service.post("/maintenance", {"step": "end", "kpi_id": "SKY-AD-01", "reason": "moved"}).status == 200
    assert service.get("/kpis/SKY-AD-01", by=CFO).body["pause"] is None
    assert listed(service) == {"SKY-AD-01": None, "SKY-AD-02": None}


def test_paused_entities_are_named_on_the_kpi() -> None:
    service = Service()
    service.live()
    assert service.post("/kpis/SKY-AD-01/versions/1.0.0/pause", {"entity": "JFK", "reason": "runway closed"}).status == 200
    found = service.get("/kpis/SKY-AD-01", by=CFO).body
    assert (found["pause"], found["paused_entities"]) == (None, ["JFK"])


def test_a_pause_of_everything_is_on_every_kpi() -> None:
    service = Service()
    service.live()
    service.live(id="SKY-AD-02")
    begin = {"step": "begin", "banner": BANNER, "until": "2026-01-05T12:00:00Z", "reason": "network"}
    assert service.post("/maintenance", begin).status == 200
    assert {(badge or {}).get("scope") for badge in listed(service).values()} == {"global"}

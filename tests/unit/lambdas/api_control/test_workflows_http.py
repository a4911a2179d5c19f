"""The admin workflows A to D of K28 through HTTP, told as they are written there."""

from __future__ import annotations

import pytest

from kpis.common import Verdict
from lambdas.domain.control.canary import Sample
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.requests import Choice
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, EVE, OPS, Service
from tests.unit.lambdas.control.office import kpi, reader

VERSION = "/kpis/SKY-AD-01/versions"


@pytest.fixture
def service() -> Service:
    return Service()


def agreeing(count: int = 4) -> list[Sample]:
    same = Value(5.0, Verdict.ADEQUATE)
    return [Sample(f"2026-01-{day:02d}", "JFK", same, same) for day in range(1, count + 1)]


def counted(service: Service) -> int:
    """How many audit events `GET /audit` tells of, page by page."""
    total, cursor = 0, None
    while True:
        page = service.get("/audit", limit="3", **({"cursor": cursor} if cursor else {})).body
        total += len(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return total


def test_workflow_a_a_new_version_goes_from_draft_through_approval_and_canary_to_everyone(service: Service) -> None:
    service.live(criticality="critical")
    before = counted(service)

    # 1. Author a definition and submit it for approval.
    better = kpi("2.0.0", criticality="critical", purpose="Mean delay, cancelled flights left out.")
    assert service.post("/kpis", service.written(better)).status == 201
    asked = service.post(f"{VERSION}/2.0.0/submit", {"reason": "cancelled flights distorted it"})
    assert asked.status == 200
    request = asked.body["request_id"]

    # 2. The impact is known, and the queue shows what is missing.
    queue = service.get("/approvals", by=CFO).body["items"]
    assert [(each["request_id"], each["missing"]) for each in queue] == [(request, ["business sign-off", "technical sign-off"])]
    detail = service.get(f"/approvals/{request}", by=BEN).body["request"]
    assert [difference["path"] for difference in detail["diff"]] == ["contract_version", "purpose"]

    # 3. Nothing goes live unsigned; nobody signs their own; business and technology sign off.
    assert service.post(f"{VERSION}/2.0.0/publish").status == 403
    assert service.sign(request, (ADA, "business")).body["code"] == "POLICY_DENY"
    assert service.sign(request, (BEN, "business")).body["details"]["missing"] == ["technical sign-off"]
    assert service.post(f"{VERSION}/2.0.0/publish").status == 403
    assert service.sign(request, (EVE, "technical")).body["details"]["state"] == "approved"

    # 4. Monitor with a canary, then roll out to everyone.
    started = service.post(f"{VERSION}/2.0.0/canary/start", {"subset": {"entities": ["JFK"]}, "tolerances": {"min_periods": 3}})
    assert started.status == 200, started.text
    assert service.get(VERSION).body["canary"]["candidate"] == "2.0.0"
    service.deliveries.found = agreeing()
    service.office.later(minutes=30)
    rolled_out = service.post(f"{VERSION}/2.0.0/canary/advance").body
    assert (rolled_out["action"], rolled_out["details"]["seconds_since_submitted"]) == ("kpi.canary_promote", 1800)
    found = service.get(VERSION).body
    assert (found["active_version"], found["open_request"]) == ("2.0.0", None)
    assert counted(service) - before == 6  # create, submit, two signatures, canary start and its promotion; refusals write nothing
    assert service.office.chain_holds()


def test_workflow_b_a_kpi_is_paused_for_maintenance_announced_and_resumed(service: Service) -> None:
    service.live()
    banner = {"text": "The warehouse moves", "eta": "2026-01-05T18:00:00Z"}
    begun = service.post("/maintenance", {"step": "begin", "kpi_id": "SKY-AD-01", "banner": banner})
    assert (begun.status, begun.body["details"]["eta"]) == (200, "2026-01-05T18:00:00Z")
    pause = service.office.paused()
    assert pause is not None
    assert pause.banner is not None
    later = banner | {"eta": "2026-01-05T20:00:00Z"}
    assert service.post("/maintenance", {"step": "update", "kpi_id": "SKY-AD-01", "banner": later}).status == 200
    assert service.post(f"{VERSION}/1.0.0/pause").status == 409
    ended = service.post(f"{VERSION}/1.0.0/resume")
    assert ended.body["details"]["first_run"] == "post-validation is enforced"
    assert service.office.paused() is None


def test_workflow_b_a_pause_of_everything_must_end_by_itself(service: Service) -> None:
    banner = {"text": "Migration", "eta": "2026-01-05T18:00:00Z"}
    endless = service.post("/maintenance", {"step": "begin", "banner": banner})
    assert (endless.status, endless.body["code"]) == (403, "POLICY_DENY")
    bounded = service.post("/maintenance", {"step": "begin", "banner": banner, "until": "2026-01-05T18:00:00Z"})
    assert (bounded.status, bounded.body["object_type"]) == (200, "environment")


def test_workflow_c_a_bad_version_is_rolled_back_by_one_call_without_waiting_for_a_signature(service: Service) -> None:
    service.live("1.0.0")
    service.live("2.0.0", purpose="Mean delay, cancelled flights left out.")
    stale = service.post(f"{VERSION}/1.0.0/rollback", by=OPS, tenant="skyway")
    assert (stale.status, stale.body["code"]) == (409, "CONFLICT")
    back = service.post(f"{VERSION}/2.0.0/rollback", {"reason": "values doubled"}, by=OPS, tenant="skyway")
    assert back.status == 200, back.text
    assert back.body["details"]["rolled_back"] == "2.0.0"
    assert back.body["actor"] == {"subject": "ops", "role": "platform-admin", "acting_for": True}
    assert service.get(VERSION).body["active_version"] == "1.0.0"


def test_workflow_d_a_kpi_is_deprecated_with_a_warning_and_retired_after_its_grace(service: Service) -> None:
    service.live()
    early = service.post(f"{VERSION}/1.0.0/deprecate")
    assert early.status == 403
    for action in ("deprecate", "retire"):
        asked = service.post(f"{VERSION}/1.0.0/submit", {"requested": action})
        assert asked.status == 200, asked.text
        service.sign(asked.body["request_id"], (BEN, "technical"))
        if action == "retire":
            assert "grace" in service.post(f"{VERSION}/1.0.0/retire").body["detail"]
            service.office.later(days=31)
            asked = service.post(f"/approvals/{asked.body['request_id']}/withdraw")
            asked = service.post(f"{VERSION}/1.0.0/submit", {"requested": "retire"})
            service.sign(asked.body["request_id"], (BEN, "technical"))
        done = service.post(f"{VERSION}/1.0.0/{action}")
        assert done.status == 200, done.text
    assert service.office.status("1.0.0") == "retired"
    assert service.office.running() is None
    assert counted(service) == len(service.office.events)


def test_outside_the_change_windows_a_publication_waits_and_a_person_with_a_reason_breaks_the_glass(service: Service) -> None:
    from lambdas.domain.control.policy import ChangeWindow, Policy

    service.office.policies["prod"] = Policy(windows=(ChangeWindow(days=(2,), start="10:00", end="12:00"),))
    service.office.approved(kpi())
    waits = service.post(f"{VERSION}/1.0.0/publish")
    assert (waits.status, waits.body["action"]) == (202, "kpi.publish_waits")
    assert service.post(f"{VERSION}/1.0.0/publish", {"break_glass": True, "reason": "now"}).status == 403
    urgent = {"break_glass": True, "reason": "the regulator asks for it today"}
    assert service.post(f"{VERSION}/1.0.0/publish", urgent).body["details"]["break_glass"] is True


def test_schedule_sla_and_validation_of_what_runs_change_by_a_new_draft(service: Service) -> None:
    service.live()
    schedule = {"frequency": "daily", "trigger": "time", "cron": "0 7 * * *", "timezone": "America/New_York"}
    assert service.post(f"{VERSION}/1.0.0/schedule", {"schedule": schedule}).body["details"]["status"] == "draft"
    sla = [{"type": "latency", "target": "10m", "grace": "1m"}]
    assert service.post(f"{VERSION}/1.0.0/sla", {"sla": sla}).status == 200
    rules = [{"id": "in-range", "check": "value_range", "min": 0, "max": 600, "severity": "warn"}]
    answer = service.post(f"{VERSION}/1.0.0/validation", {"post_validation": rules})
    assert answer.status == 200, answer.text
    found = {each["contract_version"]: each["status"] for each in service.get(VERSION).body["versions"]}
    assert sorted(found.values()) == ["active", "draft", "draft", "draft"]
    changed = set()
    for number in found:
        diff = service.get(f"{VERSION}/{number}/diff").body
        assert diff["against"] == "1.0.0"
        changed |= {each["path"].split(".")[0].split("[")[0] for each in diff["differences"]}
    assert changed == {"contract_version", "schedule", "sla", "post_validation"}
    assert service.post(f"{VERSION}/1.0.0/validation").status == 400


def test_many_kpis_are_paused_by_one_call_and_what_cannot_be_is_named(service: Service) -> None:
    service.live()
    service.office.live(reader())
    items = [{"kpi_id": each, "version": "1.0.0"} for each in ("SKY-AD-01", "SKY-RT-01", "SKY-NO-01")]
    answer = service.post("/bulk", {"action": "kpi.pause", "items": items}, key="bulk-1")
    assert [each["kpi_id"] for each in answer.body["done"]] == ["SKY-AD-01", "SKY-RT-01"]
    assert [(each["kpi_id"], each["code"]) for each in answer.body["refused"]] == [("SKY-NO-01", "NOT_FOUND")]
    assert service.office.paused("SKY-RT-01") is not None


def test_a_version_is_found_with_its_lineage_its_impact_and_who_may_change_it(service: Service) -> None:
    service.live()
    service.office.live(reader())
    hits = service.get("/search", by=CFO, q="delay").body
    assert "SKY-AD-01" in [each["kpi_id"] for each in hits["items"]]
    lineage = service.get("/kpis/SKY-AD-01/lineage", by=CFO).body
    assert "kpi:SKY-RT-01" in [node["id"] for node in lineage["nodes"]]
    assert service.get("/kpis/SKY-AD-01/lineage", format="svg").headers["Content-Type"] == "image/svg+xml"
    assert service.get("/kpis/SKY-AD-01/lineage", format="mermaid").text.startswith(("flowchart", "graph"))
    impact = service.get("/kpis/SKY-AD-01/impact", change="schedule:0 7 * * *").body
    assert any("SKY-RT-01" in sentence for sentence in impact["sentences"])
    assert service.get("/kpis/SKY-AD-01/impact", change="everything").status == 400
    who = service.send("POST", "/policies/simulate", {"action": "kpi.publish", "kpi_id": "SKY-AD-01"}, key=None).body["findings"]
    assert any(finding["allowed"] is False and "production-needs-approval" in finding["policies"] for finding in who)


def test_a_rejected_request_returns_to_draft_and_a_promotion_needs_its_gates(service: Service) -> None:
    office = service.office
    office.live(kpi(environments=["dev", "stg", "prod"]), env="dev")
    early = service.post(f"{VERSION}/1.0.0/promote", {"source": "dev"}, query={"environment": "stg"})
    assert (early.status, early.body["code"]) == (403, "POLICY_DENY")
    office.later(days=2)
    asked = service.post(f"{VERSION}/1.0.0/promote", {"source": "dev"}, query={"environment": "stg"})
    assert asked.status == 200, asked.text
    request = asked.body["request_id"]
    detail = service.get(f"/approvals/{request}", by=BEN, environment="stg").body
    decision = {"choice": Choice.REJECT, "side": "technical", "content_hash": detail["content_hash"]}
    assert service.get(f"/approvals/{request}", by=BEN).status == 404
    assert service.post(f"/approvals/{request}/decision", decision, by=BEN, query={"environment": "stg"}).status == 200
    assert office.status("1.0.0", env="stg") == "draft"

"""What every call goes through: limits, keys, what is not valid, what changed meanwhile, and what fails."""

from __future__ import annotations

import base64

import pytest

from lambdas.domain.limits.limiter import Limits
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, OPS, Got, Service
from tests.unit.lambdas.control.office import SOURCES, TENANT, kpi, reader, touch

VERSION = "/kpis/SKY-AD-01/versions"


@pytest.fixture
def service() -> Service:
    found = Service()
    found.live()
    return found


def problem(answer: Got) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body["trace_id"].startswith("request-")
    assert answer.body["status"] == answer.status
    return answer.status, answer.body["code"]


def test_a_repeated_call_gets_its_first_answer_and_happens_once(service: Service) -> None:
    first = service.post(f"{VERSION}/1.0.0/pause", key="k1")
    events = len(service.office.events)
    again = service.post(f"{VERSION}/1.0.0/pause", key="k1")
    assert (again.status, again.text, again.headers["Idempotency-Replayed"]) == (first.status, first.text, "true")
    assert "Idempotency-Replayed" not in first.headers
    assert len(service.office.events) == events


def test_a_key_that_comes_with_another_call_or_another_person_is_a_conflict(service: Service) -> None:
    service.post(f"{VERSION}/1.0.0/pause", key="k1")
    assert problem(service.post(f"{VERSION}/1.0.0/pause", {"entity": "JFK"}, key="k1")) == (409, "CONFLICT")
    assert problem(service.post(f"{VERSION}/1.0.0/pause", key="k1", by=BEN)) == (409, "CONFLICT")


@pytest.mark.parametrize("key", [None, "two words", "x" * 65, "naïve"])
def test_a_write_without_a_usable_key_is_not_valid(service: Service, key: str | None) -> None:
    assert problem(service.post(f"{VERSION}/1.0.0/pause", key=key)) == (400, "INVALID_INPUT")


def test_a_publication_that_died_before_its_answer_is_answered_when_it_is_repeated(service: Service) -> None:
    """In production its approval is used up by then, so the policies would refuse it as a new call."""
    office = service.office
    office.approved(kpi("2.0.0", purpose="Better"))
    office.store.faults = ["after"]
    assert problem(service.post(f"{VERSION}/2.0.0/publish", key="p1")) == (500, "INTERNAL")
    published = office.actions.count("kpi.publish")
    again = service.post(f"{VERSION}/2.0.0/publish", key="p1")
    assert (again.status, again.body["action"]) == (200, "kpi.publish")
    assert office.actions.count("kpi.publish") == published
    assert problem(service.post(f"{VERSION}/2.0.0/publish", key="p2"))[0] == 403


def test_the_event_of_another_call_opens_no_door(service: Service) -> None:
    """A key that is in the audit log makes the object stand in nobody's way; the domain then finds that the call is another."""
    service.post(f"{VERSION}/1.0.0/pause", key="k1")
    service.memory.rows.clear()
    before = service.state
    answer = service.post(f"{VERSION}/1.0.0/unpublish", key="k1")
    assert problem(answer) == (409, "CONFLICT")
    assert service.state == before


def test_too_many_calls_are_told_when_to_come_back_and_do_nothing(service: Service) -> None:
    service.limits = Limits(reads=2, writes=1)
    assert service.post(f"{VERSION}/1.0.0/pause").status == 200
    before = service.state
    refused = service.post(f"{VERSION}/1.0.0/resume")
    assert problem(refused) == (429, "RATE_LIMIT")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert service.state == before
    assert [service.get(VERSION).status for _ in range(3)] == [200, 200, 429]
    service.office.later(seconds=61)
    assert service.post(f"{VERSION}/1.0.0/resume").status == 200


def test_a_call_in_flight_says_when_its_answer_may_be_there(service: Service) -> None:
    answers: list[Got] = []
    service.office.store.rival = lambda: answers.append(service.post(f"{VERSION}/1.0.0/pause", key="k1"))
    assert service.post(f"{VERSION}/1.0.0/pause", key="k1").status == 200
    assert problem(answers[0]) == (409, "CONFLICT")
    assert int(answers[0].headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "r" * 2001}, "reason"),
        ({"until": "soon"}, "until"),
        ({"by": "somebody else"}, "by"),
        ({"entity": ""}, "entity"),
    ],
)
def test_what_is_not_valid_is_named_by_field(service: Service, body: dict[str, str], field: str) -> None:
    answer = service.post(f"{VERSION}/1.0.0/pause", body)
    assert problem(answer) == (400, "INVALID_INPUT")
    assert [error["field"] for error in answer.body["errors"]] == [field]


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "\udcff", '{"reason": "\\ud800"}', "[" * 100_000, '{"reason": "' + "x" * 300_000 + '"}']
)
def test_a_body_that_is_no_such_object_is_not_valid(service: Service, body: str) -> None:
    assert problem(service.send("POST", f"{VERSION}/1.0.0/pause", body))[0] == 400


def test_a_body_in_base64_is_read_and_one_that_is_not_text_is_not_valid(service: Service) -> None:
    assert service.post(f"{VERSION}/1.0.0/pause", encoded=True).status == 200
    for body in (base64.b64encode(b"\xff\xfe{}").decode(), "no base64!"):
        assert problem(service.send("POST", f"{VERSION}/1.0.0/pause", body, raw=True)) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("query", [{"environment": "moon"}, {"environment": "prod,dev"}, {"tenant_id": "rival"}])
def test_a_query_that_is_not_known_is_not_valid(service: Service, query: dict[str, str]) -> None:
    assert problem(service.get(VERSION, **query)) == (400, "INVALID_INPUT")


def test_an_update_of_what_changed_meanwhile_is_a_conflict(service: Service) -> None:
    draft = kpi("2.0.0", purpose="Better")
    service.post("/kpis", service.written(draft))
    seen = next(each["row_version"] for each in service.get(VERSION).body["versions"] if each["contract_version"] == "2.0.0")
    change = service.written(kpi("2.0.0", purpose="Better still")) | {"row_version": seen, "reason": "clearer"}
    assert service.send("PUT", f"{VERSION}/2.0.0", change).status == 200
    assert problem(service.send("PUT", f"{VERSION}/2.0.0", change)) == (409, "CONFLICT")
    elsewhere = service.written(kpi("3.0.0")) | {"reason": "clearer"}
    assert problem(service.send("PUT", f"{VERSION}/2.0.0", elsewhere)) == (400, "INVALID_INPUT")


def test_a_writer_that_comes_in_between_makes_a_conflict(service: Service) -> None:
    service.post("/kpis", service.written(kpi("2.0.0", purpose="Better")))
    service.office.store.rival = lambda: touch(service.office.store, TENANT, "prod#kpi#SKY-AD-01#2.0.0")
    assert problem(service.post(f"{VERSION}/2.0.0/submit")) == (409, "CONFLICT")
    assert service.post(f"{VERSION}/2.0.0/submit").status == 200
    assert problem(service.post(f"{VERSION}/2.0.0/submit")) == (409, "CONFLICT")


def test_an_approval_does_not_survive_an_edit(service: Service) -> None:
    service.post("/kpis", service.written(kpi("2.0.0", purpose="Better")))
    request = service.post(f"{VERSION}/2.0.0/submit").body["request_id"]
    old = service.get(f"/approvals/{request}").body["content_hash"]
    change = service.written(kpi("2.0.0", purpose="Something else")) | {"reason": "slipped in"}
    assert service.send("PUT", f"{VERSION}/2.0.0", change).status == 200
    decision = {"choice": "approve", "side": "technical", "content_hash": old}
    assert problem(service.post(f"/approvals/{request}/decision", decision, by=BEN)) == (409, "CONFLICT")


def test_what_fails_inside_is_answered_without_a_word_about_it(service: Service) -> None:
    service.office.store.faults = ["before"]
    answer = service.post(f"{VERSION}/1.0.0/pause")
    assert problem(answer) == (500, "INTERNAL")
    assert "Timeout" not in answer.text
    assert "Traceback" not in answer.text
    assert "store did not answer" not in answer.text


def test_a_stored_row_that_is_broken_is_not_the_callers_mistake(service: Service) -> None:
    service.office.store.tables[TENANT]["prod#kpi#SKY-AD-01#1.0.0"]["definition"] = '{"id": "a secret"}'
    answer = service.get(f"{VERSION}/1.0.0/diff")
    assert problem(answer) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert "errors" not in answer.body


def test_a_bulk_action_that_died_on_the_way_goes_on_where_it_stopped(service: Service) -> None:
    service.office.live(reader())
    items = [{"kpi_id": each, "version": "1.0.0"} for each in ("SKY-AD-01", "SKY-RT-01")]
    service.office.store.faults = ["", "after"]
    assert problem(service.post("/bulk", {"action": "kpi.pause", "items": items}, key="b1")) == (500, "INTERNAL")
    again = service.post("/bulk", {"action": "kpi.pause", "items": items}, key="b1")
    assert [each["kpi_id"] for each in again.body["done"]] == ["SKY-AD-01", "SKY-RT-01"]
    assert service.office.actions.count("kpi.pause") == 2


def test_in_bulk_every_kpi_needs_its_own_approval(service: Service) -> None:
    service.office.approved(kpi("2.0.0", purpose="Better"))
    service.office.plane.definitions.create(service.office.call(), reader(), SOURCES)
    items = [{"kpi_id": "SKY-AD-01", "version": "2.0.0"}, {"kpi_id": "SKY-RT-01", "version": "1.0.0"}]
    answer = service.post("/bulk", {"action": "kpi.publish", "items": items}).body
    assert [each["kpi_id"] for each in answer["done"]] == ["SKY-AD-01"]
    assert [(each["kpi_id"], each["code"]) for each in answer["refused"]] == [("SKY-RT-01", "POLICY_DENY")]
    assert service.office.running("SKY-RT-01") is None


def test_a_platform_admin_signs_the_technical_side_only(service: Service) -> None:
    service.post("/kpis", service.written(kpi("2.0.0", criticality="critical", purpose="Better")))
    request = service.post(f"{VERSION}/2.0.0/submit").body["request_id"]
    seen = service.get(f"/approvals/{request}").body["content_hash"]

    def signs(side: str) -> int:
        decision = {"choice": "approve", "side": side, "content_hash": seen}
        return service.post(f"/approvals/{request}/decision", decision, by=OPS, tenant="skyway").status

    assert (signs("business"), signs("technical"), signs("technical")) == (403, 200, 403)


def test_a_path_that_is_none_is_a_problem_too(service: Service) -> None:
    assert problem(service.get("/nothing/here")) == (404, "NOT_FOUND")
    assert problem(service.send("DELETE", f"{VERSION}/1.0.0")) == (404, "NOT_FOUND")


def test_the_audit_log_is_asked_by_object_actor_action_and_time(service: Service) -> None:
    service.post(f"{VERSION}/1.0.0/pause", by=BEN)
    service.office.later(hours=1)
    service.post(f"{VERSION}/1.0.0/resume")

    def actions(**query: str) -> list[str]:
        return [each["action"] for each in service.get("/audit", by=CFO, **query).body["items"]]

    assert actions()[:2] == ["kpi.resume", "kpi.pause"]
    assert actions(actor="ben", action="kpi.pause") == ["kpi.pause"]
    assert actions(since="2026-01-05T09:30:00Z") == ["kpi.resume"]
    assert "kpi.resume" not in actions(until="2026-01-05T09:30:00Z", environment="prod", kpi_id="SKY-AD-01")
    assert actions(kpi_id="SKY-NO-01") == []
    assert service.get("/audit", cursor="eA").status == 400
    assert service.get("/audit", by=ADA).headers["Cache-Control"] == "no-store"

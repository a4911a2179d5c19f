"""What somebody with bad intentions sends: claims past their time, a flood of refused writes, cursors of others, odd headers."""

from __future__ import annotations

import base64
import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from lambdas.api import cursors
from lambdas.api.control.failures import failed
from lambdas.api.control.routes import ROUTES
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.limiter import Limits
from tests.unit.lambdas.api_control.service import ADA, CFO, OPS, RIVAL, Service, person
from tests.unit.lambdas.control.office import MONDAY, kpi

VERSION = "/kpis/SKY-AD-01/versions"
SAFE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@pytest.fixture
def service() -> Service:
    found = Service()
    found.live()
    return found


def seconds(**by: float) -> str:
    return str(int((MONDAY + timedelta(**by)).timestamp()))


# Claims


@pytest.mark.parametrize("exp", [seconds(seconds=-1), seconds(), seconds(days=-400), "soon", "", "nan", "inf", "-1", "1e400", True, [], {}])
def test_claims_that_ran_out_open_nothing_even_when_the_gateway_let_them_in(service: Service, exp: Any) -> None:
    answer = service.get(VERSION, by={**ADA, "exp": exp})
    assert (answer.status, answer.body["code"]) == (403, "POLICY_DENY")
    before = service.state
    assert service.post(f"{VERSION}/1.0.0/pause", by={**ADA, "exp": exp}).status == 403
    assert service.state == before


@pytest.mark.parametrize("exp", [seconds(seconds=1), int(seconds(hours=1)), float(seconds(hours=1))])
def test_claims_of_now_are_good_in_every_form_a_gateway_writes_them(service: Service, exp: Any) -> None:
    assert service.get(VERSION, by={**ADA, "exp": exp}).status == 200


@pytest.mark.parametrize("context", [{}, {"authorizer": None}, {"authorizer": {"jwt": None}}, {"authorizer": {"jwt": {"claims": None}}},
                                     {"authorizer": {"lambda": dict(ADA)}}, {"authorizer": dict(ADA)}, {"authorizer": "x"},
                                     {"authorizer": {"jwt": ["x"]}}, {"authorizer": {"jwt": {"claims": [["sub", "ada"]]}}}])  # fmt: skip
def test_without_claims_from_the_authorizer_everything_is_refused(service: Service, context: dict[str, Any]) -> None:
    before = service.state
    headers = {"x-idempotency-key": "k", "x-tenant-id": "skyway", "authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
    for method, path, body in (("GET", VERSION, ""), ("POST", f"{VERSION}/1.0.0/pause", '{"reason": "x"}')):
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"} | context,
            "body": body,
        }
        answer = service.app.resolve(event, None)  # type: ignore[arg-type]
        assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (403, "POLICY_DENY")
    assert service.state == before


def test_a_role_is_the_whole_name_of_a_group(service: Service) -> None:
    for groups in ("[platform-admins]", "[xplatform-admin]", "[Platform-Admin]", "[client-admin-of-nothing]"):
        claims = {**person("mallory", tenant="rival"), "cognito:groups": groups}
        assert service.get(VERSION, by=claims, tenant="skyway").status == 403


# Limits


def test_who_may_not_write_cannot_use_up_the_writes_of_those_who_may(service: Service) -> None:
    service.limits = Limits(reads=100, writes=3)
    for _ in range(20):
        assert service.post(f"{VERSION}/1.0.0/pause", by=CFO).status == 403
    assert service.post(f"{VERSION}/1.0.0/pause").status == 200


def test_refused_writes_are_counted_all_the_same(service: Service) -> None:
    service.limits = Limits(reads=5, writes=3)
    statuses = [service.post(f"{VERSION}/1.0.0/pause", by=CFO).status for _ in range(8)]
    assert (statuses[0], statuses[-1]) == (403, 429)


def test_questions_that_are_not_valid_are_counted_too(service: Service) -> None:
    service.limits = Limits(reads=3, writes=3)
    assert [service.get(VERSION, colour="red").status for _ in range(5)][-1] == 429
    statuses = [service.send("POST", f"{VERSION}/1.0.0/pause", {}, query={"environment": "moon"}).status for _ in range(5)]
    assert statuses[-1] == 429


# Cursors


def test_a_cursor_of_one_tenant_shows_another_only_its_own(service: Service) -> None:
    for number in range(4):
        act = "resume" if number % 2 else "pause"
        assert service.post(f"{VERSION}/1.0.0/{act}").status == 200
    other = service.post("/maintenance", {"step": "begin", "banner": {"text": "x", "eta": "2026-01-05T18:00:00Z"},
                                          "until": "2026-01-05T18:00:00Z"}, by=RIVAL)  # fmt: skip
    assert other.status == 200, other.text
    for path in ("/audit", "/approvals", "/search"):
        page = service.get(path, limit="1")
        cursor = page.body["next_cursor"] or cursors.encode("5")
        theirs = service.get(path, by=RIVAL, cursor=cursor)
        assert theirs.status in (200, 400)
        assert "skyway" not in theirs.text
        assert "SKY-AD-01" not in theirs.text


POSITIONS = [
    "0",
    "-1",
    "1" * 700,
    "٣",
    "rival#1",
    "event#1",
    "{}",
    '{"pk": "rival"}',
    '{"tenant_id": "rival"}',
    "\x00",
    "é" * 300,
    "null",
    "[]",
]


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("path", ["/audit", "/approvals", "/search"])
def test_a_cursor_that_was_made_up_is_an_answer_or_a_refusal(service: Service, path: str, position: str) -> None:
    made = base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")
    answer = service.get(path, cursor=made)
    assert answer.status in (200, 400), answer.text
    assert "rival" not in answer.text


# Answers


def test_every_answer_says_not_to_be_kept_nor_sniffed(service: Service) -> None:
    answers = [
        service.get(VERSION),
        service.get("/nothing/here"),
        service.get(VERSION, by={}),
        service.get(VERSION, colour="red"),
        service.get("/kpis/SKY-AD-01/lineage", format="svg"),
        service.send("DELETE", VERSION),
    ]
    service.office.store.faults = ["before"]
    answers.append(service.post(f"{VERSION}/1.0.0/pause"))
    for answer in answers:
        assert SAFE.items() <= answer.headers.items(), answer


def test_a_problem_is_short_whatever_was_sent(service: Service) -> None:
    names = {f"{number:02d}" + "n" * 10_000: 1 for number in range(25)}
    answer = service.post(f"{VERSION}/1.0.0/pause", names)
    assert answer.status == 400
    assert len(answer.text) < 10_000


@pytest.mark.parametrize(
    "tenant", ["skyway,rival", "skyway\r\nX: y", "SKYWAY", "skyway ", "s" * 64, "skyway\x00", "\uff53kyway", "skyway#prod"]
)
def test_a_tenant_header_that_is_not_one_name_is_refused_for_everybody(service: Service, tenant: str) -> None:
    for by in (ADA, OPS):
        answer = service.get(VERSION, by=by, tenant=tenant)
        assert answer.status in (400, 403), (by, answer.text)
        assert "Set-Cookie" not in answer.headers
        assert "X" not in answer.headers


def test_a_body_of_the_longest_length_that_is_read_is_read_and_one_byte_more_is_not(service: Service) -> None:
    body = json.dumps({"reason": "x"})
    whole = body[:-1] + " " * (262_144 - len(body)) + "}"
    assert service.send("POST", f"{VERSION}/1.0.0/pause", whole).status == 200
    longer = service.send("POST", f"{VERSION}/1.0.0/resume", whole + " ")
    assert (longer.status, longer.body["code"]) == (400, "INVALID_INPUT")


def test_names_that_look_alike_are_others(service: Service) -> None:
    for kpi_id in ("\u0405KY-AD-01", "SKY-AD-0\uff11", "SKY-AD-01%00", "sky-ad-01", "SKY-AD-01 ", "SKY\u2010AD\u201001"):
        assert service.get(f"/kpis/{kpi_id}/versions").status == 404


def test_text_in_any_script_comes_back_as_it_was_sent(service: Service) -> None:
    reason = "Zażółć gęślą jaźń \u202e\u0000 🚦 \u2028"
    answer = service.post(f"{VERSION}/1.0.0/pause", {"reason": reason, "entity": "東京#JFK"})
    assert answer.status == 200, answer.text
    event = service.get("/audit", limit="1").body["items"][0]
    assert event["reason"] == reason.strip()
    assert service.office.chain_holds()


# Logs


def test_what_fails_inside_is_logged_without_credentials(caplog: pytest.LogCaptureFixture) -> None:
    from lambdas.adapters.structured_logs import JsonFormatter

    with caplog.at_level(logging.ERROR, "kpi.api"):
        answer = failed(RuntimeError("could not connect to postgresql://kpi:hunter2@db:5432, token=eyJhbGciOi.eyJzdWIi.c2ln"), "trace")
    assert answer.body is not None
    assert "hunter2" not in answer.body
    line = JsonFormatter().format(caplog.records[0])
    assert "could not connect" in line
    assert "hunter2" not in line
    assert "eyJzdWIi" not in line


def test_an_unsound_definition_is_told_by_field_and_not_repeated(service: Service) -> None:
    definition = service.written(kpi("2.0.0"))["definition"] | {"tier": "postgresql://kpi:hunter2@db"}
    answer = service.post("/kpis", {"definition": definition})
    assert (answer.status, answer.body["code"]) == (400, "INVALID_INPUT")
    assert "hunter2" not in answer.text


def test_a_known_problem_keeps_its_code_and_an_internal_one_says_nothing() -> None:
    assert json.loads(failed(KpiError(ErrorCode.CONFLICT, "it changed"), "t").body or "")["detail"] == "it changed"
    assert "table" not in (failed(KpiError(ErrorCode.INTERNAL, "the table is broken"), "t").body or "")


def test_an_id_longer_than_any_is_an_id_no_object_has(service: Service) -> None:
    """Its pattern would allow 43 characters, the dictionary has 40."""
    long = "ABCDEFGHIJ-ABCDEFGHIJ-ABCDEFGHIJ-ABCDEFGHI"
    for act in ("resume", "pause", "publish", "rollback"):
        answer = service.post(f"/kpis/{long}/versions/1.0.0/{act}")
        assert (answer.status, answer.body["code"]) == (404, "NOT_FOUND"), answer.text


def test_of_a_body_with_a_secret_nothing_is_kept_to_recognise_it_by() -> None:
    """A hash of a password is a password for whoever has time."""
    for route in ROUTES:
        assert route.secret == ('"writeOnly": true' in json.dumps(route.body.model_json_schema())), route.name

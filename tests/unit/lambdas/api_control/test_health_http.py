"""Health without a token: what answers, what does not, and how often it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from lambdas.api.control import health
from lambdas.api.control.health import Checked, Health, Part
from lambdas.api.control.health_routes import add_health


class Watch:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Parts:
    """Parts that are well until they are not."""

    def __init__(self) -> None:
        self.down: dict[Part, Callable[[], None]] = {}
        self.asked: list[Part] = []
        self.watch = Watch()
        self.health = Health({part: self.probe(part) for part in Part}, self.watch)
        self.app = APIGatewayHttpResolver()
        add_health(self.app, lambda: self.health, "local", lambda: "trace-1")

    def probe(self, part: Part) -> Callable[[], None]:
        def ask() -> None:
            self.asked.append(part)
            self.down.get(part, lambda: None)()

        return ask

    def get(self, path: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
        http = {"method": "GET", "path": path}
        event = {"version": "2.0", "rawPath": path, "headers": {}, "requestContext": {"http": http, "requestId": "r", "stage": "$default"}}
        answer = self.app.resolve(event, None)  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def broken() -> None:
    raise ConnectionError("postgresql://kpi:secret@10.0.0.1/acme refused")


def test_the_api_is_well_whatever_else_is() -> None:
    parts = Parts()
    parts.down = dict.fromkeys(Part, broken)
    assert parts.get("/health")[:2] == (200, {"status": "ok", "deployment": "local"})
    assert parts.asked == []


def test_the_stores_are_some_of_the_parts_and_dependencies_are_all() -> None:
    parts = Parts()
    status, body, _ = parts.get("/health/db")
    assert (status, body["status"]) == (200, "ok")
    assert [each["part"] for each in body["checks"]] == ["catalog", "audit_log", "run_logs", "result_store"]
    assert [each["part"] for each in parts.get("/health/dependencies")[1]["checks"]] == [part.value for part in Part]


def test_a_part_that_does_not_answer_is_named_and_nothing_is_said_about_why() -> None:
    parts = Parts()
    parts.down = {Part.RESULT_STORE: broken}
    status, body, headers = parts.get("/health/db")
    assert (status, body["code"], body["status"], body["trace_id"]) == (503, "UNAVAILABLE", 503, "trace-1")
    assert headers["Content-Type"] == "application/problem+json"
    assert body["detail"] == "not answering: result_store"
    assert {each["part"]: each["ok"] for each in body["checks"]}["catalog"]
    assert "secret" not in json.dumps(body)
    assert "acme" not in json.dumps(body)


def test_a_part_that_is_not_needed_for_the_question_does_not_matter() -> None:
    parts = Parts()
    parts.down = {Part.OBJECTS: broken}
    assert parts.get("/health/db")[0] == 200
    assert parts.get("/health/dependencies")[0] == 503


def test_parts_are_asked_at_most_every_ten_seconds_and_shared_by_both_questions() -> None:
    parts = Parts()
    for path in ("/health/db", "/health/db", "/health/dependencies"):
        parts.get(path)
    assert sorted(parts.asked) == sorted(Part)
    parts.down = {Part.CATALOG: broken}
    parts.watch.now += 9.9
    status, body, _ = parts.get("/health/db")
    assert (status, body["age_seconds"]) == (200, 9)
    parts.watch.now += 0.1
    assert parts.get("/health/db")[0] == 503
    parts.down = {}
    assert parts.get("/health/db")[0] == 503
    parts.watch.now += 10
    assert parts.get("/health/db")[0] == 200


def test_a_part_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", health.PATIENCE / 50)
    parts, end = Parts(), threading.Event()
    parts.down = {Part.CATALOG: lambda: void(end.wait(20))}
    try:
        report = parts.health.check(Checked.DB)
    finally:
        end.set()
    assert [each.part for each in report.checks if not each.ok] == [Part.CATALOG]


def void(_value: object) -> None:
    """A probe answers nothing."""

"""What is answered without a token: whether the API and what it needs are well."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from lambdas.api.control.asked import JSON
from lambdas.api.control.failures import HEADERS
from lambdas.api.control.health import Checked, Health, HealthReport
from lambdas.api.control.responses import Answer
from lambdas.api.problems import problem
from lambdas.domain.errors import ErrorCode


class Alive(Answer):
    """The API itself."""

    status: str
    deployment: str


PUBLIC: Mapping[str, tuple[str, type[Answer], str]] = {
    "/health": ("getHealth", Alive, "Whether the API answers"),
    "/health/db": ("getDatabaseHealth", HealthReport, "Whether its tables and the result store answer"),
    "/health/dependencies": ("getDependencyHealth", HealthReport, "Whether everything it needs answers"),
}
"""The public routes: name, answer and what they do. Those about other parts answer 503 when one of them does not."""


def add_health(app: APIGatewayHttpResolver, health: Callable[[], Health], deployment: str, trace_id: Callable[[], str]) -> None:
    """Add the public routes. `health` is made when it is first asked."""

    @app.get("/health")
    def alive() -> Response[str]:  # pyright: ignore[reportUnusedFunction]
        return _json(Alive(status="ok", deployment=deployment))

    @app.get("/health/db")
    def databases() -> Response[str]:  # pyright: ignore[reportUnusedFunction]
        return _told(health().check(Checked.DB), trace_id())

    @app.get("/health/dependencies")
    def dependencies() -> Response[str]:  # pyright: ignore[reportUnusedFunction]
        return _told(health().check(Checked.DEPENDENCIES), trace_id())


def _told(report: HealthReport, trace_id: str) -> Response[str]:
    down = [each.part.value for each in report.checks if not each.ok]
    if not down:
        return _json(report)
    answer = problem(ErrorCode.UNAVAILABLE, f"not answering: {', '.join(down)}", trace_id)
    found: dict[str, Any] = json.loads(answer.body or "{}")
    answer.body = json.dumps(found | report.model_dump(mode="json", include={"checks", "age_seconds"}))
    answer.headers.update(HEADERS)
    return answer


def _json(content: Answer) -> Response[str]:
    return Response(status_code=200, content_type=JSON, body=content.model_dump_json(), headers=dict(HEADERS))

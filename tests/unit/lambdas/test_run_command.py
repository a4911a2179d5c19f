"""`kpi run --during-pause` asks the control plane, which records who overrides the pause and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer
from typer.testing import CliRunner

from cli import run as command
from lambdas.api.control.run_models import StartRun
from lambdas.domain.model import RunRequest
from tests.unit.lambdas.memory import DAY


class Plane:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[Any, ...]] = []

    def post(self, path: str, tenant: str, body: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
        self.posted.append((path, tenant, dict(body), parameters))
        return {"details": {"execution": "run-1"}}


def test_the_run_is_asked_of_the_control_plane_as_its_route_takes_it() -> None:
    plane = Plane()
    request = RunRequest(tenant_id="skyway", environment="stg", kpi_id="SKY-AD-01", period=DAY, entities=("JFK",))
    assert command.asked_for(plane, request, "the CFO waits") == "run-1"
    ((path, tenant, body, parameters),) = plane.posted
    assert (path, tenant, parameters) == ("/kpis/SKY-AD-01/run", "skyway", {"environment": "stg"})
    asked = StartRun.model_validate(body)
    assert (asked.reason, asked.period, asked.entities, asked.during_pause) == ("the CFO waits", DAY, ("JFK",), True)


def test_without_a_reason_nothing_is_asked() -> None:
    app = typer.Typer()
    app.command()(command.command)
    done = CliRunner().invoke(app, ["skyway", "SKY-AD-01", "--during-pause"])
    assert done.exit_code != 0
    assert "no reason is given" in str(done.exception or done.output)

"""`kpi drift`: findings worst first, a line for each tenant, and an exit code that a pipeline can act on."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import drift
from cli.errors import ExitCode, KpiError

MISSING = {"part": "schedule", "name": "CFO-EF-02", "difference": "missing", "grade": "critical", "detail": "nothing starts it"}
NOTHING: dict[str, Any] = {"created": [], "updated": [], "retired": [], "requested": [], "left": {}, "unchanged": 19}


def report(findings: Sequence[dict[str, str]], catalog: dict[str, Any] = NOTHING) -> dict[str, Any]:
    grades = {grade: sum(each["grade"] == grade for each in findings) for grade in drift.GRADES}
    return {"action": "plan", "catalog": catalog, "drift": {"found": len(findings), "grades": grades, "findings": list(findings)}}


class Reconciler:
    """A Lambda client whose function answers with reports by tenant."""

    def __init__(self, reports: dict[str, dict[str, Any]]) -> None:
        self.reports = reports

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "kpi-local-reconciler"
        asked = json.loads(Payload)
        assert (asked["action"], asked["environment"]) == ("plan", "prod")
        told = self.reports.get(asked["tenant_id"])
        if told is None:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no stack registered it"}')}
        return {"Payload": io.BytesIO(json.dumps(told).encode())}


def told(monkeypatch: pytest.MonkeyPatch, reports: dict[str, dict[str, Any]], *arguments: str, asked: Sequence[str] = ()) -> Any:
    names = list(asked or reports)
    monkeypatch.setattr(drift, "load_settings", object)
    monkeypatch.setattr(drift, "tenants", lambda *_: names)
    monkeypatch.setattr(drift.stacks, "outputs", lambda *_: {"reconcilerFunction": "kpi-local-reconciler"})
    monkeypatch.setattr(drift.aws, "client", lambda *_: Reconciler(reports))
    app = typer.Typer()
    app.command()(drift.command)
    return CliRunner().invoke(app, list(arguments))


def test_no_drift_is_said_and_exits_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {"acme": report([]), "beta": report([])})
    assert (answer.exit_code, answer.output.splitlines()) == (ExitCode.OK, ["acme.prod: no drift", "beta.prod: no drift"])


def test_drift_is_a_table_and_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {"acme": report([MISSING]), "beta": report([])})
    assert answer.exit_code == ExitCode.FAILED
    assert "CFO-EF-02" in answer.output
    assert answer.output.splitlines()[-2:] == ["acme.prod: 1 critical", "beta.prod: no drift"]


def test_what_the_packs_have_more_is_told_and_is_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = NOTHING | {"requested": ["A-1 1.1.0"], "left": {"A-2 1.0.0": "ran with other content"}}
    answer = told(monkeypatch, {"acme": report([], catalog)})
    assert answer.exit_code == ExitCode.OK
    assert answer.output.strip() == "acme.prod: no drift (packs: 1 to be requested, 1 left to the control plane)"


def test_json_has_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {"acme": report([MISSING])}, "--json")
    assert answer.exit_code == ExitCode.FAILED
    (acme,) = json.loads(answer.output)
    assert (acme["tenant"], acme["found"], acme["findings"], acme["catalog"]["unchanged"]) == ("acme.prod", 1, [MISSING], 19)


def test_a_reconciler_that_fails_is_not_taken_for_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {}, asked=["acme"])
    assert isinstance(answer.exception, KpiError)
    assert "no stack registered it" in str(answer.exception)


def test_an_environment_that_is_none_is_not_taken_for_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {"acme": report([])}, "--env", "production")
    assert answer.exit_code == ExitCode.USAGE
    assert "'production' is not one of" in answer.output


def test_where_no_tenant_is_deployed_nothing_is_said_to_be_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = told(monkeypatch, {}, "--env", "stg")
    assert isinstance(answer.exception, KpiError)
    assert "stg: no tenant is deployed here" in str(answer.exception)

"""`kpi runs`: what it prints can be typed into the next command, however narrow the terminal is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import runs

RUN = {
    "run_id": "228023458564638024",
    "kpi_id": "CFO-EF-02-ENT",
    "contract_version": "10.11.12",
    "started_at": "2026-01-05T09:00:00.000Z",
    "trigger_type": "manual",
    "status": "partial",
    "rows_processed": 1_000_000,
    "sla_breached": True,
    "error_code": "VALIDATION_FAIL_POST",
}


class Plane:
    """A control plane with one run."""

    def __init__(self, _settings: object) -> None:
        pass

    @staticmethod
    def items(path: str, tenant: str, **asked: str) -> Iterator[dict[str, Any]]:
        assert (path, tenant, asked) == ("/runs", "acme", {"environment": "prod", "limit": "30"})
        yield RUN


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_ids_of_runs_and_kpis_are_whole(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(runs, "load_settings", object)
    monkeypatch.setattr(runs, "tenants", lambda *_: ["acme"])
    monkeypatch.setattr(runs, "ControlPlane", Plane)
    app = typer.Typer()
    app.command()(runs.command)
    answer = CliRunner().invoke(app, ["acme"])
    assert answer.exit_code == 0, answer.output
    assert RUN["run_id"] in answer.output
    assert RUN["kpi_id"] in answer.output

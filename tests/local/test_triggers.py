"""What starts a run besides a person: a signal on the bus, and the completion of what a KPI reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local.conftest import Stack, wait_until

pytestmark = pytest.mark.local

PERIOD = {"start": "2013-02-05T00:00:00.000Z", "end": "2013-02-06T00:00:00.000Z"}


def signal(stack: Stack, name: str, tenant: str) -> datetime:
    """Tell the bus that golden data have arrived; gives the moment before."""
    before = datetime.now(UTC)
    detail = {"tenant_id": tenant, "environment": "prod", "period": PERIOD}
    entry = {"Source": "kpi.observatory", "DetailType": name, "EventBusName": stack.outputs["busName"], "Detail": json.dumps(detail)}
    assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    return before


def closed_by_event(stack: Stack, tenant: str, kpi_id: str, since: datetime) -> list[dict[str, Any]]:
    rows = stack.log_rows("run", tenant, kpi_id=kpi_id)
    return [
        row
        for row in rows
        if row["entry"] == "close" and row["trigger_type"] == "event" and datetime.fromisoformat(row["started_at"]) >= since
    ]


def test_a_signal_runs_the_kpis_that_wait_for_it_and_no_others(stack: Stack) -> None:
    before = signal(stack, "gdp-flights-updated", "skyway")
    wait_until(lambda: bool(closed_by_event(stack, "skyway", "SKY-CM-01", before)), seconds=90, what="a run of SKY-CM-01 by its signal")
    (run,) = closed_by_event(stack, "skyway", "SKY-CM-01", before)
    assert run["status"] == "success"
    assert "gdp-flights-updated" in run["triggered_by"]
    (delivery,) = stack.log_rows("delivery", "skyway", run_id=int(run["run_id"]))
    assert delivery["time_range"] == f"{PERIOD['start']}/{PERIOD['end']}"
    assert closed_by_event(stack, "skyway", "SKY-AT-01", before) == [], "SKY-AT-01 waits for no signal"


def test_another_tenants_signal_starts_nothing(stack: Stack) -> None:
    before = signal(stack, "gdp-flights-updated", "acme")
    own = signal(stack, "gdp-flights-updated", "skyway")
    wait_until(lambda: bool(closed_by_event(stack, "skyway", "SKY-CM-01", own)), seconds=90, what="skyway's own run")
    assert [row for row in stack.log_rows("run", "acme") if row.get("triggered_by", "").endswith("gdp-flights-updated")] == []
    assert len(closed_by_event(stack, "skyway", "SKY-CM-01", before)) == 1, "one run for one signal"

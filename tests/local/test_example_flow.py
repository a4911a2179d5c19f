"""The example flow of the KPI Logging Framework (K6), line by line, against the running stack.

1. Scheduler triggers CFO-EF-02 v1.0.0 for tenant Acme at 02:00 UTC -> inserts kpi_log_run.
2. Sourcing resolves GDP_Receivables + GDP_Sales -> inserts kpi_log_sourcing.
3. Pre-Validation checks availability, freshness <24h, no negative receivables -> all pass -> records in kpi_log_pre_validation.
4. KPI Call runs; SQL hash & lineage saved; rows_processed recorded.
5. Post-Validation checks ratio bounds & volatility -> pass; verdict = Adequate -> recorded.
6. Delivery row captures time range, extensions, verdict; run marked success.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.local.conftest import Stack, wait_until

pytestmark = pytest.mark.local

KPI = "CFO-EF-02"
AT_0200 = "2025-11-20T02:00:00Z"


@dataclass(frozen=True)
class Flow:
    """What the five log tables hold about the one run that the scheduler triggered."""

    opened: dict[str, Any]
    closed: dict[str, Any]
    sourcing: list[dict[str, Any]]
    pre: list[dict[str, Any]]
    post: list[dict[str, Any]]
    delivery: dict[str, Any]


@pytest.fixture(scope="module")
def schedule(stack: Stack) -> dict[str, Any]:
    group = stack.tenant_outputs("acme.prod")["scheduleGroup"]
    scheduler = stack.client("scheduler")
    return scheduler.get_schedule(GroupName=group, Name=KPI)


@pytest.fixture(scope="module")
def flow(stack: Stack, schedule: dict[str, Any]) -> Flow:
    """Let the real Scheduler fire the KPI's own target once, with 02:00 UTC as its scheduled time."""
    marker = f"schedule-{uuid4().hex[:12]}"
    payload = json.loads(schedule["Target"]["Input"]) | {"scheduled_at": AT_0200, "triggered_by": marker}
    due = datetime.now(UTC) + timedelta(seconds=2)
    scheduler = stack.client("scheduler")
    scheduler.create_schedule(
        Name=marker,
        GroupName=schedule["GroupName"],
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=schedule["Target"] | {"Input": json.dumps(payload)},
    )

    def rows() -> list[dict[str, Any]]:
        return [row for row in stack.log_rows("run", "acme", kpi_id=KPI) if row.get("triggered_by") == marker]

    wait_until(lambda: any(row["entry"] == "close" for row in rows()), seconds=90, what=f"the close row of {KPI}, triggered by {marker}")
    by_entry = {row["entry"]: row for row in rows()}
    run_id = int(by_entry["open"]["run_id"])
    (delivery,) = stack.log_rows("delivery", "acme", run_id=run_id)
    return Flow(
        opened=by_entry["open"],
        closed=by_entry["close"],
        sourcing=stack.log_rows("sourcing", "acme", run_id=run_id),
        pre=stack.log_rows("pre-validation", "acme", run_id=run_id),
        post=stack.log_rows("post-validation", "acme", run_id=run_id),
        delivery=delivery,
    )


def test_line_1_the_scheduler_triggers_the_kpi_for_acme_at_0200_utc(schedule: dict[str, Any]) -> None:
    assert schedule["ScheduleExpression"] == "cron(0 2 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "UTC"
    assert schedule["State"] == "ENABLED"
    payload = json.loads(schedule["Target"]["Input"])
    assert (payload["tenant_id"], payload["kpi_id"], payload["trigger_type"]) == ("acme", KPI, "time")


def test_line_1_the_trigger_inserts_kpi_log_run(flow: Flow) -> None:
    row = flow.opened
    assert (row["tenant_id"], row["environment"], row["kpi_id"], row["contract_version"]) == ("acme", "prod", KPI, "1.0.0")
    assert (row["trigger_type"], row["schedule_cron"], int(row["retry_seq"])) == ("time", "0 2 * * *", 0)
    assert "status" not in row, "an opened run has no outcome yet"


def test_line_2_sourcing_resolves_receivables_and_sales(flow: Flow) -> None:
    assert {(row["source_type"], row["source_object"]) for row in flow.sourcing} == {("gdp", "GDP_Receivables"), ("gdp", "GDP_Sales")}
    assert all(row["source_version"] and row["attributes"] for row in flow.sourcing)


def test_line_3_availability_freshness_and_no_negative_receivables_all_pass(flow: Flow) -> None:
    assert {row["rule_type"] for row in flow.pre} >= {"availability", "readiness", "quality"}
    assert {row["result"] for row in flow.pre} == {"pass"}
    details = {row["rule_id"]: row["details"] for row in flow.pre}
    assert any("fresh" in rule for rule in details), f"a freshness rule is expected among {sorted(details)}"
    assert any("negative" in rule for rule in details), f"a rule against negative receivables is expected among {sorted(details)}"


def test_line_4_the_sql_hash_and_lineage_are_saved_and_rows_processed_recorded(flow: Flow) -> None:
    hashes = {row["sql_hash"] for row in flow.sourcing}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64, "sql_hash is a SHA-256 in hexadecimal"
    assert int(flow.closed["rows_processed"]) > 0
    assert flow.closed["lineage_ref"]


def test_line_5_ratio_bounds_and_volatility_pass_and_the_verdict_is_adequate(flow: Flow) -> None:
    assert {row["rule_type"] for row in flow.post} >= {"value_range", "variance", "verdict_alignment"}
    assert {row["result"] for row in flow.post} == {"pass"}
    assert flow.delivery["verdict"] == "Adequate"


def test_line_6_the_delivery_row_has_time_range_extensions_and_verdict_and_the_run_is_a_success(flow: Flow) -> None:
    assert "2025-11-19" in flow.delivery["time_range"], "the run at 02:00 UTC reports the day before"
    assert json.loads(flow.delivery["extensions"]), "CFO-EF-02 declares extensions"
    assert flow.delivery["scd_view"] == "as_reported"
    assert flow.closed["status"] == "success"
    assert flow.closed["sla_breached"] is False
    assert datetime.fromisoformat(flow.closed["finished_at"]) >= datetime.fromisoformat(flow.opened["started_at"])


def test_the_five_tables_agree_on_the_run(flow: Flow) -> None:
    rows = [flow.opened, flow.closed, flow.delivery, *flow.sourcing, *flow.pre, *flow.post]
    assert {int(row["run_id"]) for row in rows} == {int(flow.opened["run_id"])}
    assert {row["tenant_id"] for row in rows} == {"acme"}

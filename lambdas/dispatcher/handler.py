"""Fed by the bus: a signal starts the KPIs that wait for it, a completed run those that read its KPI, once all they read is there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from boto3.dynamodb.conditions import Key

from lambdas.adapters.settings import Settings
from lambdas.control.environment import client, environment, table
from lambdas.domain.fold import fold_runs
from lambdas.domain.ids import run_id_text
from lambdas.domain.model import LogTable

COMPLETED = "kpi.run.completed"
DELIVERING = frozenset({"success", "partial"})
RECENT = 60
"""Log rows of an upstream KPI looked at to find its delivery for a period: its newest runs."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Start what the event asks for; starting the same thing twice is one run."""
    del context
    env = environment()
    detail: Mapping[str, Any] = event["detail"]
    tenant_id, kpi_environment = str(detail["tenant_id"]), str(detail.get("environment", "prod"))
    name = f"kpi:{detail['kpi_id']}" if event["detail-type"] == COMPLETED else str(event["detail-type"])
    waiting = rows_waiting(env, tenant_id, kpi_environment, name)
    started = [each for row in waiting if (each := start(env, tenant_id, kpi_environment, row, event))]
    print(json.dumps({"level": "info", "message": "dispatched", "trigger": name, "tenant_id": tenant_id, "started": started}))
    return {"started": started}


def rows_waiting(env: Settings, tenant_id: str, kpi_environment: str, name: str) -> list[Mapping[str, Any]]:
    """Trigger rows of a tenant for one signal or upstream KPI."""
    condition = Key("pk").eq(tenant_id) & Key("sk").begins_with(f"{kpi_environment}#trigger#{name}#")
    return list(table(env.catalog_table).query(KeyConditionExpression=condition)["Items"])


def start(env: Settings, tenant_id: str, kpi_environment: str, row: Mapping[str, Any], event: Mapping[str, Any]) -> str | None:
    """Start a waiting KPI, unless one of its upstreams is not delivered yet. Gives its id when it was started."""
    detail: Mapping[str, Any] = event["detail"]
    request: dict[str, Any] = {
        "tenant_id": tenant_id,
        "environment": kpi_environment,
        "kpi_id": row["kpi_id"],
        "trigger_type": "event",
        "triggered_by": str(event["detail-type"]),
        "scheduled_at": event["time"],
    }
    # A signal is told once, so its own id makes the start idempotent; a completion is one of several for the same period.
    identity = [str(event["id"])]
    if event["detail-type"] == COMPLETED:
        period = detail.get("period")
        upstreams: list[str] = json.loads(row["upstreams"])
        deliveries = [delivered(env, tenant_id, kpi_environment, upstream, period) for upstream in upstreams]
        if period is None or not all(deliveries):
            return None
        identity = [str(period), *map(str, deliveries)]
        request |= {"triggered_by": f"{COMPLETED}:{detail['kpi_id']}", "scheduled_at": detail.get("as_of") or event["time"]}
    if isinstance(detail.get("period"), Mapping):
        request["period"] = detail["period"]
    return _start_execution(env, request, identity)


def _start_execution(env: Settings, request: Mapping[str, Any], identity: Sequence[str]) -> str | None:
    states = client("stepfunctions")
    digest = hashlib.sha256(json.dumps([request["tenant_id"], request["environment"], *identity]).encode()).hexdigest()[:24]
    try:
        states.start_execution(
            stateMachineArn=env.state_machine_arn, name=f"{request['kpi_id']}-{digest}", input=json.dumps(request, sort_keys=True)
        )
    except states.exceptions.ExecutionAlreadyExists:
        return None
    return str(request["kpi_id"])


def delivered(env: Settings, tenant_id: str, kpi_environment: str, kpi_id: str, period: Any) -> int | None:
    """The newest run of a KPI that delivered a period, or None."""
    if not isinstance(period, Mapping):
        return None
    rows = table(env.log_tables[LogTable.RUN]).query(
        IndexName="by_kpi", KeyConditionExpression=Key("gsi_pk").eq(f"{tenant_id}#{kpi_id}"), ScanIndexForward=False, Limit=RECENT
    )["Items"]
    wanted = f"{period['start']}/{period['end']}"
    for run in fold_runs(rows):
        if run["environment"] != kpi_environment or run.get("status") not in DELIVERING:
            continue
        key = {"pk": tenant_id, "sk": run_id_text(int(run["run_id"]))}
        delivery = table(env.log_tables[LogTable.DELIVERY]).get_item(Key=key).get("Item")
        if delivery and delivery["time_range"] == wanted:
            return int(run["run_id"])
    return None

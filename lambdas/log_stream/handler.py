"""Fed by the streams of the append-only tables: new rows go to the lake, anything but an insert raises a security alert (K2).

Rows that DynamoDB's TTL expired leave the hot tables for the archive and are no tampering (K4).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from kpis.metric_names import NAMESPACE, Metric
from lambdas.adapters.items import from_item
from lambdas.adapters.settings import Settings
from lambdas.control.environment import client, environment
from lambdas.domain.timestamps import iso

LOG_TABLES = frozenset({"log-run", "log-sourcing", "log-pre-validation", "log-post-validation", "log-delivery"})
NOT_COLUMNS = frozenset({"pk", "sk", "gsi_pk", "gsi_sk", "expires_at"})
FIREHOSE_BATCH = 500
Record = Mapping[str, Any]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Returns the records to try again, from the first that Firehose did not take."""
    del context
    env = environment()
    records: list[Record] = event["Records"]
    inserted: dict[str, list[Record]] = {}
    tampered: list[Record] = []
    for record in records:
        name = table_of(record).removeprefix(f"kpi-{env.deployment}-")
        if record["eventName"] != "INSERT":
            if not expired(record):
                tampered.append(record)
        elif name in LOG_TABLES:
            inserted.setdefault(name, []).append(record)
    if tampered:
        alarm(env, tampered)
    failures = [failure for name, rows in inserted.items() for failure in archive(env, name, rows)]
    counts = {"archived": sum(map(len, inserted.values())) - len(failures), "tampered": len(tampered), "failed": len(failures)}
    print(json.dumps({"level": "info", "message": "log rows streamed", **counts}))
    return {"batchItemFailures": [{"itemIdentifier": failures[0]}] if failures else []}


def table_of(record: Record) -> str:
    """The table's name out of the stream's ARN."""
    return str(record["eventSourceARN"]).split("/")[1]


def expired(record: Record) -> bool:
    """Whether DynamoDB itself removed the row because its time was over."""
    identity: Record = record.get("userIdentity") or {}
    by_service = identity.get("type") == "Service" and identity.get("principalId") == "dynamodb.amazonaws.com"
    return record["eventName"] == "REMOVE" and by_service


def line(record: Record) -> str:
    """A new row as one JSON line: the columns of the log, without our keys."""
    columns = {name: value for name, value in from_item(record["dynamodb"]["NewImage"]).items() if name not in NOT_COLUMNS}
    return json.dumps(columns, sort_keys=True) + "\n"


def archive(env: Settings, name: str, records: list[Record]) -> list[str]:
    """Send rows to the table's delivery stream; gives the sequence numbers that were not taken."""
    failed: list[str] = []
    stream = f"{env.firehose_prefix.removesuffix('log-')}{name}"
    for start in range(0, len(records), FIREHOSE_BATCH):
        batch = records[start : start + FIREHOSE_BATCH]
        answer = client("firehose").put_record_batch(
            DeliveryStreamName=stream, Records=[{"Data": line(record).encode()} for record in batch]
        )
        if answer.get("FailedPutCount"):
            failed += [
                str(record["dynamodb"]["SequenceNumber"])
                for record, outcome in zip(batch, answer["RequestResponses"], strict=True)
                if outcome.get("ErrorCode")
            ]
    return failed


def alarm(env: Settings, records: Iterable[Record]) -> None:
    """Tell people and the bus which rows were changed or removed, and count them."""
    found = [_finding(record) for record in records]
    client("events").put_events(
        Entries=[
            {"Source": "kpi.observatory", "DetailType": "kpi.log.tampered", "EventBusName": env.bus_name, "Detail": json.dumps(finding)}
            for finding in found
        ]
    )
    client("sns").publish(
        TopicArn=env.alert_topic_arn,
        Subject=f"{len(found)} KPI log rows were changed or removed",
        Message=json.dumps({"alert": "kpi.log.tampered", "severity": "critical", "runbook": "docs/runbooks/log-tamper.md", "rows": found}),
    )
    metric = Metric.LOG_TAMPER_EVENTS
    print(
        json.dumps(
            {
                "_aws": {
                    "Timestamp": int(time.time() * 1000),
                    "CloudWatchMetrics": [
                        {"Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": [{"Name": metric.value, "Unit": metric.unit}]}
                    ],
                },
                metric.value: len(found),
            }
        )
    )


def _finding(record: Record) -> dict[str, str]:
    keys = record["dynamodb"]["Keys"]
    return {
        "table": table_of(record),
        "tenant_id": keys["pk"]["S"],
        "row": keys["sk"]["S"],
        "event": record["eventName"],
        "detected_at": iso(datetime.now(UTC)),
    }

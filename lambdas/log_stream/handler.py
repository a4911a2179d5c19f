"""The log stream: DynamoDB streams of the log and audit tables into Firehose, and the alarm when a row is changed."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.archive import FirehoseArchive, TopicAlert
from lambdas.adapters.aws import Clients
from lambdas.adapters.events import EventBus
from lambdas.adapters.items import from_item
from lambdas.adapters.settings import from_environment
from lambdas.adapters.telemetry import EmfMetrics, configure_logging, request_log
from lambdas.domain.archive import Change, LogStream


@cache
def _stream() -> LogStream:
    configure_logging()
    settings = from_environment()
    clients = Clients(region=settings.region)
    logs = frozenset(settings.log_tables.values())
    return LogStream(
        archive=FirehoseArchive(clients, settings.firehose_prefix),
        bus=EventBus(clients, settings.bus_name),
        alert=TopicAlert(clients, settings.alert_topic_arn),
        metrics=EmfMetrics(settings.metric_namespace),
        archived=logs.__contains__,
    )


def change_of(record: dict[str, Any]) -> Change:
    """A stream record as a change."""
    data: dict[str, Any] = record["dynamodb"]
    # arn:aws:dynamodb:region:account:table/NAME/stream/LABEL
    table = str(record["eventSourceARN"]).split("/")[1]
    image: dict[str, Any] = data.get("NewImage") or data.get("OldImage") or {}
    identity: dict[str, Any] = record.get("userIdentity") or {}
    sequence = str(data.get("SequenceNumber") or record.get("eventID"))
    return Change(sequence, table, str(record["eventName"]), from_item(data.get("Keys", {})), from_item(image), identity.get("principalId"))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A batch of stream records; answers the ones to deliver again (ReportBatchItemFailures)."""
    started = time.perf_counter()
    changes = [change_of(record) for record in event.get("Records", [])]
    failed = _stream().handle(changes)
    request_log("log-stream", started, records=len(changes), failed=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}

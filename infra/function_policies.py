"""What each function may do: exact actions on exact ARNs. Logs, dead letters and network are added by the Functions component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pulumi

from infra.iam import Allow
from infra.names import LOG_TABLES, Names

STREAMED_TABLES = (*LOG_TABLES, "audit")
GET = ("dynamodb:GetItem",)
BATCH_GET = ("dynamodb:BatchGetItem",)
QUERY = ("dynamodb:Query",)
READ = (*GET, *QUERY)
# The only write a log row ever has: a duplicate key raises instead of overwriting.
INSERT = ("dynamodb:PartiQLInsert",)


@dataclass(frozen=True)
class PolicyContext:
    """What policies refer to and names alone do not tell."""

    names: Names
    data_key_arn: pulumi.Input[str]
    messaging_key_arn: pulumi.Input[str]


def tables(names: Names, *which: str) -> list[str]:
    """ARNs of tables and of the index of `log-run`, where it is one of them."""
    arns = [names.table_arn(each) for each in which]
    return arns + ([f"{names.table_arn('log-run')}/index/by_kpi"] if "log-run" in which else [])


def use_tables(context: PolicyContext) -> Allow:
    """DynamoDB reads and writes the key of its tables for the caller."""
    service = f"dynamodb.{context.names.region}.amazonaws.com"
    return Allow(
        "TableKey",
        ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
        [context.data_key_arn],
        {"StringEquals": {"kms:ViaService": service}},
    )


def insert_logs(names: Names, *which: str) -> Allow:
    """Insert into log tables."""
    return Allow("InsertLogs", INSERT, [names.table_arn(each) for each in which])


def read_secret(context: PolicyContext, sid: str, name: str) -> Allow:
    """Read one secret (the key of secrets is the data key, granted with the environment's decryption)."""
    return Allow(sid, ["secretsmanager:GetSecretValue"], [context.names.secret_arn(name)])


def put_events(names: Names) -> Allow:
    """Publish on the platform's bus as the platform."""
    return Allow("PublishEvents", ["events:PutEvents"], [names.bus_arn], {"StringEquals": {"events:source": "kpi.observatory"}})


def _api(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        Allow("ReadCatalog", READ, tables(names, "catalog")),
        Allow("ReadLogs", QUERY, tables(names, *LOG_TABLES)),
        Allow("ReadDeliveries", BATCH_GET, tables(names, "log-delivery")),
        read_secret(context, "ResultStore", names.result_store_secret),
        use_tables(context),
    ]


def _run_open(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        Allow("ReadCatalog", (*READ, *BATCH_GET), tables(names, "catalog")),
        # Whether a run since the last pause delivered.
        Allow("ReadRuns", QUERY, tables(names, "log-run")),
        insert_logs(names, "log-run"),
        use_tables(context),
    ]


def runner(context: PolicyContext) -> list[Allow]:
    """The runner of both lanes: delivers results; rows and warehouses it only reaches as the tenant it runs for."""
    names = context.names
    return [
        Allow("BecomeTenant", ["sts:AssumeRole", "sts:TagSession"], [names.role_arn("*-run")]),
        read_secret(context, "ResultStore", names.result_store_secret),
    ]


def _run_close(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        Allow("ReadCatalog", GET, tables(names, "catalog")),
        Allow("ReadRuns", QUERY, tables(names, "log-run")),
        # The delivery row of a fallback is written here, after the last attempt failed.
        insert_logs(names, "log-run", "log-delivery"),
        read_secret(context, "ResultStore", names.result_store_secret),
        put_events(names),
        use_tables(context),
    ]


def _reconciler(context: PolicyContext) -> list[Allow]:
    names = context.names
    schedule_actions = ["scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule", "scheduler:GetSchedule"]
    write = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    return [
        Allow("ReadCatalog", READ, tables(names, "catalog")),
        Allow("WriteCatalog", write, tables(names, "catalog")),
        Allow("InsertAudit", INSERT, tables(names, "audit")),
        Allow("ReadBundles", ["s3:GetObject"], [f"{names.bucket_arn('artifacts')}/dictionary/*"]),
        Allow("Schedules", schedule_actions, [names.arn("scheduler", f"schedule/{names.prefix}-*/*")]),
        # Listing has no resource of its own in EventBridge Scheduler.
        Allow("ListSchedules", ["scheduler:ListSchedules"], ["*"]),
        Allow(
            "GiveSchedulesTheirRole",
            ["iam:PassRole"],
            [names.role_arn("scheduler")],
            {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
        use_tables(context),
    ]


def _dispatcher(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        Allow("ReadTriggers", QUERY, tables(names, "catalog")),
        # A KPI over other KPIs starts when all of them have delivered the period.
        Allow("ReadRuns", QUERY, tables(names, "log-run")),
        Allow("ReadDeliveries", BATCH_GET, tables(names, "log-delivery")),
        Allow("StartRuns", ["states:StartExecution"], [names.state_machine_arn]),
        use_tables(context),
    ]


def _log_stream(context: PolicyContext) -> list[Allow]:
    names = context.names
    streams = [f"{names.table_arn(each)}/stream/*" for each in STREAMED_TABLES]
    firehose = [names.arn("firehose", f"deliverystream/{names.named(each)}") for each in LOG_TABLES]
    read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    return [
        Allow("ReadStreams", read, streams),
        Allow("Archive", ["firehose:PutRecord", "firehose:PutRecordBatch"], firehose),
        put_events(names),
        Allow("Alarm", ["sns:Publish"], [names.topic_arn("ops")]),
        Allow("AlarmKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.messaging_key_arn]),
        use_tables(context),
    ]


def _widgets(context: PolicyContext) -> list[Allow]:
    """Tables on dashboards are read as the tenant they are about: the function itself may read nothing."""
    return [Allow("BecomeTenant", ["sts:AssumeRole", "sts:TagSession"], [context.names.role_arn("*-run")])]


POLICIES: Mapping[str, Callable[[PolicyContext], list[Allow]]] = {
    "api": _api,
    "run-open": _run_open,
    "run-light": runner,
    "run-close": _run_close,
    "reconciler": _reconciler,
    "dispatcher": _dispatcher,
    "log-stream": _log_stream,
    "widgets": _widgets,
}

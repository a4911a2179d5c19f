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
    signing_key_arn: pulumi.Input[str]


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


def read_streams(names: Names, *which: str) -> Allow:
    """Read the streams of tables, as an event source mapping does."""
    read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"]
    return Allow("ReadStreams", read, [f"{names.table_arn(each)}/stream/*" for each in which])


def _api(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        Allow("ReadCatalog", (*READ, *BATCH_GET), tables(names, "catalog")),
        *change_catalog(names),
        # The buckets of calls a minute; every other row is written whole.
        Allow("CountCalls", ["dynamodb:UpdateItem"], tables(names, "catalog")),
        Allow("ReadLogs", QUERY, tables(names, *LOG_TABLES)),
        Allow("ReadDeliveries", BATCH_GET, tables(names, "log-delivery")),
        *read_indexes(context),
        *hand_out_evidence(context),
        # A link to a report may read what its signer may.
        Allow("ReadReports", ["s3:GetObject"], [f"{names.bucket_arn('artifacts')}/reports/*"]),
        read_secret(context, "ResultStore", names.result_store_secret),
        *write_connections(context),
        Allow("StartRuns", ["states:StartExecution"], [names.state_machine_arn]),
        use_tables(context),
    ]


def write_connections(context: PolicyContext) -> list[Allow]:
    """Write the secrets of tenants' warehouses, without the right to read one (K26)."""
    names = context.names
    actions = ["secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:UpdateSecretVersionStage"]
    via = {"StringEquals": {"kms:ViaService": f"secretsmanager.{names.region}.amazonaws.com"}}
    return [
        Allow("WriteConnections", actions, [names.secret_arn(names.warehouse_secret("*", "*"))]),
        # Secrets Manager looks at the version a request repeats, which is encrypted too.
        Allow("ConnectionKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.data_key_arn], via),
    ]


def change_catalog(names: Names) -> list[Allow]:
    """Change catalog rows and, in the same transaction, add the audit event that explains it.

    DynamoDB has no permission for a Put that must not overwrite, so it is allowed inside transactions only (docs/adr/0009).
    """
    transaction = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}}
    write = ["dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
    return [
        Allow("ChangeCatalog", write, tables(names, "catalog")),
        Allow("AddAuditEvents", ["dynamodb:PutItem"], tables(names, "audit"), transaction),
        Allow("ReadAudit", READ, tables(names, "audit")),
    ]


def read_indexes(context: PolicyContext) -> list[Allow]:
    """Read search indexes. Without the right to list, S3 answers 403 for an index that is not there yet."""
    names = context.names
    bucket = names.bucket_arn("artifacts")
    return [
        Allow("ReadIndexes", ["s3:GetObject"], [f"{bucket}/search/*"]),
        Allow("MissIndexes", ["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": "search/*"}}),
        Allow(
            "IndexKey", ["kms:Decrypt"], [context.data_key_arn], {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
        ),
    ]


def hand_out_evidence(context: PolicyContext) -> list[Allow]:
    """See what became of evidence bundles, and sign links to them: a link may read what its signer may."""
    names = context.names
    bucket = names.bucket_arn("artifacts")
    return [
        Allow("ReadEvidence", ["s3:GetObject"], [f"{bucket}/evidence/*"]),
        Allow("MissEvidence", ["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": "evidence/*"}}),
    ]


def make_evidence(context: PolicyContext) -> list[Allow]:
    """What making evidence bundles takes beyond reading the catalog, the logs, the audit chain and its checkpoints, and signing."""
    names = context.names
    bucket = names.bucket_arn("artifacts")
    return [
        # A bundle takes longer than a batch of the stream may: it is made in an invocation of its own.
        Allow("ExportAside", ["lambda:InvokeFunction"], [names.function_arn("governance")]),
        Allow("ReadDeliveries", BATCH_GET, tables(names, "log-delivery")),
        Allow("KeepEvidence", ["s3:GetObject", "s3:PutObject"], [f"{bucket}/evidence/*"]),
        Allow("ReadArtifactSets", ["s3:GetObject"], [f"{bucket}/rendered/*"]),
        Allow("ListEvidence", ["s3:ListBucket"], [bucket], {"StringLike": {"s3:prefix": ["evidence/*", "rendered/*"]}}),
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
    return [
        Allow("ReadCatalog", READ, tables(names, "catalog")),
        *change_catalog(names),
        read_streams(names, "catalog"),
        Allow("ReadBundles", ["s3:GetObject"], [f"{names.bucket_arn('artifacts')}/dictionary/*"]),
        *read_indexes(context),
        *write_indexes(context),
        Allow("Schedules", schedule_actions, [names.arn("scheduler", f"schedule/{names.prefix}-*/*")]),
        # Listing has no resource of its own in EventBridge Scheduler.
        Allow("ListSchedules", ["scheduler:ListSchedules"], ["*"]),
        *mute_alarms(names),
        *kpi_dashboards(names),
        # A pass over all tenants that takes too long goes on in an invocation of its own.
        Allow("GoOn", ["lambda:InvokeFunction"], [names.function_arn("reconciler")]),
        Allow(
            "GiveSchedulesTheirRole",
            ["iam:PassRole"],
            [names.role_arn("scheduler")],
            {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
        use_tables(context),
    ]


def write_indexes(context: PolicyContext) -> list[Allow]:
    """Replace search indexes."""
    names = context.names
    via = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    return [
        Allow("WriteIndexes", ["s3:PutObject"], [f"{names.bucket_arn('artifacts')}/search/*"]),
        Allow("NewIndexKey", ["kms:GenerateDataKey"], [context.data_key_arn], via),
    ]


def kpi_dashboards(names: Names) -> list[Allow]:
    """Keep the dashboards of single KPIs that tenants asked for; those that stacks declare have other names."""
    own = [f"arn:aws:cloudwatch::{names.account_id}:dashboard/{names.prefix}-*-{where}-kpi-*" for where in ("dev", "stg", "prod")]
    actions = ["cloudwatch:GetDashboard", "cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"]
    return [
        Allow("KpiDashboards", actions, own),
        # Listing has no resource of its own.
        Allow("ListDashboards", ["cloudwatch:ListDashboards"], ["*"]),
    ]


def mute_alarms(names: Names) -> list[Allow]:
    """Mute alarms of tenants while what they are about is paused.

    CloudWatch wants the right to put a rule on the rule and on every alarm it names (PutAlarmMuteRule, CloudWatch API reference). The rules
    that stacks declare have other names.
    """
    rules = names.arn("cloudwatch", f"alarm-mute-rule:{names.prefix}-*-pause-*")
    alarms = names.arn("cloudwatch", f"alarm:{names.prefix}-*")
    return [
        Allow("MuteRules", ["cloudwatch:PutAlarmMuteRule", "cloudwatch:GetAlarmMuteRule", "cloudwatch:DeleteAlarmMuteRule"], [rules]),
        Allow("MuteAlarms", ["cloudwatch:PutAlarmMuteRule", "cloudwatch:DescribeAlarms"], [alarms]),
        # Rules are listed for the whole account; they have no resource of their own then.
        Allow("ListMuteRules", ["cloudwatch:ListAlarmMuteRules"], ["*"]),
    ]


def tenant_topics(names: Names, topic: str) -> str:
    """The topics of one kind (urgent, routine) of all tenants."""
    return names.arn("sns", f"{names.prefix}-*-alerts-{topic}")


def _dispatcher(context: PolicyContext) -> list[Allow]:
    names = context.names
    return [
        # What waits for a signal, whether a canary is under way, and the tenant's alert routes.
        Allow("ReadTriggers", QUERY, tables(names, "catalog")),
        # A KPI over other KPIs starts when all of them have delivered the period.
        Allow("ReadRuns", QUERY, tables(names, "log-run")),
        Allow("ReadDeliveries", BATCH_GET, tables(names, "log-delivery")),
        Allow("StartRuns", ["states:StartExecution"], [names.state_machine_arn]),
        Allow("AlertTenants", ["sns:Publish"], [tenant_topics(names, "routine")]),
        Allow("AlertKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.messaging_key_arn]),
        use_tables(context),
    ]


def _log_stream(context: PolicyContext) -> list[Allow]:
    names = context.names
    firehose = [names.arn("firehose", f"deliverystream/{names.named(each)}") for each in LOG_TABLES]
    return [
        read_streams(names, *STREAMED_TABLES),
        Allow("Archive", ["firehose:PutRecordBatch"], firehose),
        put_events(names),
        Allow("Alarm", ["sns:Publish"], [names.topic_arn("ops")]),
        Allow("AlarmKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.messaging_key_arn]),
        use_tables(context),
    ]


def _widgets(context: PolicyContext) -> list[Allow]:
    """Tables on dashboards are read as the tenant they are about: the function itself may read nothing."""
    return [Allow("BecomeTenant", ["sts:AssumeRole", "sts:TagSession"], [context.names.role_arn("*-run")])]


def _governance(context: PolicyContext) -> list[Allow]:
    names = context.names
    topics = [tenant_topics(names, topic) for topic in ("urgent", "routine")]
    s3 = {"StringEquals": {"kms:ViaService": f"s3.{names.region}.amazonaws.com"}}
    return [
        Allow("ReadCatalog", (*READ, *BATCH_GET), tables(names, "catalog")),
        *change_catalog(names),
        # Missing runs are found and logged here; so is how a version did, which promotions and rollbacks ask for.
        Allow("ReadLogs", QUERY, tables(names, *LOG_TABLES)),
        insert_logs(names, "log-run"),
        read_streams(names, "audit"),
        Allow("Reconcile", ["lambda:InvokeFunction"], [names.function_arn("reconciler")]),
        Allow("StartChanges", ["states:StartExecution"], [names.change_machine_arn]),
        Allow("WakeChanges", ["states:SendTaskSuccess"], [names.change_machine_arn]),
        Allow("TellTenants", ["sns:Publish"], topics),
        # Only ever with a filter, so that a target hears nothing but what a route has for it.
        Allow("FollowRoutes", ["sns:Subscribe"], [tenant_topics(names, "routine")], {"StringEquals": {"sns:Protocol": ["email", "https"]}}),
        Allow("TellApprovers", ["sqs:SendMessage", "sqs:GetQueueUrl"], [names.queue_arn("approvals")]),
        Allow("MessageKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.messaging_key_arn]),
        put_events(names),
        Allow("SignCheckpoints", ["kms:GetPublicKey", "kms:Sign", "kms:Verify"], [context.signing_key_arn]),
        Allow(
            "KeepCheckpoints",
            ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:PutObjectRetention"],
            [f"{names.bucket_arn('audit')}/checkpoints/*"],
        ),
        Allow("ListCheckpoints", ["s3:ListBucketVersions"], [names.bucket_arn("audit")], {"StringLike": {"s3:prefix": "checkpoints/*"}}),
        Allow("CheckpointKey", ["kms:Decrypt", "kms:GenerateDataKey"], [context.data_key_arn], s3),
        *make_evidence(context),
        Allow("KeepReports", ["s3:PutObject"], [f"{names.bucket_arn('artifacts')}/reports/*"]),
        use_tables(context),
    ]


POLICIES: Mapping[str, Callable[[PolicyContext], list[Allow]]] = {
    "api": _api,
    "run-open": _run_open,
    "run-light": runner,
    "run-close": _run_close,
    "reconciler": _reconciler,
    "dispatcher": _dispatcher,
    "log-stream": _log_stream,
    "widgets": _widgets,
    "governance": _governance,
}

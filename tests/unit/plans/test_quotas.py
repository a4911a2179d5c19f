"""One table of quotas: complete, sourced, and the same numbers as AWS's own service models say."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest

from plans.quota import Quota, Scope
from plans.quotas import KIB, MIB, QUOTAS, QuotaError, by_key, granted

TABLE = by_key()
ANCHORS: dict[str, int] = {
    "cloudwatch.dashboard.widgets": 500,
    "cloudwatch.dashboard.metrics_per_widget": 500,
    "cloudwatch.dashboard.metrics": 2500,
    "cloudwatch.dashboard.variables": 25,
    "cloudwatch.alarm.put_rate": 3,
    "cloudwatch.composite.children": 100,
    "cloudwatch.composite.elements": 500,
    "cloudwatch.alarm.math_metrics": 10,
    "cloudwatch.alarm.window": 86_400,
    "cloudwatch.alarm.long_window": 7 * 86_400,
    "cloudwatch.insights.metrics": 10_000,
    "cloudwatch.insights.series": 500,
    "cloudwatch.insights.window": 3 * 3600,
    "cloudwatch.insights.alarms": 200,
    "cloudwatch.mute.alarms": 100,
    "cloudwatch.emf.metrics": 100,
    "cloudwatch.emf.bytes": MIB,
    "scheduler.schedules": 10_000_000,
    "scheduler.create_group_rate": 10,
    "states.payload": 256 * KIB,
    "states.history": 25_000,
    "states.map": 40,
    "ecs.run_task_rate": 20,
    "dynamodb.item": 400 * KIB,
    "dynamodb.transaction.actions": 100,
    "dynamodb.transaction.bytes": 4 * MIB,
    "apigateway.timeout": 30,
    "apigateway.payload": 10 * MIB,
    "lambda.sync_payload": 6 * MIB,
    "lambda.environment": 4 * KIB,
    "lambda.zip_upload": 50 * MIB,
    "lambda.unzipped": 250 * MIB,
    "iam.roles": 1000,
}
"""The limits that shaped the design; the table may know more, never less."""

SERVICE_MODELS: list[tuple[str, str, str]] = [
    ("cloudwatch.alarm.name", "cloudwatch", "AlarmName"),
    ("cloudwatch.alarm.description", "cloudwatch", "AlarmDescription"),
    ("cloudwatch.alarm.expression", "cloudwatch", "MetricExpression"),
    ("cloudwatch.alarm.actions", "cloudwatch", "ResourceList"),
    ("cloudwatch.composite.rule", "cloudwatch", "AlarmRule"),
    ("cloudwatch.mute.alarms", "cloudwatch", "MuteTargetAlarmNameList"),
    ("cloudwatch.metric.dimensions", "cloudwatch", "Dimensions"),
    ("logs.query.text", "logs", "QueryString"),
    ("scheduler.name", "scheduler", "ScheduleGroupName"),
    ("states.definition", "stepfunctions", "Definition"),
    ("states.payload", "stepfunctions", "SensitiveData"),
    ("dynamodb.transaction.actions", "dynamodb", "TransactWriteItemList"),
    ("dynamodb.batch_statement", "dynamodb", "PartiQLBatchRequest"),
    ("dynamodb.batch_get", "dynamodb", "KeyList"),
    ("firehose.record", "firehose", "Data"),
    ("secretsmanager.value", "secretsmanager", "SecretStringType"),
    ("events.put_entries", "events", "PutEventsRequestEntryList"),
    ("iam.role_name", "iam", "roleNameType"),
    ("budgets.subscribers", "budgets", "Subscribers"),
    ("tags.key", "cloudwatch", "TagKey"),
    ("tags.value", "cloudwatch", "TagValue"),
]
DOCUMENTED: list[tuple[str, str, str, str]] = [
    ("cloudwatch.composite.children", "cloudwatch", "PutCompositeAlarm", "as many as 100 underlying alarms"),
    ("cloudwatch.composite.parents", "cloudwatch", "PutCompositeAlarm", "as many as 150 composite alarms"),
    ("dynamodb.item", "dynamodb", "TransactWriteItems", "bigger than 400 KB"),
    ("dynamodb.transaction.actions", "dynamodb", "TransactWriteItems", "up to 100 action requests"),
]


@pytest.mark.parametrize("quota", QUOTAS, ids=lambda quota: quota.key)
def test_every_row_says_what_how_much_of_what_where_it_is_written_and_what_to_do(quota: Quota) -> None:
    assert re.fullmatch(r"[a-z0-9]+(\.[a-z_0-9]+)+", quota.key)
    assert quota.what
    assert quota.unit
    assert quota.value > 0
    assert quota.source.startswith("https://docs.aws.amazon.com/")
    assert len(quota.remedy) > 8
    assert quota.scope in Scope
    assert quota.most is None or (quota.adjustable and quota.most >= quota.value)


def test_no_key_is_there_twice() -> None:
    assert len({quota.key for quota in QUOTAS}) == len(QUOTAS)


@pytest.mark.parametrize(("key", "value"), ANCHORS.items())
def test_the_limits_that_shaped_the_design_are_in_the_table(key: str, value: int) -> None:
    assert TABLE[key].value == value


@pytest.mark.parametrize(("key", "service", "shape"), SERVICE_MODELS)
def test_a_length_is_the_one_in_the_service_model_of_aws(key: str, service: str, shape: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    assert model.shape_for(shape).metadata["max"] == TABLE[key].value


@pytest.mark.parametrize(("key", "service", "operation", "words"), DOCUMENTED)
def test_a_number_stands_in_the_documentation_of_its_operation(key: str, service: str, operation: str, words: str) -> None:
    model: Any = botocore.session.get_session().get_service_model(service).operation_model(operation)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", model.documentation))
    assert words in text
    assert str(TABLE[key].value if TABLE[key].value < 10_000 else TABLE[key].value // KIB) in words


def test_what_aws_has_granted_replaces_the_default() -> None:
    assert by_key(granted({"iam.roles": 2000}))["iam.roles"].value == 2000
    assert by_key(granted({"iam.roles": 2000}))["sns.topics"] == TABLE["sns.topics"]


@pytest.mark.parametrize(
    ("increase", "complaint"),
    [
        ({"iam.rolls": 2000}, "there is no quota 'iam.rolls'"),
        ({"iam.roles": 5001}, "AWS grants at most 5,000 roles"),
        ({"cloudwatch.composite.children": 101}, "is a hard limit of AWS"),
    ],
)
def test_nobody_is_granted_what_aws_never_grants(increase: dict[str, int], complaint: str) -> None:
    with pytest.raises(QuotaError, match=complaint):
        granted(increase)

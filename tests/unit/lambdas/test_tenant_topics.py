"""Notices and alerts on a tenant's topics: whom SNS is asked to tell, with what, and what a tenant without a stack means."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kpis.common import Environment
from lambdas.adapters.alert_topics import RoutedTopics
from lambdas.adapters.notice_channels import ApprovalsQueue, NoticeTopics
from lambdas.adapters.tenant_topics import TenantTopics
from lambdas.domain.audit.event import Facts
from lambdas.domain.notices import Notice, Topic, notice_of
from lambdas.domain.tenants.alerts import Alert, mark
from lambdas.domain.tenants.listeners import AlertKind, AlertTarget
from tests.unit.lambdas.audit.factory import facts, rechained

STEM = "arn:aws:sns:eu-west-1:123456789012:kpi-live"
ALERT = Alert(AlertKind.SLA_BREACH, "CFO-EF-02 SLA breach (acme prod)", {"event": "kpi.sla.breach", "run_id": "7"}, ("m1", "m2"))
MAIL = AlertTarget(channel="email", address="ops@acme.example")
HOOK = AlertTarget(channel="webhook", address="https://hooks.acme.example/kpi")


class Service:
    """SNS and SQS: what was asked of them, and the code of the error that every call meets."""

    def __init__(self, code: str | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.code = code

    def __call__(self, _service: str) -> Any:
        return self

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        def call(**arguments: Any) -> dict[str, Any]:
            self.asked.append((operation, arguments))
            if self.code is not None:
                raise ClientError({"Error": {"Code": self.code}}, operation)
            return {"QueueUrl": "https://sqs/approvals"}

        return call

    @property
    def topics(self) -> TenantTopics:
        return TenantTopics(self, STEM)  # type: ignore[arg-type]


def notice(environment: Environment | None = Environment.STG) -> Notice:
    made = Facts.model_validate(facts(1).model_dump() | {"environment": environment, "details": {"notify": ["owners", "page"]}})
    return notice_of(rechained([made])[0])


def test_a_notice_goes_to_the_topic_of_its_urgency_in_its_environment_with_what_subscriptions_filter_by() -> None:
    sns, told = Service(), notice()
    assert NoticeTopics(sns.topics).publish(told, Topic.URGENT) is True
    ((operation, asked),) = sns.asked
    assert (operation, asked["TopicArn"]) == ("publish", f"{STEM}-{told.event.tenant_id}-stg-alerts-urgent")
    assert (asked["Subject"], json.loads(asked["Message"])) == (told.subject, told.as_json())
    assert asked["MessageAttributes"]["severity"] == {"DataType": "String", "StringValue": "urgent"}
    assert asked["MessageAttributes"]["audience"] == {"DataType": "String.Array", "StringValue": '["owners", "page"]'}
    assert set(asked["MessageAttributes"]) == set(told.attributes)


def test_a_notice_of_no_environment_is_told_in_production() -> None:
    sns, told = Service(), notice(environment=None)
    NoticeTopics(sns.topics).publish(told, Topic.ROUTINE)
    assert sns.asked[0][1]["TopicArn"] == f"{STEM}-{told.event.tenant_id}-prod-alerts-routine"


def test_the_approvals_queue_gets_the_same_message_with_the_attributes_that_sqs_knows() -> None:
    sqs, told = Service(), notice()
    queue = ApprovalsQueue(sqs, "approvals")  # type: ignore[arg-type]
    queue.send(told)
    queue.send(told)
    assert [operation for operation, _ in sqs.asked] == ["get_queue_url", "send_message", "send_message"]
    asked = sqs.asked[1][1]
    assert (asked["QueueUrl"], json.loads(asked["MessageBody"])) == ("https://sqs/approvals", told.as_json())
    assert set(asked["MessageAttributes"]) == set(told.attributes) - {"audience"}
    assert {each["DataType"] for each in asked["MessageAttributes"].values()} == {"String"}


def test_an_alert_goes_to_the_routine_topic_marked_with_the_targets_it_is_for() -> None:
    sns = Service()
    RoutedTopics(sns.topics).publish("acme", "prod", ALERT)
    assert sns.asked == [
        (
            "publish",
            {
                "TopicArn": f"{STEM}-acme-prod-alerts-routine",
                "Subject": ALERT.subject,
                "Message": '{"event": "kpi.sla.breach", "run_id": "7"}',
                "MessageAttributes": {
                    "event": {"DataType": "String", "StringValue": "kpi.sla.breach"},
                    "targets": {"DataType": "String.Array", "StringValue": '["m1", "m2"]'},
                },
            },
        )
    ]


@pytest.mark.parametrize(("target", "protocol"), [(MAIL, "email"), (HOOK, "https")], ids=["email", "webhook"])
def test_a_target_hears_only_what_has_its_mark(target: AlertTarget, protocol: str) -> None:
    sns = Service()
    RoutedTopics(sns.topics).subscribe("acme", "dev", target)
    policy = {"FilterPolicy": json.dumps({"targets": [mark(target)]})}
    arn = f"{STEM}-acme-dev-alerts-routine"
    assert sns.asked == [("subscribe", {"TopicArn": arn, "Protocol": protocol, "Endpoint": target.address, "Attributes": policy})]


@pytest.mark.parametrize("code", ["NotFound", "NotFoundException"])
def test_a_tenant_without_a_stack_has_nobody_who_could_hear(code: str, caplog: pytest.LogCaptureFixture) -> None:
    sns = Service(code)
    assert NoticeTopics(sns.topics).publish(notice(), Topic.ROUTINE) is False
    RoutedTopics(sns.topics).publish("acme", "prod", ALERT)
    RoutedTopics(sns.topics).subscribe("acme", "prod", MAIL)
    assert [operation for operation, _ in sns.asked] == ["publish", "publish", "subscribe"]
    assert [record.getMessage() for record in caplog.records] == [f"target {mark(MAIL)} of acme in prod was not subscribed: {code}"]


@pytest.mark.parametrize("code", ["InvalidParameter", "InvalidParameterException"])
def test_an_endpoint_that_sns_does_not_take_is_logged_without_its_address(code: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        RoutedTopics(Service(code).topics).subscribe("acme", "prod", HOOK)
    (line,) = [record.getMessage() for record in caplog.records]
    assert code in line
    assert "hooks.acme.example" not in line


def test_a_message_that_sns_finds_invalid_and_any_other_error_is_raised() -> None:
    with pytest.raises(ClientError, match="InvalidParameter"):
        RoutedTopics(Service("InvalidParameter").topics).publish("acme", "prod", ALERT)
    with pytest.raises(ClientError, match="Throttled"):
        RoutedTopics(Service("Throttled").topics).subscribe("acme", "prod", MAIL)
    with pytest.raises(ClientError, match="Throttled"):
        NoticeTopics(Service("Throttled").topics).publish(notice(), Topic.URGENT)

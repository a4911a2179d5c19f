"""The record cannot be rewritten in silence: inserts of an existing row are refused, changes behind the product's back raise an alert."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.local.conftest import Stack, wait_until

pytestmark = pytest.mark.local


def messages(stack: Stack, queue_url: str) -> list[dict[str, Any]]:
    found = stack.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_a_second_insert_of_a_run_is_refused(stack: Stack) -> None:
    table = f"{stack.outputs['prefix']}-log-run"
    row = stack.log_rows("run", "acme")[0]
    client = stack.client("dynamodb")
    statement = f"INSERT INTO \"{table}\" VALUE {{'pk': ?, 'sk': ?, 'status': ?}}"
    parameters = [{"S": row["pk"]}, {"S": row["sk"]}, {"S": "success"}]
    with pytest.raises(client.exceptions.DuplicateItemException):
        client.execute_statement(Statement=statement, Parameters=parameters)


def test_a_removed_row_raises_a_security_alert_and_an_event(stack: Stack) -> None:
    a_removed_row_is_told(stack)


def a_removed_row_is_told(stack: Stack) -> None:
    """Remove a row behind the product's back; it fails when nobody is told within a minute."""
    table = f"{stack.outputs['prefix']}-log-sourcing"
    key = {"pk": {"S": "acme"}, "sk": {"S": f"0000000000000000001#test#{uuid4().hex}"}}
    sqs, sns, events = stack.client("sqs"), stack.client("sns"), stack.client("events")
    name = f"tamper-{uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscription = sns.subscribe(TopicArn=stack.outputs["alertTopics"]["ops"], Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    bus = stack.outputs["busName"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"detail-type": ["kpi.log.tampered"]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    seen: list[dict[str, Any]] = []
    client = stack.client("dynamodb")
    try:
        row = key | {"tenant_id": {"S": "acme"}, "run_id": {"N": "1"}, "environment": {"S": "prod"}, "kpi_id": {"S": "CFO-EF-02"}}
        client.put_item(TableName=table, Item=row)
        client.delete_item(TableName=table, Key=key)

        def told() -> bool:
            seen.extend(messages(stack, url))
            text = json.dumps(seen)
            return "kpi.log.tampered" in text and any("TopicArn" in message for message in seen)

        wait_until(told, seconds=60, what="the alert and the event about the removed row")
        assert key["sk"]["S"] in json.dumps(seen), "the alert names the row"
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["queue"])
        events.delete_rule(Name=name, EventBusName=bus)
        sqs.delete_queue(QueueUrl=url)

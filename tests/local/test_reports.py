"""A report on the running stack: made of the logs of real runs, told to whoever subscribed, and fetched through the API."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests

from cli import demo_users
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.report_links import object_key
from lambdas.adapters.report_shelf import ReportShelf, SubscribedCatalog
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.adapters.task_rows import TaskRows
from lambdas.adapters.tenant_topics import TenantTopics
from lambdas.domain.model import LogTable
from lambdas.domain.reports.made import Format, ReportPlace
from lambdas.domain.reports.sending import Reporting
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.alerts import mark
from lambdas.domain.tenants.listeners import AlertTarget
from tests.local.conftest import Stack, wait_until

pytestmark = pytest.mark.local
KPI = "CFO-EF-02"
CFO = "cfo@reports.example"


def token(stack: Stack, name: str) -> str:
    """A token of somebody of the demo."""
    return demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, name)


class Subscription:
    """A daily report of one KPI of acme, asked for through the API; `path` is its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ident = f"daily-{uuid4().hex[:8]}"
        self.path = f"/report-subscriptions/{self.ident}"
        self.url = stack.outputs["apiUrl"].rstrip("/") + self.path
        self.tasks = TaskRows(stack.client, stack.outputs["tables"]["catalog"], lambda: datetime.now(UTC))

    def send(self, method: str, **call: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token(self.stack, 'admin@acme.example')}", "X-Idempotency-Key": uuid4().hex}
        return requests.request(method, self.url, headers=headers, timeout=60, **call)

    def subscribe(self) -> None:
        entry = {"kpi_id": KPI, "frequency": "daily", "format": "csv", "recipients": [CFO]}
        answer = self.send("PUT", json={"reason": "the board meets on Mondays", "subscription": entry})
        assert answer.status_code == 200, answer.text

    def serve(self, at: datetime) -> list[str]:
        """What a tick of the governance worker does at a moment."""
        stack, tables = self.stack, self.stack.outputs["tables"]
        logs = {table: tables[table.value] for table in LogTable}
        reporting = Reporting(
            catalog=SubscribedCatalog(DynamoCatalog(stack.client, tables["catalog"])),
            logs=DynamoRunLogs(stack.client, logs),
            shelf=ReportShelf(stack.client, stack.outputs["artifactsBucket"], tables["catalog"]),
            marks=self.tasks,
            tell=TenantTopics(stack.client, f"arn:aws:sns:us-east-1:123456789012:{stack.outputs['prefix']}").tell,
            now=lambda: at,
        )
        return reporting.serve("acme", "prod")

    def drop(self) -> None:
        """Leave nothing that later reports or tests would find."""
        self.send("DELETE", params={"reason": "the test is over"})
        table = self.stack.dynamodb.Table(self.stack.outputs["tables"]["catalog"])
        made = list(DynamoCatalog(self.stack.client, table.name).rows("acme", keys.made_reports("prod", self.ident), ("sk",)))
        for key in [f"task#reported#prod#{self.ident}", *(str(row["sk"]) for row in made)]:
            table.delete_item(Key={"pk": "acme", "sk": key})
        for row in made:
            place = ReportPlace("acme", "prod", self.ident, str(row["sk"]).rpartition("#")[2], Format.CSV)
            self.stack.client("s3").delete_object(Bucket=self.stack.outputs["artifactsBucket"], Key=object_key(place))


@pytest.fixture
def subscription(stack: Stack) -> Iterator[Subscription]:
    made = Subscription(stack)
    made.subscribe()
    yield made
    made.drop()


@pytest.fixture
def inbox(stack: Stack) -> Iterator[str]:
    """A queue that lets through what the subscriber's own e-mail would."""
    sns, sqs = stack.client("sns"), stack.client("sqs")
    queue = sqs.create_queue(QueueName=f"test-reports-{uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = f"arn:aws:sns:us-east-1:123456789012:{stack.outputs['prefix']}-acme-prod-alerts-routine"
    policy = json.dumps({"targets": [mark(AlertTarget(channel="email", address=CFO))]})
    listening = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": policy})["SubscriptionArn"]
    yield queue
    sns.unsubscribe(SubscriptionArn=listening)
    for each in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        if each["Endpoint"] == CFO and each["SubscriptionArn"].startswith("arn:"):
            sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=queue)


def test_a_report_says_what_the_runs_of_the_day_delivered_and_the_cfo_fetches_it(
    stack: Stack, subscription: Subscription, inbox: str
) -> None:
    newest = stack.dynamodb.Table(stack.outputs["tables"]["log-run"]).query(
        IndexName="by_kpi",
        KeyConditionExpression="gsi_pk = :pk",
        ExpressionAttributeValues={":pk": f"acme#{KPI}"},
        ScanIndexForward=False,
        Limit=1,
    )["Items"][0]
    day = datetime.fromisoformat(str(newest["started_at"])).date()
    morning = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    # The worker of the stack serves the same subscription, by its own clock.
    subscription.serve(morning)
    assert f"{subscription.ident} {day.isoformat()}" in subscription.serve(morning + timedelta(days=1))

    told = stack.client("sqs").receive_message(QueueUrl=inbox, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]
    messages = [json.loads(json.loads(each["Body"])["Message"]) for each in told]
    assert [each["kpis"] for each in messages if each["period"] == day.isoformat()] == [1]

    answer = stack.get(f"{subscription.path}/reports", token=token(stack, "cfo@acme.example"))
    assert answer.status_code == 200, answer.text
    report = next(each for each in answer.json()["items"] if each["label"] == day.isoformat())
    assert report["format"] == "csv"
    fetched = requests.get(report["url"], timeout=30)
    assert (fetched.status_code, len(fetched.content)) == (200, report["bytes"])
    (line,) = csv.DictReader(io.StringIO(fetched.text))
    assert (line["kpi_id"], int(line["success"]) + int(line["failed"]) + int(line["partial"]) + int(line["skipped"]) > 0) == (KPI, True)
    if line["run_id"]:
        detail = stack.get(f"/runs/{line['run_id'].removeprefix('#')}", token=token(stack, "cfo@acme.example"))
        assert (detail.status_code, detail.json()["run"]["kpi_id"]) == (200, KPI)


def test_the_worker_of_the_stack_looks_for_reports_and_lets_subscribers_hear(stack: Stack, subscription: Subscription) -> None:
    answer = stack.client("lambda").invoke(
        FunctionName=f"{stack.outputs['prefix']}-governance", Payload=json.dumps({"action": "reports", "tenant_id": "acme"})
    )
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    assert subscription.tasks.reported("acme", "prod", subscription.ident) is not None
    topic = f"arn:aws:sns:us-east-1:123456789012:{stack.outputs['prefix']}-acme-prod-alerts-routine"

    def heard() -> bool:
        return CFO in {each["Endpoint"] for each in stack.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]}

    wait_until(heard, seconds=20, what="the subscription of whoever gets the report")


def test_another_tenant_does_not_find_them(stack: Stack, subscription: Subscription) -> None:
    rival = token(stack, "cfo@skyway.example")
    guessed, foreign = (stack.get(f"/report-subscriptions/{name}/reports", token=rival) for name in ("daily-nobody", subscription.ident))
    assert (guessed.status_code, foreign.status_code) == (404, 404)

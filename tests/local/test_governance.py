"""Change requests in Step Functions, notices, checkpoints and missing runs on the running stack, with tenants of the test's own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from cli.audit import verifier_of
from kpis.common import Environment
from kpis.schema import Kpi
from lambdas.adapters.checkpoints import object_key
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.items import to_item
from lambdas.adapters.signing import KmsKey
from lambdas.adapters.system import SystemClock
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.checkpoint import SignedCheckpoint, chain_problem, checkpoint_problem
from lambdas.domain.audit.event import Actor, AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.desk import Call
from lambdas.domain.control.policy import Freeze, Policy
from lambdas.domain.control.requests import ChangeRequest, Choice, Side
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.timestamps import iso
from tests.local.conftest import Stack, wait_until
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, Runs, kpi

pytestmark = pytest.mark.local
DEV = Environment.DEV
KPI = "GOV-AD-01"
LEFT_OVER = 900
"""Seconds. Nobody reads the approvals queue of the embedded stack, so what other tests left in it is thrown away after this."""


@dataclass
class Desk:
    """A tenant that nobody else has, with its own rules of change; the deployed worker knows only the product's."""

    stack: Stack
    policy: Policy = field(default_factory=Policy)
    tenant: str = field(default_factory=lambda: f"gov-{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        self.client = self.stack.client("dynamodb")
        self.catalog, self.audit = (self.stack.outputs["tables"][name] for name in ("catalog", "audit"))
        self.store = DynamoControlStore(self.stack.client, self.catalog, self.audit)
        self.plane = ControlPlane(self.store, SystemClock(), lambda: uuid4().hex, lambda _tenant, _where: self.policy, Runs())

    def call(self, who: Actor = ADA) -> Call:
        return Call(self.tenant, DEV, who, "because it is better", uuid4().hex)

    def definition(self, **changes: Any) -> Kpi:
        return kpi(id=KPI, tenants=[self.tenant], environments=["dev"], **changes)

    def submitted(self, **changes: Any) -> ChangeRequest:
        """A version, written and submitted."""
        self.plane.definitions.create(self.call(), self.definition(**changes), SOURCES)
        return self.request(self.plane.approvals.submit(self.call(), KPI, "1.0.0"))

    def request(self, of: AuditEvent | ChangeRequest) -> ChangeRequest:
        row = self.store.row(self.tenant, keys.request(of.request_id or ""))
        assert row is not None
        return ChangeRequest.model_validate_json(row.text("request"))

    def signed(self, request: ChangeRequest) -> None:
        for who, side in ((BEN, Side.BUSINESS), (EVE, Side.TECHNICAL)):
            if self.request(request).missing:
                self.plane.approvals.decide(self.call(who), request.request_id, Choice.APPROVE, side, request.content_hash)

    def published(self) -> AuditEvent:
        return self.plane.publishing.publish(self.call(), KPI, "1.0.0")

    def events(self) -> list[AuditEvent]:
        found = self.stack.dynamodb.Table(self.audit).query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": self.tenant, ":sk": "event#"},
            ConsistentRead=True,
        )["Items"]
        return [AuditEvent.model_validate_json(item["event"]) for item in found]

    def execution(self, request: ChangeRequest) -> str | None:
        """The status of the request's execution; None when there is none."""
        client = self.stack.client("stepfunctions")
        arn = str(self.stack.outputs["changeMachineArn"]).replace(":stateMachine:", ":execution:")
        try:
            return str(client.describe_execution(executionArn=f"{arn}:{request.request_id}")["status"])
        except client.exceptions.ExecutionDoesNotExist:
            return None

    def waits(self, request: ChangeRequest) -> bool:
        """Whether the execution keeps a token, so that it waits for people."""
        return self.execution(request) == "RUNNING" and self.store.row(self.tenant, f"task#{request.request_id}") is not None

    def govern(self, action: str) -> dict[str, Any]:
        """What the schedule asks for, asked for this tenant now."""
        return governed(self.stack, action=action, tenant_id=self.tenant)["tenants"]

    def put(self, key: str, **values: str) -> None:
        self.client.put_item(TableName=self.catalog, Item=to_item({"pk": self.tenant, "sk": key} | values))

    def drop(self) -> None:
        """End its executions and take away its catalog rows. Audit rows stay: to remove them is what the tamper alarm is for."""
        for request in [*self.plane.approvals.live(self.call())]:
            wait_until(partial(self.waits, request), seconds=20, what="the waiting execution")
            self.plane.approvals.withdraw(self.call(), request.request_id)
            wait_until(lambda request=request: self.execution(request) == "SUCCEEDED", seconds=20, what="the end of the execution")
        mine = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": {"S": self.tenant}}}
        for row in self.client.query(TableName=self.catalog, ProjectionExpression="pk, sk", **mine)["Items"]:
            self.client.delete_item(TableName=self.catalog, Key=row)
        assert all(each == {"forgotten": True} for each in self.govern("sweep").values())


def governed(stack: Stack, **event: Any) -> dict[str, Any]:
    """Invoke the worker."""
    answer = stack.client("lambda").invoke(FunctionName=f"{stack.outputs['prefix']}-governance", Payload=json.dumps(event).encode())
    found = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


@pytest.fixture
def desk(stack: Stack) -> Iterator[Desk]:
    made = Desk(stack)
    try:
        yield made
    finally:
        made.drop()


def messages(stack: Stack, url: str, mine: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]]:
    """Messages that are meant, taken from a queue; others are visible again after a moment, unless nobody took them for long."""
    client = stack.client("sqs")
    found: list[dict[str, Any]] = []
    for _ in range(100):
        # What was looked at stays hidden for a moment, or the first ten would be all that is ever seen.
        how = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 5, "AttributeNames": ["SentTimestamp"]}
        told = client.receive_message(QueueUrl=url, **how).get("Messages", [])
        for each in told:
            body, sent = json.loads(each["Body"]), int(each["Attributes"]["SentTimestamp"]) / 1000
            if mine(body):
                found.append(body)
            if mine(body) or sent < time.time() - LEFT_OVER:
                client.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        if not told or found:
            break
    return found


@contextmanager
def own_queue(stack: Stack) -> Iterator[tuple[str, str]]:
    """URL and ARN of a queue of the test's own."""
    client = stack.client("sqs")
    url = client.create_queue(QueueName=f"test-governance-{uuid4().hex[:8]}")["QueueUrl"]
    try:
        yield url, client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    finally:
        client.delete_queue(QueueUrl=url)


def test_a_request_waits_in_step_functions_is_told_and_ends_with_its_publication(desk: Desk) -> None:
    request = desk.submitted()
    told: list[dict[str, Any]] = []

    def heard(count: int) -> bool:
        told.extend(messages(desk.stack, desk.stack.outputs["approvalsQueueUrl"], lambda body: body["tenant_id"] == desk.tenant))
        return len(told) >= count

    wait_until(lambda: desk.waits(request), seconds=20, what="the waiting execution")
    wait_until(lambda: heard(1), seconds=20, what="the message in the approvals queue")
    assert (told[0]["action"], told[0]["request_id"], told[0]["audience"]) == ("kpi.submit", request.request_id, ["approvers"])
    assert told[0]["links"]["request"] == f"/approvals/{request.request_id}"
    assert "because it is better" not in json.dumps(told)
    desk.signed(request)
    assert desk.request(request).state.value == "approved"
    desk.published()
    wait_until(lambda: desk.execution(request) == "SUCCEEDED", seconds=20, what="the end of the execution")
    wait_until(lambda: heard(len(desk.events()) - 1), seconds=20, what="the messages about the decisions")
    events = [each for each in desk.events() if each.request_id]
    assert sorted(each["event_id"] for each in told) == sorted(each.event_id for each in events), "each event is told once"


def test_a_decision_that_ends_a_request_ends_its_execution(desk: Desk) -> None:
    request = desk.submitted()
    wait_until(lambda: desk.waits(request), seconds=20, what="the waiting execution")
    desk.plane.approvals.decide(desk.call(BEN), request.request_id, Choice.REJECT, Side.TECHNICAL, request.content_hash)
    wait_until(lambda: desk.execution(request) == "SUCCEEDED", seconds=20, what="the end of the execution")


def test_a_request_nobody_decides_on_expires_with_an_audit_event_and_its_execution_ends(desk: Desk) -> None:
    desk.policy = Policy(request_expires="3s")
    request = desk.submitted()
    wait_until(lambda: datetime.now(UTC) - timedelta(seconds=3.1) > _moment(request.created_at), seconds=10, what="the expiry")
    # The emulator never ends a wait by `TimeoutSecondsPath`; under AWS the execution comes first. The sweep is for whoever does not.
    desk.govern("sweep")
    assert desk.request(request).state.value == "expired"
    event = desk.events()[-1]
    assert (event.action, event.actor.subject, event.request_id) == ("kpi.expire", "governance", request.request_id)
    wait_until(lambda: desk.execution(request) == "SUCCEEDED", seconds=20, what="the end of the execution")
    assert desk.govern("sweep") == {}
    assert first_break(desk.events(), tenant_id=desk.tenant) is None


def test_a_publication_that_waits_for_its_window_goes_live_by_itself(desk: Desk) -> None:
    request = desk.submitted()
    wait_until(lambda: desk.waits(request), seconds=20, what="the waiting execution")
    desk.signed(request)
    now = datetime.now(UTC)
    freeze = Freeze(start=iso(now - timedelta(hours=1)), until=iso(now + timedelta(seconds=6)), reason="quarter close")
    desk.policy = Policy(freezes=(freeze,))
    assert desk.published().action == "kpi.publish_waits"
    assert desk.store.row(desk.tenant, keys.active(DEV, KPI)) is None
    wait_until(lambda: desk.execution(request) == "SUCCEEDED", seconds=30, what="the end of the execution")
    assert desk.store.row(desk.tenant, keys.active(DEV, KPI)) is not None
    event = desk.events()[-1]
    assert (event.action, event.actor.role) == ("kpi.publish", "system")


def test_a_checkpoint_in_the_audit_bucket_verifies_with_the_public_key_alone(desk: Desk) -> None:
    desk.submitted()
    wait_until(lambda: desk.govern("checkpoint") == {desk.tenant: {"signed": 2}}, seconds=20, what="the checkpoint")
    assert desk.govern("checkpoint") == {}, "nothing came since"
    client, where = desk.stack.client("s3"), {"Bucket": desk.stack.outputs["auditBucket"], "Key": object_key(desk.tenant, 2)}
    signed = SignedCheckpoint.model_validate_json(client.get_object(**where)["Body"].read())
    verify = verifier_of(KmsKey(desk.stack.client, desk.stack.outputs["signingKeyArn"]).public_key())
    assert checkpoint_problem(signed, verify) is None
    assert chain_problem(desk.events(), signed.checkpoint) is None
    assert client.head_object(**where)["ObjectLockMode"] == "GOVERNANCE"
    desk.signed(desk.request(next(each for each in desk.events() if each.request_id)))
    desk.govern("checkpoint")
    size = len(desk.events())
    last = SignedCheckpoint.model_validate_json(client.get_object(**where | {"Key": object_key(desk.tenant, size)})["Body"].read())
    assert checkpoint_problem(last, verify, signed.checkpoint) is None


def test_a_tenants_people_and_the_bus_hear_of_a_request(desk: Desk) -> None:
    sns, events, prefix = desk.stack.client("sns"), desk.stack.client("events"), desk.stack.outputs["prefix"]
    topic = sns.create_topic(Name=f"{prefix}-{desk.tenant}-dev-alerts-routine")["TopicArn"]
    rule = {"Name": f"test-{desk.tenant}", "EventBusName": desk.stack.outputs["busName"]}
    pattern = {"detail-type": ["kpi.change_request.pending"], "detail": {"tenant_id": [desk.tenant]}}
    with own_queue(desk.stack) as (people, people_arn), own_queue(desk.stack) as (bus, bus_arn):
        try:
            filters = {"FilterPolicy": json.dumps({"audience": ["approvers"]}), "RawMessageDelivery": "true"}
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=people_arn, Attributes=filters)
            events.put_rule(**rule, EventPattern=json.dumps(pattern))
            events.put_targets(Rule=rule["Name"], EventBusName=rule["EventBusName"], Targets=[{"Id": "queue", "Arn": bus_arn}])
            request = desk.submitted()
            told: list[dict[str, Any]] = []
            heard: list[dict[str, Any]] = []
            wait_until(lambda: bool(told.extend(messages(desk.stack, people, lambda _: True)) or told), seconds=20, what="the notice")
            wait_until(lambda: bool(heard.extend(messages(desk.stack, bus, lambda _: True)) or heard), seconds=20, what="the bus event")
        finally:
            events.remove_targets(Rule=rule["Name"], EventBusName=rule["EventBusName"], Ids=["queue"])
            events.delete_rule(**rule)
            sns.delete_topic(TopicArn=topic)
    assert (told[0]["request_id"], told[0]["kpi_id"], told[0]["severity"]) == (request.request_id, KPI, "routine")
    assert heard[0]["detail"] == told[0]


def test_a_run_that_never_started_is_logged_as_a_breach_once(desk: Desk) -> None:
    now = datetime.now(UTC)
    due = now - timedelta(minutes=30)
    schedule = {"frequency": "daily", "trigger": "time", "cron": f"{due.minute} {due.hour} * * *", "timezone": "UTC"}
    settings = {"tenant_id": desk.tenant, "environment": "dev", "warehouse_secret": "none"}
    desk.put("dev#tenant", settings=json.dumps(settings))
    request = desk.submitted(schedule=schedule)
    desk.signed(request)
    desk.published()
    # As if it had been published two hours ago.
    version = desk.store.row(desk.tenant, keys.version(DEV, KPI, "1.0.0"))
    assert version is not None
    desk.put(version.key, **{**version.values, "published_at": iso(now - timedelta(hours=2))})
    wait_until(lambda: desk.govern("dead-man") != {}, seconds=20, what="the check")
    (row,) = desk.stack.log_rows("run", desk.tenant, kpi_id=KPI)
    assert (row["status"], row["error_code"], row["sla_breached"], row["triggered_by"]) == ("skipped", "SLA_BREACH", True, "dead-man check")
    assert desk.govern("dead-man") == {}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)

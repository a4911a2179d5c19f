"""A queue that listens to topics of the tenant, as a person on duty does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.local.workflows.company import Company

_QUIET_SECONDS = 0.3


@dataclass
class Mailbox:
    """What arrived, by topic: `urgent` or `routine`."""

    client: Any
    queue: str
    arrived: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def told(self, event_id: str, *, on: str, seconds: float = 20) -> dict[str, Any]:
        """The message about an audit event on a topic."""
        deadline = time.monotonic() + seconds
        while True:
            found = [message for topic, message in self.arrived if topic == on and message.get("event_id") == event_id]
            if found:
                return found[0]
            if time.monotonic() > deadline:
                heard = [(topic, message.get("action")) for topic, message in self.arrived]
                pytest.fail(f"nobody was told of {event_id} on {on} within {seconds:.0f} s; heard: {heard}")
            self._receive()

    def _receive(self) -> None:
        answer = self.client.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in answer.get("Messages", []):
            envelope = json.loads(message["Body"])
            topic = str(envelope["TopicArn"]).rpartition("-")[2]
            text = envelope["Message"]
            self.arrived.append((topic, json.loads(text) if text.startswith("{") else {"text": text}))
            self.client.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        if "Messages" not in answer:
            time.sleep(_QUIET_SECONDS)


@contextmanager
def listening(company: Company, topics: Sequence[str]) -> Iterator[Mailbox]:
    """A mailbox subscribed to topics."""
    sqs, sns = company.stack.client("sqs"), company.stack.client("sns")
    queue = sqs.create_queue(QueueName=f"{company.stem('prod')}-mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscriptions = [sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"] for topic in topics]
    try:
        yield Mailbox(sqs, queue)
    finally:
        for subscription in subscriptions:
            sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=queue)

"""Where notices go: the two topics of a tenant and the queue that portals and chat clients read."""

from __future__ import annotations

import json
from functools import cached_property

from lambdas.adapters.aws import Clients
from lambdas.adapters.tenant_topics import Message, TenantTopics, message_attributes
from lambdas.domain.notices import Notice, Topic


class NoticeTopics:
    """Notices on a tenant's topics. One of no environment is told where the tenant runs in production."""

    def __init__(self, topics: TenantTopics) -> None:
        self._topics = topics

    def publish(self, notice: Notice, topic: Topic) -> bool:
        """Publish to one topic; False when the tenant has no stack, so nobody subscribed."""
        event = notice.event
        environment = event.environment.value if event.environment else "prod"
        message = Message(notice.subject, notice.as_json(), notice.attributes)
        return self._topics.publish(event.tenant_id, environment, topic.value, message)


class ApprovalsQueue:
    """The queue, by its name."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    @cached_property
    def _url(self) -> str:
        return str(self._clients("sqs").get_queue_url(QueueName=self._name)["QueueUrl"])

    def send(self, notice: Notice) -> None:
        """Send one message. Its attributes are the single ones: SQS has no lists."""
        attributes = message_attributes({name: value for name, value in notice.attributes.items() if isinstance(value, str)})
        self._clients("sqs").send_message(QueueUrl=self._url, MessageBody=json.dumps(notice.as_json()), MessageAttributes=attributes)

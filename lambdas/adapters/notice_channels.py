"""Where notices go: the two topics of a tenant and the queue that portals and chat clients read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.domain.notices import Notice, Topic

_NO_TOPIC = frozenset({"NotFound", "NotFoundException"})


class TenantTopics:
    """Topics `{stem}-{tenant}-{environment}-alerts-{urgent|routine}`, which the tenant's stack makes.

    `stem` is the part of their ARNs that all share: `arn:aws:sns:{region}:{account}:kpi-{deployment}`.
    """

    def __init__(self, clients: Clients, stem: str) -> None:
        self._clients = clients
        self._stem = stem

    def publish(self, notice: Notice, topic: Topic) -> bool:
        """Publish to one topic; False when the tenant has no stack, so nobody subscribed."""
        from botocore.exceptions import ClientError

        event = notice.event
        environment = event.environment.value if event.environment else "prod"
        try:
            self._clients("sns").publish(
                TopicArn=f"{self._stem}-{event.tenant_id}-{environment}-alerts-{topic.value}",
                Subject=notice.subject,
                Message=json.dumps(notice.as_json()),
                MessageAttributes=_attributes(notice.attributes),
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _NO_TOPIC:
                raise
            return False
        return True


class ApprovalsQueue:
    """The queue, by its name."""

    def __init__(self, clients: Clients, name: str) -> None:
        self._clients = clients
        self._name = name

    @cached_property
    def _url(self) -> str:
        return str(self._clients("sqs").get_queue_url(QueueName=self._name)["QueueUrl"])

    def send(self, notice: Notice) -> None:
        """Send one message."""
        attributes = _attributes({name: value for name, value in notice.attributes.items() if isinstance(value, str)})
        self._clients("sqs").send_message(QueueUrl=self._url, MessageBody=json.dumps(notice.as_json()), MessageAttributes=attributes)


def _attributes(values: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """Message attributes; lists as SNS's own type, which filter policies match by member."""
    return {
        name: {"DataType": "String", "StringValue": value}
        if isinstance(value, str)
        else {"DataType": "String.Array", "StringValue": json.dumps(list(value))}
        for name, value in values.items()
    }

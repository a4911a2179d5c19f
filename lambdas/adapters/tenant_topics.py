"""The topics of tenants on SNS: notices of changes and alerts about runs are messages on the same ones.

AWS: a subscription's filter policy is matched against message attributes, of which a `String.Array` matches by any member; subscribing
the same endpoint with the same attributes again answers the subscription there is (Amazon SNS developer guide, "Message filtering";
API reference, Subscribe). People confirm an e-mail subscription themselves, an endpoint confirms its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.adapters.aws import Clients, code_of

ROUTINE = "routine"
"""The topic that everybody of the tenant hears; `Topic` of lambdas.domain.notices, which a cold dispatcher need not load."""
TARGETS = "targets"
"""The attribute that names whom a message is for, and what a target's own subscription filters by."""
_NO_TOPIC = frozenset({"NotFound", "NotFoundException"})
_REFUSED = frozenset({"InvalidParameter", "InvalidParameterException"})


@dataclass(frozen=True)
class Message:
    """What is published: a line of ASCII, a JSON document, and what subscriptions filter by."""

    subject: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str | Sequence[str]]


class TenantTopics:
    """Topics `{stem}-{tenant}-{environment}-alerts-{urgent|routine}`, which the tenant's stack makes; `stem` is `Settings.topic_stem`."""

    def __init__(self, clients: Clients, stem: str) -> None:
        self._clients = clients
        self._stem = stem

    def publish(self, tenant_id: str, environment: str, topic: str, message: Message) -> bool:
        """Publish to one topic; False when the tenant has no stack, so nobody subscribed."""
        refused = _refusal(
            _NO_TOPIC,
            lambda: self._clients("sns").publish(
                TopicArn=self._arn(tenant_id, environment, topic),
                Subject=message.subject,
                Message=json.dumps(message.body),
                MessageAttributes=message_attributes(message.attributes),
            ),
        )
        return refused is None

    def tell(self, tenant_id: str, environment: str, event: str, subject: str, body: Mapping[str, Any], marks: Sequence[str]) -> None:
        """Publish for the targets that have one of the marks; a tenant without a stack has nobody who could hear."""
        self.publish(tenant_id, environment, ROUTINE, Message(subject, body, {"event": event, TARGETS: marks}))

    def subscribe(
        self, tenant_id: str, environment: str, protocol: str, endpoint: str, filtered: Mapping[str, Sequence[str]]
    ) -> str | None:
        """Let an endpoint hear what of the routine topic passes the filter.

        Answers None, or SNS's code when the tenant has no stack or the topic does not take this endpoint.
        """
        return _refusal(
            _NO_TOPIC | _REFUSED,
            lambda: self._clients("sns").subscribe(
                TopicArn=self._arn(tenant_id, environment, ROUTINE),
                Protocol=protocol,
                Endpoint=endpoint,
                Attributes={"FilterPolicy": json.dumps(filtered)},
            ),
        )

    def _arn(self, tenant_id: str, environment: str, topic: str) -> str:
        return f"{self._stem}-{tenant_id}-{environment}-alerts-{topic}"


def message_attributes(values: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """Message attributes; lists as SNS's own type, which filter policies match by member."""
    return {
        name: {"DataType": "String", "StringValue": value}
        if isinstance(value, str)
        else {"DataType": "String.Array", "StringValue": json.dumps(list(value))}
        for name, value in values.items()
    }


def _refusal(expected: frozenset[str], call: Callable[[], Any]) -> str | None:
    """Carry out a call; answers the code of an expected refusal, and raises any other."""
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError as error:
        code = code_of(error)
        if code not in expected:
            raise
        return code
    return None

"""Alert topics, their subscribers and the queue from which the alert pipeline reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context
from infra.names import TOPICS

_FOURTEEN_DAYS = 14 * 24 * 3600


@dataclass(frozen=True)
class AlertingArgs:
    """`emails`: addresses by topic."""

    key_arn: pulumi.Input[str]
    emails: Mapping[str, Sequence[str]]


class Alerting(Component):
    """Four topics (K13-K15), all feeding one queue, which gives up into a dead-letter queue."""

    def __init__(self, ctx: Context, args: AlertingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Alerting", ctx, opts)
        self.topics = {name: self._topic(name, args) for name in TOPICS}
        self.dead_letters = self._queue("alerts-dlq", args)
        self.queue = self._queue("alerts", args, self.dead_letters)
        self._let_topics_write()
        for name, topic in self.topics.items():
            self._subscribe(name, topic, args.emails.get(name, ()))
        self.register_outputs({"topics": {name: topic.arn for name, topic in self.topics.items()}})

    def _topic(self, name: str, args: AlertingArgs) -> aws.sns.Topic:
        topic = aws.sns.Topic(
            f"alerts-{name}", name=self.ctx.names.named(f"alerts-{name}"), kms_master_key_id=args.key_arn, opts=self.child()
        )
        aws.sns.TopicPolicy(
            f"alerts-{name}", arn=topic.arn, policy=topic_policy(self.ctx.names.account_id, topic.arn), opts=self.child(parent=topic)
        )
        return topic

    def _queue(self, name: str, args: AlertingArgs, dead_letters: aws.sqs.Queue | None = None) -> aws.sqs.Queue:
        redrive = {"deadLetterTargetArn": self.ctx.names.queue_arn("alerts-dlq"), "maxReceiveCount": 6}
        return aws.sqs.Queue(
            name,
            name=self.ctx.names.named(name),
            kms_master_key_id=args.key_arn,
            message_retention_seconds=_FOURTEEN_DAYS,
            visibility_timeout_seconds=180,
            redrive_policy=json.dumps(redrive) if dead_letters else None,
            opts=self.child(depends_on=[dead_letters] if dead_letters else None),
        )

    def _let_topics_write(self) -> None:
        topics = [self.ctx.names.topic_arn(name) for name in TOPICS]
        statement = {
            "Sid": "AlertTopics",
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.queue.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topics}},
        }
        aws.sqs.QueuePolicy("alerts", queue_url=self.queue.url, policy=iam.resource_document(statement), opts=self.child(parent=self.queue))

    def _subscribe(self, name: str, topic: aws.sns.Topic, emails: Sequence[str]) -> None:
        opts = self.child(parent=topic)
        aws.sns.TopicSubscription(f"alerts-{name}-queue", topic=topic.arn, protocol="sqs", endpoint=self.queue.arn, opts=opts)
        for number, email in enumerate(emails):
            aws.sns.TopicSubscription(f"alerts-{name}-{number}", topic=topic.arn, protocol="email", endpoint=email, opts=opts)


def topic_policy(account_id: str, topic_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """Who may publish to an alert topic: this account's alarms, budgets and rules."""
    same_account = {"Condition": {"StringEquals": {"aws:SourceAccount": account_id}}}
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic_arn}
    return iam.resource_document(
        {"Sid": "Alarms", "Principal": {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]}, **publish, **same_account},
        # EventBridge does not support conditions in topic policies.
        {"Sid": "Rules", "Principal": {"Service": "events.amazonaws.com"}, **publish},
    )

"""The bus: signals and run events to the dispatcher, breaches and tampering to people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context

SOURCE = "kpi.observatory"
ROUTED = ("kpi.sla.breach", "kpi.run.failed", "kpi.run.anomaly")
"""What a tenant's alert routes can be about (lambdas/domain/tenants/listeners.py)."""
_ARCHIVE_DAYS = 30
_TWO_HOURS = 7200


@dataclass(frozen=True)
class EventsArgs:
    """`topics` by name."""

    dispatcher: aws.lambda_.Function
    topics: Mapping[str, aws.sns.Topic]
    messaging_key_arn: pulumi.Input[str]


@dataclass(frozen=True)
class _Alarm:
    """Events of one kind that people are told about."""

    name: str
    description: str
    detail_types: tuple[str, ...]
    topics: tuple[str, ...]
    detail: Mapping[str, Any] | None = None


_ALARMS = (
    _Alarm("sla-breach", "An SLA was breached (K13)", ("kpi.sla.breach",), ("cfo-office", "ops")),
    _Alarm(
        "hard-stop",
        "A validation of severity error stopped a run (K14)",
        ("kpi.run.failed",),
        ("data-quality",),
        {"error_code": [{"prefix": "VALIDATION_FAIL"}]},
    ),
    # The stream's function tells ops itself, so that a broken bus cannot hide tampering.
    _Alarm("anomaly", "A run took or read unusually much or little (K15)", ("kpi.run.anomaly",), ("platform-engineering",)),
    _Alarm("tampered", "A log row was changed or removed", ("kpi.log.tampered",), ("platform-engineering",)),
)


class Events(Component):
    """Event bus with an archive, rules and a dead-letter queue for what no target took."""

    def __init__(self, ctx: Context, args: EventsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Events", ctx, opts)
        self.args = args
        self.bus = aws.cloudwatch.EventBus("bus", name=ctx.names.bus, opts=self.child())
        aws.cloudwatch.EventArchive(
            "bus",
            name=ctx.names.prefix,
            event_source_arn=self.bus.arn,
            retention_days=_ARCHIVE_DAYS,
            opts=self.child(parent=self.bus),
        )
        self.dead_letters = self._dead_letters()
        self._dispatch()
        for alarm in _ALARMS:
            self._tell(alarm)
        self.register_outputs({"busName": self.bus.name})

    def _dead_letters(self) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            "events-dlq",
            name=self.ctx.names.named("events-dlq"),
            kms_master_key_id=self.args.messaging_key_arn,
            message_retention_seconds=14 * 24 * 3600,
            visibility_timeout_seconds=30,
            opts=self.child(),
        )
        statement = {
            "Sid": "Rules",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue.arn,
            "Condition": {"ArnLike": {"aws:SourceArn": self.ctx.names.arn("events", f"rule/{self.ctx.names.bus}/*")}},
        }
        aws.sqs.QueuePolicy("events-dlq", queue_url=queue.url, policy=iam.resource_document(statement), opts=self.child(parent=queue))
        return queue

    def _dispatch(self) -> None:
        # Signals are whatever the dictionary names; our own notices start with kpi. and only a completed run can start others.
        started = ["kpi.run.completed", {"anything-but": {"prefix": "kpi."}}]
        pattern = {"source": [SOURCE], "detail-type": [*started, *ROUTED]}
        rule = self._rule("dispatch", "Signals and completed runs start the KPIs that wait for them; alerts reach tenants' routes", pattern)
        self._target("dispatch", rule, self.args.dispatcher.arn)
        aws.lambda_.Permission(
            "events-dispatch",
            action="lambda:InvokeFunction",
            function=self.args.dispatcher.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=self.child(parent=rule),
        )

    def _tell(self, alarm: _Alarm) -> None:
        pattern: dict[str, Any] = {"source": [SOURCE], "detail-type": list(alarm.detail_types)}
        rule = self._rule(alarm.name, alarm.description, pattern | ({"detail": dict(alarm.detail)} if alarm.detail else {}))
        for topic in alarm.topics:
            self._target(f"{alarm.name}-{topic}", rule, self.args.topics[topic].arn)

    def _rule(self, name: str, description: str, pattern: Mapping[str, Any]) -> aws.cloudwatch.EventRule:
        return aws.cloudwatch.EventRule(
            name,
            name=self.ctx.names.named(name),
            description=description,
            event_bus_name=self.bus.name,
            event_pattern=json.dumps(pattern),
            opts=self.child(parent=self.bus),
        )

    def _target(self, name: str, rule: aws.cloudwatch.EventRule, arn: pulumi.Input[str]) -> None:
        aws.cloudwatch.EventTarget(
            name,
            rule=rule.name,
            event_bus_name=self.bus.name,
            target_id=name,
            arn=arn,
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=self.dead_letters.arn),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(maximum_event_age_in_seconds=_TWO_HOURS, maximum_retry_attempts=24),
            opts=self.child(parent=rule),
        )

"""IAM documents and roles: exact actions on exact ARNs, one policy per role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class Allow:
    """One Allow statement of an identity policy."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    condition: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Service(StrEnum):
    """AWS services that take roles of ours."""

    LAMBDA = "lambda.amazonaws.com"
    STEP_FUNCTIONS = "states.amazonaws.com"
    SCHEDULER = "scheduler.amazonaws.com"
    TASKS = "ecs-tasks.amazonaws.com"
    FIREHOSE = "firehose.amazonaws.com"
    BACKUP = "backup.amazonaws.com"


# These say on whose behalf they act when they take a role; the others do not, and a condition on it would lock them out.
_SAY_ACCOUNT = frozenset({Service.STEP_FUNCTIONS, Service.SCHEDULER, Service.TASKS})


@dataclass(frozen=True)
class Trust:
    """Which service may take a role, for which account."""

    service: Service
    account_id: str

    @property
    def statement(self) -> dict[str, Any]:
        """The trust statement."""
        body: dict[str, Any] = {
            "Sid": "Service",
            "Effect": "Allow",
            "Principal": {"Service": self.service.value},
            "Action": "sts:AssumeRole",
        }
        if self.service is Service.FIREHOSE:
            return body | {"Condition": {"StringEquals": {"sts:ExternalId": self.account_id}}}
        if self.service in _SAY_ACCOUNT:
            return body | {"Condition": {"StringEquals": {"aws:SourceAccount": self.account_id}}}
        return body


def document(*statements: Allow) -> pulumi.Output[str]:
    """An identity policy document."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [_statement(each) for each in statements]})


def resource_document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A resource policy document; its statements are given as AWS writes them, principals included."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def service_role(name: str, physical_name: str, trust: Trust, statements: Sequence[Allow], opts: pulumi.ResourceOptions) -> aws.iam.Role:
    """A role for one AWS service with one inline policy."""
    role = aws.iam.Role(
        f"{name}-role",
        name=physical_name,
        assume_role_policy=resource_document(trust.statement),
        opts=opts,
    )
    aws.iam.RolePolicy(
        f"{name}-policy",
        name=physical_name,
        role=role.name,
        policy=document(*statements),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(parent=role)),
    )
    return role


def _statement(allow: Allow) -> dict[str, Any]:
    body: dict[str, Any] = {"Sid": allow.sid, "Effect": "Allow", "Action": list(allow.actions), "Resource": list(allow.resources)}
    return body | ({"Condition": dict(allow.condition)} if allow.condition else {})

"""Keys: one for data at rest, one for messages and operational logs, and one that signs what auditors check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import iam
from infra.components.base import Component, Context


@dataclass(frozen=True)
class KeysArgs:
    """No choices beyond the stack's own."""

    deletion_window_days: int = 30


# What services other than IAM principals of the account may do with a key: use it, never administer it.
_USE = [
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:DescribeKey",
]


class Keys(Component):
    """Customer-managed keys. `data` guards records and secrets, `messaging` topics, queues and logs; `signing` signs audit checkpoints."""

    def __init__(self, ctx: Context, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Keys", ctx, opts)
        self.data = self._key("data", args, "Tables, buckets, backups and secrets")
        self.messaging = self._key("messaging", args, "Topics, queues, buses and operational logs")
        self.signing = self._signing(args)
        self.register_outputs({"data": self.data.arn, "messaging": self.messaging.arn, "signing": self.signing.arn})

    def _signing(self, args: KeysArgs) -> aws.kms.Key:
        # KMS does not rotate keys that sign: who verifies a signature has pinned the public key.
        return aws.kms.Key(
            "signing",
            description=f"{self.ctx.names.prefix}: Signatures of audit checkpoints and evidence",
            customer_master_key_spec="ECC_NIST_P256",
            key_usage="SIGN_VERIFY",
            deletion_window_in_days=args.deletion_window_days,
            policy=iam.resource_document(*self._statements(services=False)),
            opts=self.record(),
        )

    def _key(self, name: str, args: KeysArgs, description: str) -> aws.kms.Key:
        key = aws.kms.Key(
            name,
            description=f"{self.ctx.names.prefix}: {description}",
            enable_key_rotation=True,
            deletion_window_in_days=args.deletion_window_days,
            policy=iam.resource_document(*self._statements(services=name == "messaging")),
            opts=self.record(),
        )
        aws.kms.Alias(name, name=f"alias/{self.ctx.names.named(name)}", target_key_id=key.key_id, opts=self.child(parent=key))
        return key

    def _statements(self, *, services: bool) -> list[dict[str, Any]]:
        account = self.ctx.names.account_id
        root: dict[str, Any] = {
            "Sid": "AccountAdministersByIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            # AWS's own rule: without the account itself on a key, nobody could ever change its policy again.
            "Action": "kms:*",
            "Resource": "*",
        }
        if not services:
            return [root]
        use = ["kms:Decrypt", "kms:GenerateDataKey"]
        # EventBridge and SNS do not say for which account they use a key; a condition on it would silence them.
        routers = _services("Routers", ["events.amazonaws.com", "sns.amazonaws.com"], use)
        same_account = {"Condition": {"StringEquals": {"aws:SourceAccount": account}}}
        publishers = _services("Publishers", ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"], use) | same_account
        logs = _services("Logs", [f"logs.{self.ctx.names.region}.amazonaws.com"], _USE) | {
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": self.ctx.names.arn("logs", "log-group:*")}}
        }
        return [root, routers, publishers, logs]


def _services(sid: str, services: list[str], actions: list[str]) -> dict[str, Any]:
    # In a key policy "*" is the key that has the policy.
    return {"Sid": sid, "Effect": "Allow", "Principal": {"Service": services}, "Action": actions, "Resource": "*"}

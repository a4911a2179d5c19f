"""The AWS provider of a stack, made once: its region, its account and the tags of everything."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from infra.config import Common
from infra.names import Names
from infra.stack import StackInfo


def aws_provider(info: StackInfo, config: Common, names: Names) -> pulumi.ProviderResource:
    """A provider that refuses credentials of any account but the stack's."""
    return aws.Provider(
        "aws",
        region=names.region,
        allowed_account_ids=[config.account_id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=config.tags | info.tags),
    )

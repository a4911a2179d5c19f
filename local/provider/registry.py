"""Every resource type and function the local provider answers for."""

from importlib import import_module

from local.provider.framework.resource import Resource
from local.provider.invokes import INVOKES

__all__ = ["INVOKES", "MODULES", "resources"]

MODULES = (
    "alarms",
    "mute_rules",
    "apigateway",
    "cognito",
    "cognito_servers",
    "cognito_users",
    "logs",
    "dynamodb",
    "iam",
    "kms",
    "lambda_functions",
    "lambda_wiring",
    "s3",
    "s3_objects",
    "s3_settings",
    "sqs",
    "sns",
    "secretsmanager",
    "sfn",
    "scheduler",
    "ecs",
    "events",
    "ec2",
    "ec2_routes",
    "ec2_security",
    "ecr",
    "backup",
    "budgets",
    "wafv2",
    "cloudfront",
    "firehose",
    "glue",
    "athena",
    "cloudfront_parts",
    "ssm",
    "absent",
    "rds",
    "resourcegroups",
)  # fmt: skip
"""The files of `local.provider.services`, one per AWS service, one line each."""


def resources() -> dict[str, Resource]:
    """All types by token. Raises ValueError when two modules claim one token."""
    table: dict[str, Resource] = {}
    for module in MODULES:
        for resource in import_module(f"local.provider.services.{module}").RESOURCES:
            if resource.token in table:
                raise ValueError(f"{resource.token} is declared twice, the second time in services/{module}.py: keep one")
            table[resource.token] = resource
    return table

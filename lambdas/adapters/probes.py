"""Whether the parts of a deployment answer: the cheapest read of each that the API's role allows. None of them reads a tenant's row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.domain.model import LogTable

NOBODY = "health"
"""The partition and tenant that are asked for; nobody has rows there."""
Probe = Callable[[], None]


def item_probe(clients: Clients, table: str) -> Probe:
    """A table, by a row that is not there."""

    def ask() -> None:
        clients("dynamodb").get_item(TableName=table, Key={"pk": {"S": NOBODY}, "sk": {"S": NOBODY}})

    return ask


def query_probe(clients: Clients, tables: Mapping[LogTable, str]) -> Probe:
    """The run log, by a tenant that has none."""

    def ask() -> None:
        clients("dynamodb").query(
            TableName=tables[LogTable.RUN],
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": NOBODY}},
            Limit=1,
        )

    return ask


def object_probe(clients: Clients, bucket: str, prefix: str) -> Probe:
    """A bucket, by listing what is not there. Asking for an object would not do: HEAD answers 404 without a bucket, too."""

    def ask() -> None:
        clients("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}{NOBODY}/", MaxKeys=1)

    return ask


def secret_probe(clients: Clients, name: str) -> Probe:
    """A secret that the API reads."""

    def ask() -> None:
        clients("secretsmanager").get_secret_value(SecretId=name)

    return ask


def store_probe(results: Callable[[], Any]) -> Probe:
    """The result store; `results` reads it as one tenant."""

    def ask() -> None:
        results().rows(NOBODY, "SELECT 1 AS answer", {})

    return ask

"""Settings and AWS clients of the control plane's functions, made once for the life of an execution environment."""

from __future__ import annotations

import functools
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.adapters.settings import Settings, from_environment


@functools.cache
def environment() -> Settings:
    """What the environment says."""
    return from_environment()


@functools.cache
def clients() -> Clients:
    """Clients of this function's own role."""
    return Clients()


def client(service: str) -> Any:
    """The client of a service."""
    return clients()(service)


@functools.cache
def table(name: str) -> Any:
    """A DynamoDB table resource, which speaks Python values."""
    import boto3

    resource: Any = boto3.resource("dynamodb")
    return resource.Table(name)

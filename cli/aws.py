"""Clients of the AWS a command is meant for: the embedded one, or the caller's own account on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import boto3

from local.settings import LocalSettings


def client(settings: LocalSettings, service: str) -> Any:
    """A client of the embedded AWS of this checkout, whatever credentials the shell carries."""
    env = settings.aws_env()
    make = cast("Callable[..., Any]", boto3.client)  # its stub lists literals, one per installed service
    return make(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def account_client(service: str) -> Any:
    """A client of the account that the shell's own AWS credentials belong to."""
    make = cast("Callable[..., Any]", boto3.client)
    return make(service)

"""What the control plane's functions are told by their environment, read once; and AWS clients made when first needed."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lambdas.domain.model import LogTable


@dataclass(frozen=True)
class Environment:
    """Names of the platform's resources."""

    deployment: str
    catalog: str
    audit: str
    logs: Mapping[LogTable, str]
    bus: str
    state_machine_arn: str
    result_store_secret: str
    scheduler_role_arn: str
    alert_topic_arn: str
    firehose_prefix: str

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Environment:
        """Raises KeyError naming the variable that is missing."""
        env = os.environ if environ is None else environ
        return cls(
            deployment=env["KPI_DEPLOYMENT"],
            catalog=env["KPI_TABLE_CATALOG"],
            audit=env["KPI_TABLE_AUDIT"],
            logs={table: env[f"KPI_TABLE_LOG_{table.name}"] for table in LogTable},
            bus=env["KPI_BUS_NAME"],
            state_machine_arn=env["KPI_STATE_MACHINE_ARN"],
            result_store_secret=env["KPI_RESULT_STORE_SECRET"],
            scheduler_role_arn=env["KPI_SCHEDULER_ROLE_ARN"],
            alert_topic_arn=env["KPI_ALERT_TOPIC_ARN"],
            firehose_prefix=env["KPI_FIREHOSE_PREFIX"],
        )


@functools.cache
def client(service: str) -> Any:
    """A client kept for the life of the execution environment."""
    import boto3

    make = cast("Callable[..., Any]", boto3.client)  # its stub lists literals, one per installed service
    return make(service)


@functools.cache
def table(name: str) -> Any:
    """A DynamoDB table resource, which speaks Python values."""
    import boto3

    resource: Any = boto3.resource("dynamodb")
    return resource.Table(name)


@functools.cache
def environment() -> Environment:
    """The environment of this function."""
    return Environment.read()

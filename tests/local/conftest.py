"""One shared running stack for every `local` test: its outputs, clients and the rows of its log tables."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from boto3.dynamodb.conditions import ConditionBase, Key

from cli import aws
from cli import stack as stack_access
from local.settings import LocalSettings, load_settings
from tests.local.throwaway import Tables, own_bucket, own_key, own_tables


def wait_until(done: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Poll until `done`; fail naming what did not happen."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not appear within {seconds:.0f} s")
        time.sleep(0.2)


class Stack:
    """The running embedded stack, through the doors a user has."""

    def __init__(self, settings: LocalSettings) -> None:
        self.settings = settings

    @functools.cached_property
    def outputs(self) -> dict[str, Any]:
        return stack_access.outputs(self.settings, "platform.local")

    @functools.cache  # noqa: B019 - one Stack lives as long as the test session
    def tenant_outputs(self, name: str) -> dict[str, Any]:
        return stack_access.outputs(self.settings, name)

    @functools.cache  # noqa: B019
    def client(self, service: str) -> Any:
        return aws.client(self.settings, service)

    @functools.cached_property
    def dynamodb(self) -> Any:
        return boto3.resource("dynamodb", **self._connection)

    @property
    def _connection(self) -> dict[str, str]:
        env = self.settings.aws_env()
        return {
            "endpoint_url": env["AWS_ENDPOINT_URL"],
            "region_name": env["AWS_REGION"],
            "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
        }

    def log_rows(self, table: str, tenant: str, *, run_id: int | None = None, kpi_id: str | None = None) -> list[dict[str, Any]]:
        """Rows of one log table of a tenant, by run (base table) or by KPI (index `by_kpi`), oldest first."""
        source = self.dynamodb.Table(f"{self.outputs['prefix']}-log-{table}")
        condition: ConditionBase = Key("pk").eq(tenant)
        arguments: dict[str, Any] = {}
        if kpi_id is not None:
            condition, arguments = Key("gsi_pk").eq(f"{tenant}#{kpi_id}"), {"IndexName": "by_kpi"}
        elif run_id is not None:
            condition &= Key("sk").begins_with(f"{run_id:019d}")
        rows: list[dict[str, Any]] = []
        while True:
            page = source.query(KeyConditionExpression=condition, **arguments)
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                return rows
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def get(self, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **params: str) -> requests.Response:
        """GET from the control plane through API Gateway."""
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        return requests.get(f"{self.outputs['apiUrl'].rstrip('/')}{path}", headers=sent, params=params, timeout=30)


@pytest.fixture(scope="session")
def stack() -> Stack:
    """The stack that `make up` left running.

    Fails, never skips: `make test` starts the stack first.
    """
    settings = load_settings()
    running = Stack(settings)
    try:
        requests.get(f"http://127.0.0.1:{settings.gateway_port}/_ministack/ready", timeout=5).raise_for_status()
    except requests.RequestException as error:
        pytest.fail(f"the embedded stack does not answer on port {settings.gateway_port} ({error}); start it with: make up")
    return running


@pytest.fixture
def tables(stack: Stack) -> Iterator[Tables]:
    """A catalog and an audit table of the test's own."""
    with own_tables(stack) as made:
        yield made


@pytest.fixture
def bucket(stack: Stack) -> Iterator[str]:
    """A bucket with Object Lock of the test's own."""
    with own_bucket(stack) as made:
        yield made


@pytest.fixture(scope="module")
def key_id(stack: Stack) -> Iterator[str]:
    """A signing key of the module's own."""
    with own_key(stack) as made:
        yield made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that kill parts of the shared stack come last."""
    items.sort(key=lambda item: item.get_closest_marker("disruptive") is not None)

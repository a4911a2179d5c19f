"""boto3 clients that can only reach the emulator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlparse

import boto3
from botocore.config import Config

from local.settings import ACCOUNT_ID, REGION

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class EndpointError(ValueError):
    """The endpoint is not on this machine."""


class Clients:
    """Clients by service name, made once each; every thread has its own `Clients`."""

    region = REGION
    account_id = ACCOUNT_ID

    def __init__(self, endpoint_url: str) -> None:
        host = urlparse(endpoint_url).hostname
        if host not in _LOOPBACK:
            raise EndpointError(f"agent: endpoint {endpoint_url} is not on this machine; expected http://127.0.0.1:PORT")
        self._endpoint_url = endpoint_url
        session: Any = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106
        # The stubs know only literal service names.
        self._session = session
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of a service; what it answers is narrowed where it is used."""
        if service not in self._made:
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=30)
            self._made[service] = self._session.client(service, endpoint_url=self._endpoint_url, config=config)
        return self._made[service]

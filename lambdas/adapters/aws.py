"""AWS clients, made once per process and reused across warm calls; a tenant's own through its role.

They are botocore's, which boto3 itself hands out: `import boto3` brings its transfer manager and resources along, a fifth of what the
first call of a cold function costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from botocore.session import Session

_EXPIRY_MARGIN = timedelta(minutes=5)
SECRET_TTL_SECONDS = 30.0
"""As long as settings of a tenant are kept (lambdas/adapters/catalog.py)."""


def code_of(error: ClientError) -> str:
    """The code with which a service refused a call; empty where it gave none."""
    return str(error.response.get("Error", {}).get("Code", ""))


class Clients:
    """Clients of one session by service name."""

    def __init__(self, session: Session | None = None, region: str | None = None) -> None:
        self._session = session
        self._region = region
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client of a service, made at its first use."""
        if service not in self._clients:
            from botocore.config import Config
            from botocore.session import get_session

            session = self._session or get_session()
            self._session = session
            # Parameters are built by our own typed code; validating them again costs a millisecond a call.
            config = Config(retries={"mode": "standard", "max_attempts": 4}, tcp_keepalive=True, parameter_validation=False)
            self._clients[service] = session.create_client(service, region_name=self._region, config=config)  # pyright: ignore[reportUnknownMemberType] - botocore has no types
        return self._clients[service]


def acting_session(credentials: Mapping[str, Any]) -> Session:
    """A session with the `Credentials` that AssumeRole answered."""
    from botocore.session import get_session

    session = get_session()
    session.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])
    return session


class ActingClients(Clients):
    """Clients of a tenant that follow the renewal of its session."""

    def __init__(self, tenants: TenantClients, tenant_id: str, role_arn: str | None) -> None:
        super().__init__()
        self._tenants = tenants
        self._who = (tenant_id, role_arn)

    def __call__(self, service: str) -> Any:
        return self._tenants.of(*self._who)(service)


@dataclass
class _Assumed:
    clients: Clients
    expires_at: datetime


class TenantClients:
    """Clients that act as a tenant: its role, taken with the session tag `tenant_id`, cached until shortly before it expires."""

    def __init__(self, base: Clients, region: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._base = base
        self._region = region
        self._now = now
        self._assumed: dict[tuple[str, str], _Assumed] = {}

    def of(self, tenant_id: str, role_arn: str | None) -> Clients:
        """Clients for a tenant; the process's own when the tenant has no role."""
        if role_arn is None:
            return self._base
        known = self._assumed.get((tenant_id, role_arn))
        if known is None or known.expires_at - _EXPIRY_MARGIN < self._now():
            known = self._assumed[tenant_id, role_arn] = self._assume(tenant_id, role_arn)
        return known.clients

    def _assume(self, tenant_id: str, role_arn: str) -> _Assumed:
        answer = self._base("sts").assume_role(
            RoleArn=role_arn,
            RoleSessionName=f"kpi-run-{tenant_id}",
            DurationSeconds=3600,
            Tags=[{"Key": "tenant_id", "Value": tenant_id}],
        )
        credentials = answer["Credentials"]
        return _Assumed(Clients(acting_session(credentials), self._region), credentials["Expiration"])


class Secrets:
    """Connection URLs from Secrets Manager, read anew every half minute: one that was replaced may still open what it led to before."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._urls: dict[str, tuple[float, str]] = {}

    def url(self, clients: Clients, name: str) -> str:
        """The `url` of a secret.

        Raises:
            KeyError: when the secret has no `url`.
        """
        known = self._urls.get(name)
        if known is None or self._monotonic() - known[0] >= SECRET_TTL_SECONDS:
            import json

            value: dict[str, str] = json.loads(clients("secretsmanager").get_secret_value(SecretId=name)["SecretString"])
            known = self._urls[name] = (self._monotonic(), value["url"])
        return known[1]

    def forget(self, name: str) -> None:
        """Read it again next time: a connection failed, so it may have been rotated."""
        self._urls.pop(name, None)

"""What a resource's functions receive: clients, the account, waiting, and questions about AWS errors."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from botocore.exceptions import ClientError

GONE = re.compile(r"NotFound|NoSuch|Non[Ee]xistent|DoesNotExist|^404$|ResourceNotFound")
POLL_SECONDS = 0.2


class ProviderError(Exception):
    """A failure told in one line: what was wrong, what was expected, what to do."""


class Cancelled(ProviderError):  # noqa: N818 - the engine's word
    """The engine asked to stop."""


def is_gone(error: BaseException) -> bool:
    """Whether AWS says that the thing is not there."""
    return isinstance(error, ClientError) and bool(GONE.search(str(error.response.get("Error", {}).get("Code", ""))))


def error_code(error: ClientError) -> str:
    """AWS's own code for an error, such as `ResourceInUseException`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


@dataclass
class Aws:
    """One configured AWS: region, account and loopback endpoints. Shared by all calls; clients are made once."""

    region: str
    endpoint: str
    endpoints: dict[str, str] = field(default_factory=dict[str, str])
    cancelled: threading.Event = field(default_factory=threading.Event)
    access_key: str = "test"
    secret_key: str = "test"  # noqa: S105 - the emulator's public default; only loopback is ever called
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])
    allowed_accounts: tuple[str, ...] = ()
    """Only these accounts may be changed; empty: any."""
    _account: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def partition(self) -> str:
        """The ARN partition."""
        return "aws"

    @property
    def account(self) -> str:
        """The account id, asked of STS on first use, so that a preview needs no running AWS."""
        if not self._account:
            self._account = str(self.client("sts").get_caller_identity()["Account"])
        return self._account

    def require_account(self) -> None:
        """Raises ProviderError when AWS is an account that the stack must not touch."""
        if self.allowed_accounts and self.account not in self.allowed_accounts:
            allowed = ", ".join(self.allowed_accounts)
            raise ProviderError(f"AWS at {self.endpoint} is account {self.account}: the stack's provider allows only {allowed}")

    def client(self, service: str) -> Any:
        """The boto3 client of a service. Throttling and transient errors are retried by boto3 (standard mode, 8 attempts)."""
        # A preview needs no client: it need not wait for these imports.
        import boto3
        from botocore.config import Config

        # boto3's session is not safe for making clients from many threads; clients themselves are safe to use.
        with self._lock:
            if service not in self._clients:
                make = cast("Callable[..., Any]", boto3.client)  # its stub lists literals, one per installed service
                self._clients[service] = make(
                    service,
                    region_name=self.region,
                    endpoint_url=self.endpoints.get(service, self.endpoint),
                    aws_access_key_id=self.access_key,
                    aws_secret_access_key=self.secret_key,
                    config=Config(
                        proxies={},
                        retries={"mode": "standard", "max_attempts": 8},
                        connect_timeout=5,
                        read_timeout=120,
                        max_pool_connections=64,
                        inject_host_prefix=False,
                        s3={"addressing_style": "path"},
                    ),
                )
            return self._clients[service]


@dataclass(frozen=True)
class Context:
    """One call for one resource."""

    aws: Aws
    urn: str
    token: str

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def region(self) -> str:
        """The region everything is made in."""
        return self.aws.region

    @property
    def account(self) -> str:
        """The account id."""
        return self.aws.account

    def client(self, service: str) -> Any:
        """The boto3 client of a service (`ctx.client("dynamodb")`)."""
        return self.aws.client(service)

    def arn(self, service: str, resource: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this account and region; pass `region=""` for global services."""
        place = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{self.aws.partition}:{service}:{place}:{owner}:{resource}"

    def optional(self, call: Callable[[], Any]) -> Any:
        """The answer of an AWS call, or None when AWS says that there is no such thing."""
        try:
            return call()
        except ClientError as error:
            if is_gone(error):
                return None
            raise

    def wait(self, ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
        """Poll until ready. Raises ProviderError after `seconds`, Cancelled when the engine stops."""
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise ProviderError(f"{what} did not happen within {seconds:g} s: look at the emulator's log, then run the command again")
            if self.aws.cancelled.wait(POLL_SECONDS):
                raise Cancelled("stopped because the engine asked to cancel")

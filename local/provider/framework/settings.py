"""The provider's own configuration: region, loopback endpoints, default tags."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from local.provider.framework.checks import nearest
from local.provider.framework.context import ProviderError

USED = ("region", "endpoints", "defaultTags", "accessKey", "secretKey", "allowedAccountIds")
IGNORED = (
    "version", "pluginDownloadURL", "skipCredentialsValidation", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId",
    "s3UsePathStyle", "profile", "maxRetries", "retryMode", "useFipsEndpoint", "useDualstackEndpoint", "insecure", "token",
)  # fmt: skip
"""Accepted without effect: they only steer how the official provider finds and trusts AWS."""


@dataclass(frozen=True)
class Settings:
    """Where AWS is and what every resource is tagged with."""

    region: str
    endpoint: str
    endpoints: Mapping[str, str] = field(default_factory=dict[str, str])
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    allowed_accounts: tuple[str, ...] = ()
    access_key: str = "test"
    secret_key: str = "test"  # noqa: S105 - the emulator's public default; only loopback is ever called


def settings(config: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """The settings from provider config and environment. Raises ProviderError, naming the key, when one is unusable."""
    values = {key: _parsed(value) for key, value in config.items()}
    for key in values:
        if key not in USED and key not in IGNORED:
            raise ProviderError(f"provider config aws:{key} is not supported by the local provider{nearest(key, USED)}")
    region = values.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise ProviderError("no AWS region: set it with `pulumi config set aws:region us-east-1` or AWS_REGION")
    endpoints = _endpoints(values.get("endpoints"))
    endpoint = environment.get("AWS_ENDPOINT_URL") or next(iter(endpoints.values()), "")
    for where, url in [("AWS_ENDPOINT_URL", endpoint), *((f"aws:endpoints {name}", url) for name, url in endpoints.items())]:
        _require_loopback(url, where)
    return Settings(
        region=str(region),
        endpoint=endpoint,
        endpoints=endpoints,
        default_tags=_default_tags(values.get("defaultTags")),
        allowed_accounts=tuple(str(each) for each in values.get("allowedAccountIds") or ()),
        access_key=str(values.get("accessKey") or environment.get("AWS_ACCESS_KEY_ID") or "test"),
        secret_key=str(values.get("secretKey") or environment.get("AWS_SECRET_ACCESS_KEY") or "test"),
    )


def _parsed(value: Any) -> Any:
    """Nested provider config travels as JSON text."""
    if isinstance(value, str) and value[:1] in ("{", "[", '"'):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _endpoints(value: Any) -> dict[str, str]:
    groups = cast("list[dict[str, Any]]", value if isinstance(value, list) else [value] if value else [])
    return {name: str(url) for group in groups for name, url in group.items() if url}


def _default_tags(value: Any) -> dict[str, str]:
    tags = cast("dict[str, Any]", value).get("tags") if isinstance(value, dict) else None
    return {key: str(each) for key, each in cast("dict[str, Any]", tags or {}).items()}


def _require_loopback(url: str, where: str) -> None:
    help_text = "the local provider only talks to an emulator on this machine; for an AWS account use the official aws plugin"
    if not url:
        raise ProviderError(f"no AWS endpoint: set AWS_ENDPOINT_URL to a loopback address such as http://127.0.0.1:4566 ({help_text})")
    host = urlsplit(url).hostname or ""
    if not is_loopback(host):
        raise ProviderError(f"{where} is {url}: expected a loopback address such as http://127.0.0.1:4566 ({help_text})")


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

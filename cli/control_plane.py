"""The control plane as the command line uses it: signed in, one tenant at a time, errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import requests

from cli import aws, demo_users
from cli import stack as stacks
from cli.errors import ExitCode, KpiError
from local.settings import LocalSettings

TIMEOUT_SECONDS = 30
ADMIN = "platform-admin@kpi.example"


class ControlPlane:
    """The API as the demo's platform admin uses it, for one tenant a call."""

    def __init__(self, settings: LocalSettings) -> None:
        outputs = stacks.outputs(settings, stacks.PLATFORM_STACK)
        self._url = str(outputs["apiUrl"]).rstrip("/")
        if ADMIN not in demo_users.passwords(settings):
            raise KpiError("demo users", "nobody can sign in yet", next="run `make up`, which creates them")
        token = demo_users.token(aws.client(settings, "cognito-idp"), settings, outputs, ADMIN)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, tenant: str, **parameters: str) -> dict[str, Any]:
        """One GET for a tenant.

        Raises:
            KpiError: with the problem's own words, or when the API does not answer.
        """
        return self._send("GET", path, {"X-Tenant-Id": tenant}, parameters, None)

    def post(self, path: str, tenant: str, body: Mapping[str, Any], **parameters: str) -> dict[str, Any]:
        """One POST for a tenant, under an idempotency key of its own.

        Raises:
            KpiError: with the problem's own words, or when the API does not answer.
        """
        return self._send("POST", path, {"X-Tenant-Id": tenant, "X-Idempotency-Key": uuid4().hex}, parameters, body)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], parameters: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        url = f"{self._url}{path}"
        try:
            answer = self._session.request(method, url, params=parameters, headers=headers, json=body, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise KpiError(self._url, f"the control plane does not answer ({type(error).__name__})", next="run `make up`") from error
        if not answer.ok:
            raise KpiError(path, _words(answer), code=ExitCode.FAILED)
        return answer.json()

    def items(self, path: str, tenant: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, tenant, **parameters, **({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return


def tenants(settings: LocalSettings, chosen: list[str] | None, environment: str) -> list[str]:
    """The tenants asked for, or all that are deployed here in an environment."""
    ending = f".{environment}"
    names = [name for name in stacks.deployed(settings) if name.endswith(ending) and name != stacks.PLATFORM_STACK]
    known = [name.removesuffix(ending) for name in names]
    unknown = sorted(set(chosen or ()) - set(known))
    if unknown:
        raise KpiError(unknown[0], "no such tenant here", f"one of {', '.join(known) or 'none yet'}", code=ExitCode.USAGE)
    return chosen or known


def _words(answer: requests.Response) -> str:
    try:
        problem: dict[str, Any] = answer.json()
    except ValueError:
        return f"the control plane answered {answer.status_code}"
    return f"{problem.get('code', answer.status_code)}: {problem.get('detail') or problem.get('message') or 'no detail given'}"

"""The control API as people use it: one door a person, and a ledger of every call that changed something."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import requests

_TOO_MANY = 429


def claims(token: str) -> dict[str, Any]:
    """What an ID token says."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `body` is its JSON."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and code of a problem."""
        return self.status, str(self.body.get("code"))

    def ok(self, status: int = 200) -> dict[str, Any]:
        """The body of a success."""
        assert self.status == status, f"expected {status}, got {self.status}: {self.body}"
        return self.body


@dataclass
class Ledger:
    """Receipts of the admin calls that the API carried out. A repeated answer is no second call."""

    receipts: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, answer: Answer) -> None:
        """Count a call if it was carried out."""
        if answer.status < requests.codes.bad_request and "Idempotency-Replayed" not in answer.headers:
            with self._lock:
                self.receipts.append(answer.body)

    def seqs(self) -> list[int]:
        """The places in the chain that the receipts name; a bulk action has one for each KPI."""
        return [int(each["seq"]) for receipt in self.receipts for each in receipt.get("done", [receipt])]

    def about(self, kpi_id: str) -> list[dict[str, Any]]:
        """Receipts of calls about a KPI."""
        return [each for each in self.receipts if each.get("object_id") == kpi_id]


@dataclass
class Person:
    """Someone who is signed in. `tenant` is only sent by those who act for one that is not theirs."""

    name: str
    url: str
    token: str
    ledger: Ledger
    tenant: str | None = None

    @property
    def subject(self) -> str:
        """Who this is, as tokens and audit events say it."""
        return str(claims(self.token)["sub"])

    def get(self, path: str, **query: str) -> Answer:
        """Read."""
        return self._send("GET", path, query, None, None)

    def post(self, path: str, body: Mapping[str, Any], *, environment: str | None = None, key: str | None = None) -> Answer:
        """Change something. Every call has a key of its own unless one is given."""
        return self._write("POST", path, body, environment, key)

    def put(self, path: str, body: Mapping[str, Any], *, environment: str | None = None, key: str | None = None) -> Answer:
        """Replace something."""
        return self._write("PUT", path, body, environment, key)

    def items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor).ok()
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def _write(self, method: str, path: str, body: Mapping[str, Any], environment: str | None, key: str | None) -> Answer:
        query = {"environment": environment} if environment is not None else {}
        answer = self._send(method, path, query, body, key or f"{self.name}-{uuid4().hex}")
        self.ledger.enter(answer)
        return answer

    def _send(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None, key: str | None) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"}
        headers |= {"X-Idempotency-Key": key} if key is not None else {}
        headers |= {"X-Tenant-Id": self.tenant} if self.tenant is not None else {}
        while True:
            got = requests.request(method, f"{self.url}{path}", params=query, json=body, headers=headers, timeout=35)
            if got.status_code != _TOO_MANY:
                return Answer(got.status_code, got.json(), got.headers)
            time.sleep(int(got.headers["Retry-After"]))

"""A call with a key happens once: its first answer is given again, for a day (contract: API conventions).

Two layers: this one repeats the answer; below it, the commit of an audit event with the key as its id (`control/unit.py`) makes
sure that a call which died between its commit and its answer does not happen a second time when it is tried again.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.errors import RetryLaterError
from lambdas.domain.limits.rows import Row, Rows
from lambdas.domain.timestamps import iso, parse

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""How long a call may be in flight; API Gateway answers after 30 s at the latest, so what takes longer has died."""
MAX_BODY = 300_000
"""Bytes of an answer that is kept; a DynamoDB item holds 400 KB with its names."""
_KEY = re.compile(r"[\x21-\x7e]{1,64}")
REFUSED = 400
_STARTED, _DONE, _FREE = "started", "done", "free"


@dataclass(frozen=True)
class Call:
    """A call as the key promises it: who asks for what with which payload."""

    subject: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the call. A JSON body counts as what it says, whatever the order of its members and the spaces."""
        parts = [self.subject, self.method.upper(), self.path, self.query, _meaning(self.body)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What a call was answered. `repeated`: it is the answer of an earlier call."""

    status: int
    body: str
    content_type: str = "application/json"
    repeated: bool = False


class Idempotency:
    """Answers repeated calls."""

    def __init__(self, rows: Rows, now: Callable[[], datetime]) -> None:
        self._rows = rows
        self._now = now

    def once(self, tenant_id: str, key: str, call: Call, work: Callable[[], Answer]) -> Answer:
        """The answer of the first call with this key, which is this one if there was none.

        Authorize before: the answer is given to the same person again without asking the policies. A refusal (status 400 and
        above) or an exception of `work` is not kept: the key is free again, and what was committed all the same is known by its
        event id.

        Raises:
            KpiError: INVALID_INPUT for a key of another form; CONFLICT when the key came with another call, or its first answer
                was too long to be kept.
            RetryLaterError: CONFLICT while the first call has no answer yet.
        """
        mark = call.fingerprint
        started = self._begin(tenant_id, checked(key), mark)
        if isinstance(started, Answer):
            return started
        try:
            answer = work()
        except BaseException:
            self._end(tenant_id, key, started, {"state": _FREE})
            raise
        self._end(tenant_id, key, started, {"state": _FREE} if answer.status >= REFUSED else _kept(mark, answer))
        return answer

    def _begin(self, tenant_id: str, key: str, mark: str) -> Answer | int:
        """The answer of an earlier call, or the version of the row that says this one is in flight."""
        now = self._now()
        found = self._rows.read(tenant_id, row_key(key))
        earlier = _earlier(key, found, mark, now)
        if earlier is not None:
            return earlier
        version = found.version if found else 0
        lease = {"state": _STARTED, "fingerprint": mark, "lease_until": iso(now + LEASE)}
        if not self._rows.swap(tenant_id, row_key(key), lease | _lifetime(now), version):
            raise _in_flight(key, 1)
        return version + 1

    def _end(self, tenant_id: str, key: str, version: int, values: Mapping[str, Any]) -> None:
        # When the row is another's by now, this call outlived its lease. Then the other one's answer is what is repeated.
        self._rows.swap(tenant_id, row_key(key), dict(values) | _lifetime(self._now()), version)


def row_key(key: str) -> str:
    """Where the record of a key is kept."""
    return f"idem#{key}"


def checked(key: str) -> str:
    """The key, when it has the form of one.

    Raises:
        KpiError: INVALID_INPUT.
    """
    if not _KEY.fullmatch(key):
        raise KpiError(ErrorCode.INVALID_INPUT, "X-Idempotency-Key must be 1 to 64 visible ASCII characters without spaces, such as a UUID")
    return key


def _in_flight(key: str, retry_after: int) -> RetryLaterError:
    return RetryLaterError(
        ErrorCode.CONFLICT, f"a call with the key '{key}' is in progress; ask again in {retry_after} s for its answer", retry_after
    )


def _earlier(key: str, found: Row | None, mark: str, now: datetime) -> Answer | None:
    """What an earlier call with the key was answered; None when there is none that counts."""
    if found is None or found.values["state"] == _FREE or parse(str(found.values["until"])) <= now:
        return None
    if found.values["fingerprint"] != mark:
        raise KpiError(ErrorCode.CONFLICT, f"the key '{key}' was used for another call; use a new key for a new call")
    if found.values["state"] == _STARTED:
        left = parse(str(found.values["lease_until"])) - now
        if left > timedelta():
            raise _in_flight(key, -(-left // timedelta(seconds=1)))
        return None
    if "body" not in found.values:
        raise KpiError(
            ErrorCode.CONFLICT, f"the call with the key '{key}' was done; its answer was too long to be kept, so read what it changed"
        )
    return Answer(int(found.values["status"]), str(found.values["body"]), str(found.values["content_type"]), repeated=True)


def _kept(mark: str, answer: Answer) -> dict[str, Any]:
    values: dict[str, Any] = {"state": _DONE, "fingerprint": mark, "status": answer.status, "content_type": answer.content_type}
    return values | {"body": answer.body} if len(answer.body.encode()) <= MAX_BODY else values


def _lifetime(now: datetime) -> dict[str, Any]:
    until = now + KEPT
    return {"until": iso(until), "expires_at": math.ceil(until.timestamp())}


def _meaning(body: bytes) -> str:
    try:
        return f"json {json.dumps(json.loads(body), sort_keys=True)}"
    except (ValueError, RecursionError):  # not JSON: the bytes are what they are
        return f"bytes {body.hex()}"

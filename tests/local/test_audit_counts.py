"""`GET /audit` counts the admin calls that were done, always: refused, repeated, at once, and with answers that got lost on the way.

Through the real gateway with real tokens, in a tenant of the test's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lambdas.domain.access import Role
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from tests.local.conftest import Stack
from tests.local.workflows.company import Company, founded, kpi, written
from tests.local.workflows.http import Ledger, Person
from tests.local.workflows.people import People, hired

pytestmark = pytest.mark.local
WHY = {"reason": "to be counted"}
Call = tuple[str, str, dict[str, Any]]
"""Method, path and body."""
LOST = 0.02
"""Seconds after which a caller hangs up: in time to have sent the call, too early to hear of it."""
ATTEMPTS, PATIENCE = 40, 2.0
"""Tries, and the seconds between them: together longer than a lease."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants: who, which call, and how it is sent."""

    who: str
    action: str
    version: int
    manner: str


WISHES = st.builds(
    Wish,
    who=st.sampled_from(["admin", "business", "technical", "cfo", "stranger"]),
    action=st.sampled_from(
        ["create", "edit", "submit", "decide", "withdraw", "pause", "resume", "publish", "rollback", "subscribe", "bulk"]
    ),
    version=st.integers(1, 3),
    manner=st.sampled_from(["once", "once", "once", "twice", "twice at once", "other payload", "lost"]),
)


@dataclass
class Office:
    """A tenant whose admins call, and what they know to have been done: for each key the places in the chain."""

    company: Company
    people: People
    done: dict[str, list[int]] = field(default_factory=dict)
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def kpi_id(self) -> str:
        return self.company.kpi_id("C")

    def person(self, name: str) -> Person:
        return getattr(self.people, "admin" if name == "stranger" else name)  # type: ignore[no-any-return]

    def send(self, wish: Wish, call: Call, key: str, *, timeout: float = 35) -> requests.Response:
        method, path, content = call
        person = self.person(wish.who)
        headers = {"Authorization": f"Bearer {person.token}", "X-Idempotency-Key": key}
        headers |= {"X-Tenant-Id": "skyway"} if wish.who == "stranger" else {}
        return requests.request(method, f"{person.url}{path}", json=content, headers=headers, timeout=timeout)

    def call(self, wish: Wish) -> Call:
        number = f"{wish.version}.0.0"
        at = f"/kpis/{self.kpi_id}/versions/{number}"
        definition = {"definition": written(kpi(self.kpi_id, number, self.company.tenant, purpose=f"Version {number}."))}
        request = self.some_request() if wish.action in ("decide", "withdraw") else {}
        match wish.action:
            case "create" | "edit":
                return ("POST", "/kpis", WHY | definition) if wish.action == "create" else ("PUT", at, WHY | definition)
            case "decide":
                side = "business" if wish.version % 2 else "technical"
                content_hash = request.get("content_hash", "0" * 64)
                return "POST", f"/approvals/{request.get('request_id', 'none')}/decision", WHY | {
                    "choice": "approve", "side": side, "content_hash": content_hash,
                }  # fmt: skip
            case "withdraw":
                return "POST", f"/approvals/{request.get('request_id', 'none')}/withdraw", WHY
            case "subscribe":
                about = {"frequency": "weekly", "recipients": ["cfo@example.com"], "kpi_id": self.kpi_id}
                return "PUT", f"/report-subscriptions/weekly-{wish.version}", WHY | {"subscription": about}
            case "bulk":
                items = [{"kpi_id": self.kpi_id, "version": "1.0.0"}, {"kpi_id": f"WFX-{self.company.mark}", "version": "1.0.0"}]
                return "POST", "/bulk", WHY | {"action": "kpi.pause" if wish.version % 2 else "kpi.resume", "items": items}
            case action:
                return "POST", f"{at}/{action}", WHY

    def some_request(self) -> dict[str, Any]:
        listed = self.people.cfo.get("/approvals", kpi_id=self.kpi_id).body.get("items") or [{}]
        request_id = listed[0].get("request_id")
        if request_id is None:
            return {}
        found = self.people.cfo.get(f"/approvals/{request_id}")
        return {"request_id": request_id} | ({"content_hash": found.body["content_hash"]} if found.status == 200 else {})

    def grant(self, wish: Wish) -> None:
        """Send a call in its manner, until there is an answer to trust. Every try is the same call with the same key."""
        key, call = uuid4().hex, self.call(wish)
        if wish.manner == "lost":
            with suppress(requests.Timeout):
                self.send(wish, call, key, timeout=LOST)
        if wish.manner == "twice at once":
            with ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(lambda _: self.send(wish, call, key), range(2)))
            assert {answer.status_code for answer in answers} <= {200, 201, 202, 400, 403, 404, 409}, [answer.text for answer in answers]
        answer = self.settled(wish, call, key)
        self.enter(key, answer)
        if answer.status_code < 400 and wish.manner == "twice":
            again = self.settled(wish, call, key)
            assert (again.status_code, again.text) == (answer.status_code, answer.text)
            assert again.headers["Idempotency-Replayed"] == "true"
        if answer.status_code < 400 and wish.manner == "other payload":
            other = (call[0], call[1], call[2] | {"reason": "another payload"})
            assert self.settled(wish, other, key).status_code == 409

    def settled(self, wish: Wish, call: Call, key: str) -> requests.Response:
        answer = None
        for _ in range(ATTEMPTS):
            try:
                answer = self.send(wish, call, key)
            except requests.Timeout:
                continue  # a machine that is busy loses answers too
            if answer.status_code < 500 and "Retry-After" not in answer.headers:
                return answer
            # Told to come back when the lease of a call that died would end; most have only not ended yet.
            time.sleep(min(PATIENCE, float(answer.headers.get("Retry-After", "1"))))
        raise AssertionError(f"{call} never came through: {answer and answer.text}")

    def enter(self, key: str, answer: requests.Response) -> None:
        with self._lock:
            if answer.status_code >= 400:
                self.refused += 1
                return
            receipts = answer.json().get("done", [answer.json()])
            self.done.setdefault(key, [int(each["seq"]) for each in receipts])

    def told(self) -> list[AuditEvent]:
        """The audit log as the auditor reads it, oldest first."""
        return [AuditEvent.model_validate(each) for each in self.people.auditor.items("/audit", limit="50")][::-1]


@pytest.fixture(scope="module")
def office(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    mark = uuid4().hex[:8].upper()
    tenant = f"cnt-{mark.lower()}"
    own = kpi(f"WFC-{mark}", "1.0.0", tenant, criticality="medium")
    with founded(stack, mark, [own], tenant) as company, hired(stack, tenant, Ledger(), tmp_path_factory.mktemp("people")) as people:
        yield Office(company, people)


def balance(office: Office) -> None:
    """The log has one event for every call that was done, none for any other, and it is one chain."""
    told = office.told()
    assert first_break(told, tenant_id=office.company.tenant) is None
    roles = {role.value for role in Role}
    by_people = [event for event in told if event.actor.role in roles]
    assert [event.seq for event in by_people] == sorted(seq for seqs in office.done.values() for seq in seqs)
    assert len({event.event_id for event in told}) == len(told)
    assert all(event.reason for event in told)


@settings(max_examples=6, deadline=None, phases=(Phase.generate,), database=None, suppress_health_check=list(HealthCheck))
@given(wishes=st.lists(WISHES, min_size=8, max_size=12))
def test_whatever_admins_do_the_audit_log_counts_what_was_done(office: Office, wishes: list[Wish]) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(office.grant, wishes))
    balance(office)


def test_an_ordinary_day_is_counted_too(office: Office) -> None:
    """What random wishes may miss: calls that are done, refused, repeated and lost, each at least once."""
    done, refused = len(office.done), office.refused
    for number, manner in enumerate(("once", "twice", "other payload", "twice at once", "lost")):
        office.grant(Wish("admin", "subscribe", 10 + number, manner))
        office.grant(Wish("cfo", "subscribe", 10 + number, manner))
        office.grant(Wish("stranger", "subscribe", 10 + number, manner))
    assert (len(office.done) - done, office.refused - refused) == (5, 10)
    balance(office)

"""Whatever admins send in whatever order, repeated, refused, raced and cut off: `GET /audit` tells exactly the calls that were done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kpis.common import Verdict
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.canary import Sample
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.policy import Policy
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, EVE, OPS, RIVAL, Claims, Got, Service
from tests.unit.lambdas.control.office import TENANT, Office, kpi
from tests.unit.lambdas.control.watched import Watched

KPI = "SKY-AD-01"
PEOPLE = {"ada": ADA, "ben": BEN, "eve": EVE, "ops": OPS, "cfo": CFO}
VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
WHY = {"reason": "because it is better"}
PATH = f"/kpis/{KPI}/versions"
ATTEMPTS = 5
FAULTS = st.sampled_from([(), (), (), ("before",), ("after",), ("before", "after")]).map(list)
"""What the next commits suffer: nothing is written, or all is and nobody hears of it."""
Call = tuple[str, str, dict[str, Any]]
"""Method, path and body."""


class Http(RuleBasedStateMachine):
    """One KPI in production through the HTTP API; the store fails and rivals come in between. Every call has a key."""

    def __init__(self) -> None:
        super().__init__()
        office = Office()
        store = office.store = Watched()
        plane = office.plane
        office.plane = type(plane)(store, office.clock, office._id, plane.policy, office.runs)
        office.policies["prod"] = Policy(grace="2d", request_expires="30d")
        self.office, self.store, self.service = office, store, Service(office)
        self.done: dict[str, dict[str, Any]] = {}
        self.keys = 0

    @initialize()
    def something_runs(self) -> None:
        self.office.live(kpi())
        self.done = {event.event_id: json.loads(event.model_dump_json()) for event in self.office.events}

    # Calling

    def send(self, who: str, call: Call, key: str) -> Got:
        method, path, body = call
        return self.service.send(method, path, body, by=PEOPLE[who], key=key, tenant=TENANT)

    def settle(self, who: str, call: Call, key: str) -> Got:
        """What a client does: as long as there is no answer to trust, the same again with the same key."""
        for _ in range(ATTEMPTS):
            answer = self.send(who, call, key)
            assert "Traceback" not in answer.text
            if answer.status not in (500, 504) and "Retry-After" not in answer.headers:
                return answer
            self.office.later(seconds=61)  # the lease of a call that died runs out
        raise AssertionError(f"{call} never came through: {answer.text}")

    def learn(self, who: str, call: Call, key: str) -> None:
        answer = self.settle(who, call, key)
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert self.store.event(TENANT, key) is None, f"{call} was refused and left an event"
            return
        self.done[key] = answer.body
        before = self.service.state
        again = self.send(who, call, key)
        assert (again.status, again.text, again.headers.get("Idempotency-Replayed")) == (answer.status, answer.text, "true")
        assert self.service.state == before
        other = self.send(who, (call[0], call[1], call[2] | {"reason": "another one"}), key)
        assert other.status == 409, "a key with another payload is a conflict"
        assert self.service.state == before

    @rule(data=st.data(), who=st.sampled_from(sorted(PEOPLE)))
    def somebody_calls(self, data: st.DataObject, who: str) -> None:
        calls = list(self.calls())
        call = data.draw(st.sampled_from(calls), label="call")
        self.keys += 1
        key = f"call-{self.keys}"
        self.store.faults = data.draw(FAULTS, label="faults")
        if data.draw(st.integers(0, 4)) == 4:
            self.store.rival = self.rival(data.draw(st.sampled_from(calls), label="rival's call"), who, call, key)
        self.learn(who, call, key)
        self.store.faults, self.store.rival = [], None

    def rival(self, other: Call, who: str, call: Call, key: str) -> Callable[[], None]:
        """Between the reads of a call and its commit: the same call again (a proxy sends it twice), then another admin's."""

        def act() -> None:
            faults, self.store.faults = self.store.faults, []
            twice = self.send(who, call, key)
            assert (twice.status, "Retry-After" in twice.headers) == (409, True), "a call in flight is not done twice at once"
            self.keys += 1
            self.learn("ben", other, f"rival-{self.keys}")
            self.store.faults = faults

        return act

    @rule(data=st.data())
    def sensible_people_go_on(self, data: st.DataObject) -> None:
        for _ in range(4):
            invited = list(self.invited())
            if invited:
                who, call = data.draw(st.sampled_from(invited), label="step")
                self.keys += 1
                self.store.faults = data.draw(FAULTS, label="faults")
                self.learn(who, call, f"step-{self.keys}")
                self.store.faults = []

    @rule(who=st.sampled_from(["rex", "nobody"]), data=st.data())
    def a_stranger_calls(self, who: str, data: st.DataObject) -> None:
        method, path, body = data.draw(st.sampled_from(list(self.calls())))
        before = self.service.state
        by: Claims = RIVAL if who == "rex" else {}
        self.keys += 1
        answer = self.service.send(method, path, body, by=by, tenant=TENANT, key=f"stranger-{self.keys}")
        assert answer.status == 403
        assert self.service.state == before

    @rule()
    def a_day_passes(self) -> None:
        self.office.later(hours=25)

    # What can be sent

    def calls(self) -> Iterator[Call]:
        """Anything, sensible or not."""
        for version in VERSIONS:
            of = kpi(version, purpose=f"Version {version}.", criticality="critical" if version == "3.0.0" else "medium")
            yield "POST", "/kpis", WHY | self.service.written(of)
            yield "PUT", f"{PATH}/{version}", WHY | self.service.written(kpi(version, purpose="Edited."))
            for action in ("publish", "unpublish", "deprecate", "retire", "rollback", "pause", "resume"):
                yield "POST", f"{PATH}/{version}/{action}", WHY
            yield (
                "POST",
                f"{PATH}/{version}/canary/start",
                WHY | {"subset": {"percent": 10}, "tolerances": {"min_periods": 1, "min_samples": 1}},
            )
            yield "POST", f"{PATH}/{version}/canary/abort", WHY
            for requested in ("publish", "unpublish", "deprecate", "retire"):
                yield "POST", f"{PATH}/{version}/submit", WHY | {"requested": requested}
        for request in self.requests():
            path = f"/approvals/{request['request_id']}"
            yield "POST", f"{path}/withdraw", WHY
            for choice, side in (("approve", "business"), ("approve", "technical"), ("reject", "technical")):
                yield "POST", f"{path}/decision", WHY | {"choice": choice, "side": side, "content_hash": self.hash_of(request)}
        yield "POST", "/maintenance", WHY | {"step": "begin", "kpi_id": KPI, "banner": {"text": "x", "eta": "2027-01-05T18:00:00Z"}}
        yield "POST", "/maintenance", WHY | {"step": "end", "kpi_id": KPI}

    def invited(self) -> Iterator[tuple[str, Call]]:
        """What the state invites to."""
        status = {version: self.office.status(version) for version in VERSIONS}
        live = self.requests()
        for request in live:
            decision = WHY | {"choice": "approve", "content_hash": self.hash_of(request)}
            if request["state"] == "open":
                yield "eve", ("POST", f"/approvals/{request['request_id']}/decision", decision | {"side": "business"})
                yield "ops", ("POST", f"/approvals/{request['request_id']}/decision", decision | {"side": "technical"})
            else:
                yield "ada", ("POST", f"{PATH}/{request['contract_version']}/{request['action']}", WHY)
        for version, state in status.items():
            if state is None:
                yield "ada", ("POST", "/kpis", WHY | self.service.written(kpi(version, purpose=f"Version {version}.")))
            elif state == "draft" and not live:
                yield "ada", ("POST", f"{PATH}/{version}/submit", WHY)
            elif state == "active":
                yield "ops", ("POST", f"{PATH}/{version}/rollback", WHY)
        same = Value(5.0, Verdict.ADEQUATE)
        self.service.deliveries.found = [Sample("2026-01-01", "JFK", same, same)]
        canary = self.service.get(PATH).body.get("canary")
        if canary is not None:
            yield "ada", ("POST", f"{PATH}/{canary['candidate']}/canary/advance", WHY)

    def requests(self) -> list[dict[str, Any]]:
        return self.service.get("/approvals").body["items"]  # type: ignore[no-any-return]

    def hash_of(self, request: dict[str, Any]) -> str:
        return str(self.service.get(f"/approvals/{request['request_id']}").body["content_hash"])

    # What always holds

    @invariant()
    def the_audit_log_tells_every_call_that_was_done_once_and_no_other(self) -> None:
        told: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.service.get("/audit", limit="7", by=CFO, **cursor).body
            told += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert len(told) == len({each["event_id"] for each in told}) == len(self.done) == self.store.commits
        for each in told:
            assert self.done[each["event_id"]]["hash"] == each["hash"], "the receipt names the event"
        events = [AuditEvent.model_validate(each) for each in told][::-1]
        assert first_break(events, tenant_id=TENANT) is None

    @invariant()
    def nothing_illegal_was_committed(self) -> None:
        assert not self.store.problems, self.store.problems


Http.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestHttp = Http.TestCase

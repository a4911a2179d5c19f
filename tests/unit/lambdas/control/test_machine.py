"""Whatever anybody does in whatever order, with rivals in between and a store that fails: the rules of the lifecycle hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kpis.common import Verdict
from kpis.schema import Kpi
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import Actor, AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Sample, Subset, Tolerances
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.desk import Call
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.policy import ChangeWindow, Policy
from lambdas.domain.control.requests import LIVE, ChangeRequest, Choice, RequestState, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import KpiError
from tests.unit.lambdas.control.office import ADA, BEN, CFO, EVE, OPS, SOURCES, TIMER, Office, kpi, reader
from tests.unit.lambdas.control.watched import Watched

KPIS = ("SKY-AD-01", "SKY-RT-01")
VERSIONS = ("1.0.0", "2.0.0", "3.0.0")
PEOPLE = (ADA, BEN, EVE, OPS, CFO)
Operation = Callable[[Call], AuditEvent]


class Lifecycle(RuleBasedStateMachine):
    """Two KPIs, one computed from the other, in production with change windows in the daytime."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()
        self.store = self.office.store = self.opened()
        plane = self.office.plane
        self.office.plane = type(plane)(self.store, self.office.clock, self.office._id, plane.policy, self.office.runs)
        window = ChangeWindow(days=(0, 1, 2, 3, 4, 5, 6), start="08:00", end="20:00")
        self.office.policies["prod"] = Policy(windows=(window,), grace="2d", request_expires="4d", publish_within="2d")
        self.written: dict[str, AuditEvent] = {}

    def opened(self) -> Watched:
        """The store all this happens in."""
        return Watched()

    # What can go wrong on the way

    faults: tuple[str, ...] = ("", "", "", "before", "after")

    # Calling

    def attempt(self, who: Actor, operation: Operation, event_id: str | None = None) -> AuditEvent | None:
        call = self.office.call(who, event=event_id)
        for _ in range(4):
            try:
                event = operation(call)
            except TimeoutError:
                continue
            except KpiError:
                assert self.store.event(self.office.tenant, call.event_id) is None, "a refused call left an event"
                return None
            assert self.store.event(self.office.tenant, call.event_id) == event
            self.written[call.event_id] = event
            return event
        raise AssertionError("the call never came through")

    def go(self, who: Actor, operation: Operation, data: st.DataObject) -> None:
        fault = data.draw(st.sampled_from(self.faults), label="fault")
        rival = data.draw(st.sampled_from(self.rivals()), label="rival") if data.draw(st.integers(0, 5)) == 5 else None
        self.store.faults = [fault] if fault else []
        if rival is not None:
            name, other = rival
            del name
            self.store.rival = lambda: self.attempt(BEN, other) and None
        event = self.attempt(who, operation)
        self.store.faults, self.store.rival = [], None
        if event is not None:
            again = self.attempt(who, operation, event.event_id)
            assert again == event, "a repeated call is the same event"

    def rivals(self) -> list[tuple[str, Operation]]:
        """What another admin may do at the same moment."""
        plane = self.office.plane
        found: list[tuple[str, Operation]] = [
            ("edit", lambda call: plane.definitions.update(call, self.definition("SKY-AD-01", "2.0.0", "Rival.", "medium"), SOURCES)),
            ("submit", lambda call: plane.approvals.submit(call, "SKY-AD-01", "2.0.0")),
            ("rollback", lambda call: plane.recovery.rollback(call, "SKY-AD-01")),
            ("pause", lambda call: plane.pausing.pause(call, Scope(kpi_id="SKY-AD-01"))),
            ("abort", lambda call: plane.rollouts.abort(call, "SKY-AD-01")),
        ]
        for request in self.requests():
            about = request.kpi_id, request.contract_version
            if request.state is RequestState.OPEN:
                found.append(("sign", self.signing(request, Choice.APPROVE, Side.BUSINESS)))
                found.append(("reject", self.signing(request, Choice.REJECT, Side.BUSINESS)))
            else:
                found.append(("execute", self.executing(request.action, *about)))
        return found

    def requests(self) -> list[ChangeRequest]:
        rows = self.store.rows(self.office.tenant, keys.REQUESTS)
        found = [ChangeRequest.model_validate_json(row.text("request")) for row in rows]
        return [request for request in found if request.state in LIVE]

    def definition(self, kpi_id: str, version: str, purpose: str, level: str) -> Kpi:
        made = kpi if kpi_id == "SKY-AD-01" else reader
        return made(version, purpose=purpose, criticality=level)

    def signing(self, request: ChangeRequest, choice: Choice, side: Side) -> Operation:
        return lambda call: self.office.plane.approvals.decide(call, request.request_id, choice, side, request.content_hash)

    def executing(self, action: Action, kpi_id: str, version: str) -> Operation:
        plane = self.office.plane
        return {
            Action.PUBLISH: lambda call: plane.publishing.publish(call, kpi_id, version),
            Action.UNPUBLISH: lambda call: plane.removal.unpublish(call, kpi_id, version),
            Action.DEPRECATE: lambda call: plane.removal.deprecate(call, kpi_id, version),
            Action.RETIRE: lambda call: plane.removal.retire(call, kpi_id, version),
        }[action]

    # What sensible people do: whatever the state invites to

    @initialize(chained=st.booleans())
    def something_runs(self, chained: bool) -> None:
        for of in (kpi(), reader())[: 1 + chained]:
            self.office.live(of)
        self.written = {event.event_id: event for event in self.office.events}

    @rule(data=st.data())
    def steps(self, data: st.DataObject) -> None:
        for _ in range(6):
            invited = [*self.invited()]
            if not invited:
                return  # everything is retired
            _, who, operation = data.draw(st.sampled_from(invited), label="step")
            self.go(who, operation, data)

    def invited(self) -> Iterator[tuple[str, Actor, Operation]]:
        plane = self.office.plane
        for request in self.requests():
            if request.state is RequestState.OPEN:
                yield "business", EVE, self.signing(request, Choice.APPROVE, Side.BUSINESS)
                yield "technical", OPS, self.signing(request, Choice.APPROVE, Side.TECHNICAL)
            else:
                yield "execute", ADA, self.executing(request.action, request.kpi_id, request.contract_version)
        row = self.office.row(keys.canary("prod", "SKY-AD-01"))
        state = row.text("state") if row else ""
        if state == "running":
            for found in (5.0, 50.0, None):
                yield f"compare {found}", TIMER, self.comparing(found)
        if state == "paused":
            yield "resume canary", ADA, lambda call: plane.rollouts.resume(call, "SKY-AD-01")
            yield "abort canary", ADA, lambda call: plane.rollouts.abort(call, "SKY-AD-01")
        for kpi_id in KPIS:
            for version in VERSIONS:
                yield from self.invited_by(kpi_id, version)

    def invited_by(self, kpi_id: str, version: str) -> Iterator[tuple[str, Actor, Operation]]:
        plane, status = self.office.plane, self.office.status(version, kpi_id)
        busy = self.office.row(keys.open_request("prod", kpi_id)) is not None
        read = kpi_id == "SKY-AD-01" and self.office.running("SKY-RT-01") is not None
        match status:
            case None:
                new = self.definition(kpi_id, version, f"Version {version}.", "critical" if version == "3.0.0" else "medium")
                yield f"create {version}", BEN, lambda call: plane.definitions.create(call, new, SOURCES)
            case "draft" if not busy:
                yield f"submit {version}", ADA, lambda call: plane.approvals.submit(call, kpi_id, version)
            case "proposed" | "approved":
                new = self.definition(kpi_id, version, "Edited.", "medium")
                yield f"edit {version}", BEN, lambda call: plane.definitions.update(call, new, SOURCES)
                if status == "approved" and kpi_id == "SKY-AD-01":
                    yield f"canary {version}", ADA, self.trying(version)
                    yield f"canary of {version}", ADA, self.trying(version)
            case "active":
                ends = () if busy else (Action.DEPRECATE,) if read else (Action.DEPRECATE, Action.UNPUBLISH)
                for action in ends:
                    yield f"{action} {version}", ADA, lambda call, what=action: plane.approvals.submit(call, kpi_id, version, what)
                yield "rollback", OPS, lambda call: plane.recovery.rollback(call, kpi_id)
            case "deprecated" if not busy and not read:
                yield f"retire {version}", ADA, lambda call: plane.approvals.submit(call, kpi_id, version, Action.RETIRE)
            case _:
                pass

    def trying(self, version: str) -> Operation:
        tolerances = Tolerances(min_periods=1, min_samples=1)
        return lambda call: self.office.plane.rollouts.start(call, "SKY-AD-01", version, Subset(percent=10), tolerances)

    def comparing(self, found: float | None) -> Operation:
        sample = Sample("2026-01-01", "JFK", Value(5.0, Verdict.ADEQUATE), Value(found, Verdict.ADEQUATE))
        return lambda call: self.office.plane.rollouts.advance(call, "SKY-AD-01", [sample])

    # What anybody may try, mostly in vain

    @rule(data=st.data(), who=st.sampled_from(PEOPLE))
    def anything(self, data: st.DataObject, who: Actor) -> None:
        self.go(who, data.draw(st.sampled_from([*self.tried(data)]), label="attempt"), data)

    def tried(self, data: st.DataObject) -> Iterator[Operation]:
        plane = self.office.plane
        kpi_id, version = data.draw(st.sampled_from(KPIS)), data.draw(st.sampled_from(VERSIONS))
        new = self.definition(
            kpi_id, version, data.draw(st.sampled_from(("One.", "Two."))), data.draw(st.sampled_from(("medium", "critical")))
        )
        yield lambda call: plane.definitions.create(call, new, SOURCES)
        yield lambda call: plane.definitions.update(call, new, SOURCES)
        for action in (Action.PUBLISH, Action.UNPUBLISH, Action.DEPRECATE, Action.RETIRE):
            yield lambda call, what=action: plane.approvals.submit(call, kpi_id, version, what)
            yield self.executing(action, kpi_id, version)
        for request in self.requests():
            yield self.signing(request, Choice.APPROVE, Side.BUSINESS)
            yield self.signing(request, Choice.APPROVE, Side.TECHNICAL)
            yield self.signing(request, Choice.REJECT, Side.TECHNICAL)
            yield lambda call, of=request: plane.approvals.withdraw(call, of.request_id)
        yield self.trying(version)
        yield self.comparing(5.0)
        yield lambda call: plane.rollouts.abort(call, "SKY-AD-01")
        yield lambda call: plane.recovery.rollback(call, kpi_id)
        scope = Scope(kpi_id="SKY-AD-01", entity=data.draw(st.sampled_from((None, "JFK"))))
        yield lambda call: plane.pausing.pause(call, scope)
        yield lambda call: plane.pausing.resume(call, scope)

    @rule(sick=st.sets(st.sampled_from(VERSIONS), max_size=2))
    def versions_fall_ill(self, sick: set[str]) -> None:
        self.office.runs.sick = sick

    @rule(hours=st.sampled_from((1, 24, 25, 49)))
    def time_passes(self, hours: int) -> None:
        self.office.later(hours=hours)
        before = len(self.office.events)
        events = self.office.plane.approvals.sweep(self.office.call(TIMER))
        assert len(self.office.events) - before == len(events)
        self.written |= {event.event_id: event for event in events}

    # What always holds

    @invariant()
    def every_successful_write_is_exactly_one_event_of_an_unbroken_chain(self) -> None:
        events = self.office.events
        assert first_break(events, tenant_id=self.office.tenant) is None
        assert {event.event_id: event for event in events} == self.written
        assert len(events) == len(self.written) == self.store.commits
        assert all(event.reason for event in events)

    @invariant()
    def nothing_illegal_was_committed(self) -> None:
        assert not self.store.problems, self.store.problems

    @invariant()
    def at_most_one_version_runs_and_the_pointer_says_which(self) -> None:
        for kpi_id in KPIS:
            active = [version for version in VERSIONS if self.office.status(version, kpi_id) == "active"]
            pointer = self.office.shelf().active_row(kpi_id)
            assert len(active) <= 1
            assert not active or (pointer is not None and pointer.text("contract_version") == active[0])
            if pointer is not None:
                version = self.office.version(pointer.text("contract_version"), kpi_id)
                assert version.status.value in ("active", "deprecated")
                assert version.hash == pointer.text("definition_hash")

    @invariant()
    def what_runs_has_its_upstreams(self) -> None:
        assert self.office.running("SKY-RT-01") is None or self.office.running("SKY-AD-01") is not None

    @invariant()
    def one_open_request_a_kpi_and_versions_are_where_their_requests_are(self) -> None:
        live = self.requests()
        for kpi_id in KPIS:
            own = [request for request in live if request.kpi_id == kpi_id]
            lock = self.office.row(keys.open_request("prod", kpi_id))
            assert [request.request_id for request in own] == ([lock.text("request_id")] if lock else [])
            for version in VERSIONS:
                status = self.office.status(version, kpi_id)
                if status in ("proposed", "approved"):
                    assert [(each.contract_version, each.action) for each in own] == [(version, Action.PUBLISH)]
                    assert own[0].state is (RequestState.OPEN if status == "proposed" else RequestState.APPROVED)
                    assert own[0].definition_hash == self.office.version(version, kpi_id).hash


Lifecycle.TestCase.settings = settings(
    max_examples=80, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestLifecycle = Lifecycle.TestCase

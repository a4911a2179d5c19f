"""Whatever people do, in whatever order, while time passes and deliveries repeat: an execution waits as long as its request lives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.control.policy import ChangeWindow, Policy
from lambdas.domain.control.requests import LIVE, ChangeRequest, Choice, Side
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.errors import KpiError
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, kpi
from tests.unit.lambdas.governance.rig import Rig

NIGHTS = Policy(windows=(ChangeWindow(days=(0, 1, 2, 3, 4, 5, 6), start="22:00", end="23:00"),))


class World:
    """One KPI, whose versions are written and asked for again and again."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.number = 0

    @property
    def plane(self) -> ControlPlane:
        return self.rig.office.plane

    @property
    def request(self) -> ChangeRequest | None:
        return next(self.plane.approvals.live(self.rig.office.call()), None)

    def ask(self) -> None:
        self.number += 1
        self.plane.definitions.create(self.rig.office.call(), kpi(f"1.{self.number}.0", name=f"Name {self.number}"), SOURCES)
        self.plane.approvals.submit(self.rig.office.call(), "SKY-AD-01", f"1.{self.number}.0")

    def decide(self, choice: Choice) -> None:
        request = self.request
        if request is not None:
            who, side = (BEN, Side.BUSINESS) if "business sign-off" in request.missing else (EVE, Side.TECHNICAL)
            self.plane.approvals.decide(self.rig.office.call(who), request.request_id, choice, side, request.content_hash)

    def edit(self) -> None:
        request = self.request
        if request is not None:
            self.number += 1
            again = kpi(request.contract_version, name=f"Name {self.number}")
            self.plane.definitions.update(self.rig.office.call(), again, SOURCES)

    def withdraw(self) -> None:
        request = self.request
        if request is not None:
            self.plane.approvals.withdraw(self.rig.office.call(ADA), request.request_id)

    def publish(self) -> None:
        request = self.request
        if request is not None:
            self.plane.publishing.publish(self.rig.office.call(), "SKY-AD-01", request.contract_version)

    def repeat(self) -> None:
        """The stream delivers everything again, and the worker has forgotten what it told."""
        self.rig.memory.channels.clear()
        self.rig.again()

    def windows(self, policy: Policy) -> None:
        self.rig.office.policies["prod"] = policy

    def check(self) -> None:
        now = self.rig.office.clock.now()
        asked = {event.request_id for event in self.rig.office.events if event.request_id}
        assert asked == set(self.rig.machine.executions)
        for request_id, execution in self.rig.machine.executions.items():
            request = self.rig.office.request(request_id)
            # Nobody wakes an execution that waits for a window: that of a request which ended meanwhile ends when the window opens.
            asleep = execution.state == "WaitForWindow" or (execution.state == "Later" and "CarryOn" in execution.visited)
            assert asleep or execution.done == (request.state not in LIVE), (request.state, execution.visited[-5:])
            if not execution.done:
                assert execution.until is not None
                assert execution.until > now
            if execution.state == "WaitForPeople":
                assert self.rig.memory.token("skyway", request_id) == execution.token
        assert self.rig.office.chain_holds()


ACTS: dict[str, Callable[[World], None]] = {
    "ask": World.ask,
    "approve": lambda world: world.decide(Choice.APPROVE),
    "reject": lambda world: world.decide(Choice.REJECT),
    "edit": World.edit,
    "withdraw": World.withdraw,
    "publish": World.publish,
    "an hour": lambda world: world.rig.later(hours=1),
    "five days": lambda world: world.rig.later(days=5),
    "the stream repeats itself": World.repeat,
    "a tick": lambda world: world.rig.governance.handle({"action": "sweep"}) and None,
    "nights only": lambda world: world.windows(NIGHTS),
    "any time": lambda world: world.windows(Policy()),
}


@settings(max_examples=250, deadline=None)
@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=14))
def test_an_execution_waits_as_long_as_its_request_lives(acts: list[str]) -> None:
    world = World()
    for act in ["ask", *acts]:
        with suppress(KpiError):
            ACTS[act](world)
        world.rig.later(minutes=1)
        world.check()

"""The state machine `kpi-change`: a request's life from its submission to its end, whatever comes late, twice or never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lambdas.domain.control.policy import ChangeWindow, Policy
from lambdas.domain.control.requests import Choice, Side
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, kpi
from tests.unit.lambdas.governance.rig import STATES, Execution, Rig

NIGHTS = ChangeWindow(days=(0, 1, 2, 3, 4, 5, 6), start="22:00", end="23:00")


@pytest.fixture
def rig() -> Rig:
    return Rig()


def submitted(rig: Rig) -> tuple[Any, Execution]:
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    asked = rig.office.plane.approvals.submit(rig.office.call(), "SKY-AD-01", "1.0.0")
    rig.tell()
    return asked, rig.machine.executions[str(asked.request_id)]


def test_a_request_waits_for_its_signatures_and_its_publication_and_ends(rig: Rig) -> None:
    asked, execution = submitted(rig)
    assert execution.state == "WaitForPeople"
    rig.office.sign(asked, by=(BEN, EVE))
    rig.tell()
    assert execution.state == "WaitForPeople", "it is signed, and nobody has published it yet"
    rig.office.plane.publishing.publish(rig.office.call(), "SKY-AD-01", "1.0.0")
    rig.tell()
    assert execution.done
    assert rig.office.running() == "1.0.0"


@pytest.mark.parametrize("how", ["reject", "withdraw"])
def test_a_request_that_is_rejected_or_withdrawn_ends(rig: Rig, how: str) -> None:
    asked, execution = submitted(rig)
    approvals, request = rig.office.plane.approvals, rig.office.request(asked)
    if how == "reject":
        approvals.decide(rig.office.call(BEN), request.request_id, Choice.REJECT, Side.TECHNICAL, request.content_hash)
    else:
        approvals.withdraw(rig.office.call(ADA), request.request_id)
    rig.tell()
    assert execution.done


def test_a_request_nobody_decides_on_expires_by_itself_with_an_event(rig: Rig) -> None:
    asked, execution = submitted(rig)
    rig.later(days=13, hours=23)
    assert not execution.done
    rig.later(hours=1)
    assert execution.done
    assert rig.office.request(asked).state.value == "expired"
    assert rig.office.events[-1].action == "kpi.expire"
    assert rig.office.events[-1].actor.role == "system"
    assert rig.office.chain_holds()


def test_an_approved_request_nobody_publishes_is_opened_again_and_expires_in_the_end(rig: Rig) -> None:
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    rig.tell()
    rig.later(days=7)
    assert rig.office.request(asked).state.value == "open"
    assert (execution.state, execution.done) == ("WaitForPeople", False)
    rig.later(days=7)
    assert rig.office.request(asked).state.value == "expired"
    assert execution.done


def test_a_publication_outside_the_window_is_carried_on_when_it_opens(rig: Rig) -> None:
    rig.office.policies["prod"] = Policy(windows=(NIGHTS,))
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    waits = rig.office.plane.publishing.publish(rig.office.call(), "SKY-AD-01", "1.0.0")
    assert waits.action == "kpi.publish_waits"
    rig.tell()
    assert execution.state == "WaitForWindow"
    rig.later(hours=12)
    assert not execution.done
    rig.later(hours=1)
    assert rig.office.running() == "1.0.0"
    assert rig.office.events[-1].action == "kpi.publish"
    assert execution.done


def test_what_refuses_to_go_live_is_tried_again_later_and_not_in_a_circle(rig: Rig) -> None:
    rig.office.policies["prod"] = Policy(windows=(NIGHTS,))
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    rig.office.plane.publishing.publish(rig.office.call(), "SKY-AD-01", "1.0.0")
    rig.tell()
    rig.office.policies["prod"] = Policy(windows=(NIGHTS.model_copy(update={"days": (6,)}),))
    rig.later(hours=13)
    # Monday's window was taken away in the meantime: the publication waits for Sunday's, which the sign-off does not outlast by a day.
    assert rig.office.running() is None
    assert execution.state in ("Later", "WaitForWindow")
    rig.later(days=6)
    assert rig.office.running() == "1.0.0"


def test_another_kpi_that_refuses_in_the_same_window_holds_up_nobody_else(rig: Rig) -> None:
    rig.office.policies["prod"] = Policy(windows=(NIGHTS,))
    asked, execution = submitted(rig)
    rig.office.plane.definitions.create(rig.office.call(), kpi(id="SKY-AD-02"), SOURCES)
    other = rig.office.plane.approvals.submit(rig.office.call(), "SKY-AD-02", "1.0.0")
    for each, kpi_id in ((asked, "SKY-AD-01"), (other, "SKY-AD-02")):
        rig.office.sign(each)
        rig.office.plane.publishing.publish(rig.office.call(), kpi_id, "1.0.0")
    rig.tell()
    row = rig.office.store.tables["skyway"][rig.office.version("1.0.0", "SKY-AD-02").row.key]
    row["definition_hash"] = "0" * 64
    rig.later(hours=13)
    assert execution.done
    assert rig.machine.executions[str(other.request_id)].state == "Later"


def test_a_publication_around_the_window_ends_the_wait_when_the_window_opens(rig: Rig) -> None:
    rig.office.policies["prod"] = Policy(windows=(NIGHTS,))
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    rig.office.plane.publishing.publish(rig.office.call(), "SKY-AD-01", "1.0.0")
    rig.tell()
    call = rig.office.call(reason="the quarterly close reads a wrong number")
    rig.office.plane.publishing.publish(call, "SKY-AD-01", "1.0.0", break_glass=True)
    rig.tell()
    assert [topic.value for topic, notice in rig.channels.published if notice.event.action == "kpi.publish"] == ["urgent", "routine"]
    rig.later(hours=13)
    assert execution.done


def test_a_decision_before_the_token_was_kept_is_not_lost(rig: Rig) -> None:
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    asked = rig.office.plane.approvals.submit(rig.office.call(), "SKY-AD-01", "1.0.0")
    keep = rig.memory.keep_token

    def slow(tenant_id: str, request_id: str, token: str) -> None:
        # The request is withdrawn, and the stream's worker finds no token yet.
        if not rig.memory.tokens:
            rig.office.plane.approvals.withdraw(rig.office.call(), request_id)
            rig.again(rig.office.events[-1:])
        keep(tenant_id, request_id, token)

    rig.memory.keep_token = slow
    rig.tell()
    assert rig.machine.executions[str(asked.request_id)].done


def test_events_that_come_twice_start_and_wake_nothing_twice(rig: Rig) -> None:
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    rig.tell()
    visited = len(execution.visited)
    rig.memory.channels.clear()  # nothing is remembered of what was told
    rig.again()
    assert len(rig.machine.executions) == 1
    assert execution.state == "WaitForPeople", "it looked again, found nothing new and waits"
    assert len(execution.visited) > visited
    rig.office.plane.publishing.publish(rig.office.call(), "SKY-AD-01", "1.0.0")
    rig.tell()
    rig.again()
    assert execution.done


def test_an_edit_that_takes_signatures_away_brings_the_execution_back_to_waiting(rig: Rig) -> None:
    asked, execution = submitted(rig)
    rig.office.sign(asked)
    rig.office.plane.definitions.update(rig.office.call(), kpi(name="Another name"), SOURCES)
    rig.tell()
    assert rig.office.request(asked).state.value == "open"
    assert execution.state == "WaitForPeople"


def test_a_request_that_does_not_exist_or_is_of_another_environment_ends_at_once(rig: Rig) -> None:
    asked, _ = submitted(rig)
    for environment, request_id in (("prod", "nothing"), ("dev", str(asked.request_id))):
        looked = rig.governance.handle(
            {"action": "look", "request": {"tenant_id": "skyway", "environment": environment, "request_id": request_id}}
        )
        assert looked["pending"] == "nothing"


def test_the_schedule_does_what_a_failed_execution_left_undone(rig: Rig) -> None:
    asked, _ = submitted(rig)
    rig.machine.executions.clear()
    rig.later(days=14)
    assert rig.office.request(asked).state.value == "open"
    report = rig.governance.handle({"action": "sweep"})
    assert report["tenants"]["skyway.prod"]["closed"] == 1
    assert rig.office.request(asked).state.value == "expired"
    assert rig.governance.handle({"action": "sweep"})["tenants"] == {}


def test_a_request_that_cannot_be_closed_keeps_no_other_from_expiring(rig: Rig) -> None:
    asked, _ = submitted(rig)
    rig.office.plane.definitions.create(rig.office.call(), kpi(id="SKY-AD-02"), SOURCES)
    other = rig.office.plane.approvals.submit(rig.office.call(), "SKY-AD-02", "1.0.0")
    row = rig.office.store.tables["skyway"][rig.office.version("1.0.0").row.key]
    row["definition_hash"] = "0" * 64
    rig.later(days=14)
    report = rig.governance.handle({"action": "sweep"})["tenants"]["skyway.prod"]
    assert report["refused"] == ["SKY-AD-01: SKY-AD-01 1.0.0 is not what request " + f"{asked.request_id} is about"]
    assert rig.office.request(other).state.value == "expired"
    assert rig.machine.executions[str(asked.request_id)].state == "Later", "it is tried again in a while, not in a circle"


def targets(state: Mapping[str, Any]) -> set[str]:
    found = {state[key] for key in ("Next", "Default") if key in state}
    found |= {choice["Next"] for choice in state.get("Choices", [])}
    return found | {catcher["Next"] for catcher in state.get("Catch", [])}


def test_every_state_is_reached_and_exists() -> None:
    assert set().union(*(targets(state) for state in STATES.values())) | {"Look"} == set(STATES)


def test_every_state_that_acts_is_followed_by_a_look_at_the_row() -> None:
    for name, state in STATES.items():
        if state["Type"] == "Task" and name != "Look":
            assert targets(state) <= {"Look", "Acted"}, name
    assert targets(STATES["Acted"]) == {"Look", "Later"}


def test_every_task_ends_after_some_time_and_is_tried_again_under_aws_and_under_the_emulator() -> None:
    tasks = [state for state in STATES.values() if state["Type"] == "Task"]
    assert all("TimeoutSeconds" in state or "TimeoutSecondsPath" in state for state in tasks)
    assert all({"States.TaskFailed", "Runtime.HandlerError"} <= set(state["Retry"][0]["ErrorEquals"]) for state in tasks)


def test_the_end_of_the_wait_for_people_is_no_failure_to_try_again() -> None:
    waits = STATES["WaitForPeople"]
    assert "States.Timeout" not in waits["Retry"][0]["ErrorEquals"]
    assert waits["Catch"] == [{"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "Look"}]

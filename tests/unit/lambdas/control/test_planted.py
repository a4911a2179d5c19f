"""The machines find bugs: each rule of the control plane that is taken out here is missed by a random life of a KPI.

What two layers guard is not here, as taking one of them out changes nothing that can be seen: the signature that a publication needs
(the request and the table of states), and the tenant of a call (the claims and the policies).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from lambdas.api import cursors
from lambdas.api.control import guard, objects
from lambdas.domain.control import approvals, catalog, definitions, desk, guardrails, publishing, recovery, requests, rollouts
from lambdas.domain.control.desk import Desk, Step
from lambdas.domain.control.requests import ChangeRequest, RequestState
from lambdas.domain.control.states import Guard
from lambdas.domain.control.unit import Put
from lambdas.domain.limits import idempotency
from tests.unit.lambdas.api_control.test_machine_http import Http
from tests.unit.lambdas.control.test_machine import Lifecycle

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]


def everywhere(patch: Patch, name: str, value: Any) -> None:
    """A function of the domain that several modules have imported by name."""
    modules = (approvals, catalog, definitions, desk, publishing, recovery, requests, rollouts)
    found = [module for module in modules if hasattr(module, name)]
    assert found, name
    for module in found:
        patch.setattr(module, name, value)


def own_signature(patch: Patch) -> None:
    patch.setattr(requests, "_may_decide", lambda *_: None)


def one_signature(patch: Patch) -> None:
    patch.setattr(requests, "DUAL", frozenset())


def approval_survives_an_edit(patch: Patch) -> None:
    def kept(request: ChangeRequest, content: ChangeRequest) -> ChangeRequest:
        return content.model_copy(update={"state": request.state, "decisions": request.decisions})

    patch.setattr(definitions, "revised", kept)


def history_is_edited(patch: Patch) -> None:
    patch.setitem(guardrails._GUARDS, Guard.NEVER_RAN, lambda _situation: iter(()))


def last_writer_wins(patch: Patch) -> None:
    original = Step.commit

    def careless(self: Step, changes: Any, **more: Any) -> Any:
        return original(self, [replace(each, expect=None) if isinstance(each, Put) else each for each in changes], **more)

    patch.setattr(Step, "commit", careless)


def every_try_is_a_new_event(patch: Patch) -> None:
    original, number = Desk.begin, count()

    def begin(self: Desk, call: Any, *rest: Any, **arguments: Any) -> Step:
        return original(self, replace(call, event_id=f"{call.event_id}/{next(number)}"), *rest, **arguments)

    patch.setattr(Desk, "begin", begin)


def finished_requests_stay_open(patch: Patch) -> None:
    def unfinished(request: ChangeRequest | None, _state: RequestState) -> ChangeRequest | None:
        return request

    everywhere(patch, "finished", unfinished)


LIFECYCLE: dict[str, Plant] = {
    "people sign their own": own_signature,
    "one signature is enough for a critical KPI": one_signature,
    "an approval survives an edit": approval_survives_an_edit,
    "what ran is edited": history_is_edited,
    "the last writer wins": last_writer_wins,
    "a repeated call is another event": every_try_is_a_new_event,
    "a finished request stays open": finished_requests_stay_open,
}


def any_payload_is_the_same(patch: Patch) -> None:
    patch.setattr(idempotency, "_meaning", lambda _body: "")


def answers_are_not_kept(patch: Patch) -> None:
    patch.setattr(idempotency, "_kept", lambda *_: {"state": "free"})


def a_call_that_died_is_a_new_one(patch: Patch) -> None:
    original = objects.standing

    def forgetful(ports: Any, asked: Any, action: Any, resource: Any) -> Any:
        return original(ports, replace(asked, key=""), action, resource)

    patch.setattr(guard, "standing", forgetful)


def a_page_swallows_an_event(patch: Patch) -> None:
    encode = cursors.encode
    patch.setattr(cursors, "encode", lambda position: encode(str(int(position) - 1)) if position else None)


HTTP: dict[str, Plant] = {
    "a key answers for any payload": any_payload_is_the_same,
    "answers are not kept": answers_are_not_kept,
    "a call that died before its answer cannot be repeated": a_call_that_died_is_a_new_one,
    "a page of the audit log swallows an event": a_page_swallows_an_event,
    "a repeated call is another event": every_try_is_a_new_event,
}
PLANTED = [(name, Lifecycle, plant) for name, plant in LIFECYCLE.items()] + [(name, Http, plant) for name, plant in HTTP.items()]
CRASHED = "never came through"
SEARCH = settings(
    max_examples=500,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("name", "machine", "plant"), PLANTED, ids=[f"{machine.__name__}: {name}" for name, machine, _ in PLANTED])
def test_a_planted_bug_is_found(
    name: str, machine: type[RuleBasedStateMachine], plant: Plant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(machine, settings=SEARCH)
    # A bug that only breaks the program would be found too; what is missed here must be a rule.
    assert CRASHED not in str(found.value) or plant is a_call_that_died_is_a_new_one, name
    capsys.readouterr()

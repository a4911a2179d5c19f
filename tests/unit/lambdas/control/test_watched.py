"""The checks of the lifecycle machine can fail: each rule of the domain, taken out, is missed by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.domain.control import definitions, desk, guardrails, requests
from lambdas.domain.control.requests import ChangeRequest, Choice, RequestState, Side
from lambdas.domain.control.states import Action, Guard
from tests.unit.lambdas.control.office import ADA, BEN, EVE, SOURCES, Office, kpi
from tests.unit.lambdas.control.watched import Watched

Broken = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def office() -> Office:
    made = Office()
    store = made.store = Watched()
    made.plane = type(made.plane)(store, made.clock, made._id, made.plane.policy, made.runs)
    return made


def problems(office: Office) -> str:
    assert isinstance(office.store, Watched)
    return "; ".join(office.store.problems)


def submitted(office: Office, level: str = "medium") -> ChangeRequest:
    office.plane.definitions.create(office.call(ADA), kpi(criticality=level), SOURCES)
    return office.request(office.plane.approvals.submit(office.call(ADA), "SKY-AD-01", "1.0.0"))


def sign(office: Office, request: ChangeRequest, who: object = BEN, side: Side = Side.TECHNICAL) -> None:
    office.plane.approvals.decide(office.call(who), request.request_id, Choice.APPROVE, side, request.content_hash)


def publish(office: Office) -> None:
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")


def test_an_honest_life_has_no_problems(office: Office) -> None:
    office.live(kpi(criticality="critical"))
    office.live(kpi("1.0.1", criticality="critical", lane="heavy"))
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert problems(office) == ""


def test_without_the_check_of_who_signs_self_approval_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_may_decide", lambda *_: None)
    sign(office, submitted(office), ADA)
    publish(office)
    assert "was signed by its own author or requester" in problems(office)


def test_without_dual_control_a_single_signature_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "DUAL", frozenset())
    sign(office, submitted(office, "critical"), EVE)
    publish(office)
    assert "went live with {'eve': 'technical'}" in problems(office)


def test_without_revocation_an_approval_that_survives_an_edit_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept(request: ChangeRequest, content: ChangeRequest) -> ChangeRequest:
        return request.model_copy(update={"definition_hash": content.definition_hash})

    monkeypatch.setattr(definitions, "revised", kept)
    monkeypatch.setattr(ChangeRequest, "content_hash", "0" * 64)
    sign(office, submitted(office))
    office.plane.definitions.update(office.call(), kpi(purpose="Other words."), SOURCES)
    office.store.tables[office.tenant]["prod#kpi#SKY-AD-01#1.0.0"]["status"] = "approved"
    publish(office)
    assert "went live with the approvers ('ben',), signed had []" in problems(office)


def test_without_the_guardrail_an_edit_of_what_ran_is_seen(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(guardrails._GUARDS, Guard.NEVER_RAN, lambda _situation: iter(()))
    office.live(kpi())
    office.agreed(Action.UNPUBLISH, "1.0.0")
    office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0")
    office.plane.definitions.update(office.call(), kpi(purpose="Rewritten history."), SOURCES)
    assert "ran and was edited" in problems(office)


def test_without_a_look_at_earlier_calls_a_repetition_is_no_longer_recognised(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    call = office.call()
    office.plane.definitions.create(call, kpi(), SOURCES)
    monkeypatch.setattr(desk, "_repeats", lambda *_: False)
    with pytest.raises(Exception, match="was used for another call"):
        office.plane.definitions.create(call, kpi(), SOURCES)


def test_a_step_that_is_not_in_the_table_is_seen(office: Office) -> None:
    request = submitted(office)
    assert request.state is RequestState.OPEN
    office.store.tables[office.tenant]["prod#kpi#SKY-AD-01#1.0.0"]["status"] = "retired"
    with pytest.raises(Exception, match="cannot approve a version that is retired"):
        sign(office, request)
    office.store.tables[office.tenant]["prod#kpi#SKY-AD-01#1.0.0"]["status"] = "approved"
    office.plane.approvals.withdraw(office.call(), request.request_id)
    from lambdas.domain.control.unit import Put

    row = office.version("1.0.0").row
    assert isinstance(office.store, Watched)
    office.store._watch(Put(row.key, dict(row.values) | {"status": "active"}, 1), "draft")
    assert "went from draft to active" in problems(office)

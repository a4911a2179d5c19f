"""Change requests: who may sign what, and what makes a signature void."""

from __future__ import annotations

import pytest

from lambdas.domain.control.canary import Sample, Subset, Tolerances
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.requests import Choice, RequestState, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import ADA, BEN, CFO, EVE, OPS, SOURCES, TIMER, Office, kpi, reader


@pytest.fixture
def office() -> Office:
    return Office()


def proposed(office: Office, **changes: object) -> str:
    of = kpi(**changes)
    office.plane.definitions.create(office.call(ADA), of, SOURCES)
    return office.plane.approvals.submit(office.call(ADA), of.id, of.contract_version).request_id or ""


def sign(office: Office, request_id: str, who: object, side: Side = Side.TECHNICAL, choice: Choice = Choice.APPROVE) -> None:
    content = office.request(request_id).content_hash
    office.plane.approvals.decide(office.call(who), request_id, choice, side, content)


def refusal(office: Office, request_id: str, who: object, side: Side = Side.TECHNICAL) -> KpiError:
    before = len(office.events)
    with pytest.raises(KpiError) as refused:
        sign(office, request_id, who, side)
    assert len(office.events) == before, "a refusal is no admin action"
    return refused.value


def test_one_signature_is_enough_below_high_criticality(office: Office) -> None:
    request_id = proposed(office, criticality="medium")
    sign(office, request_id, BEN)
    assert office.request(request_id).state is RequestState.APPROVED


@pytest.mark.parametrize("level", ["high", "critical"])
def test_high_criticality_needs_business_and_technology_by_two_people(office: Office, level: str) -> None:
    request_id = proposed(office, criticality=level)
    sign(office, request_id, BEN, Side.BUSINESS)
    assert office.request(request_id).missing == ("technical sign-off",)
    assert "has signed request" in refusal(office, request_id, BEN, Side.TECHNICAL).message
    sign(office, request_id, EVE, Side.BUSINESS)
    assert office.request(request_id).state is RequestState.OPEN, "two business signatures are not a technical one"
    sign(office, request_id, OPS, Side.TECHNICAL)
    assert office.request(request_id).state is RequestState.APPROVED


def test_nobody_signs_what_they_asked_for_or_wrote(office: Office) -> None:
    request_id = proposed(office)
    office.plane.definitions.update(office.call(BEN), kpi(purpose="Ben's words."), SOURCES)
    assert refusal(office, request_id, ADA).code is ErrorCode.POLICY_DENY
    assert "wrote its content" in refusal(office, request_id, BEN).message
    sign(office, request_id, EVE)
    assert office.request(request_id).approvers == ("eve",)


def test_readers_and_the_system_do_not_sign(office: Office) -> None:
    request_id = proposed(office)
    for who in (CFO, TIMER):
        assert refusal(office, request_id, who).code is ErrorCode.POLICY_DENY


def test_lowering_the_criticality_does_not_spare_a_signature(office: Office) -> None:
    office.live(kpi("1.0.0", criticality="critical"))
    request_id = proposed(office, version="1.0.1", criticality="low")
    sign(office, request_id, BEN)
    assert office.request(request_id).missing == ("business sign-off",)


def test_an_edit_revokes_approvals_and_the_old_content_can_no_longer_be_signed(office: Office) -> None:
    request_id = proposed(office)
    seen = office.request(request_id).content_hash
    sign(office, request_id, BEN)
    assert office.status("1.0.0") == "approved"
    edit = office.plane.definitions.update(office.call(ADA), kpi(purpose="Something else."), SOURCES)
    assert edit.details["revoked_approvals"] is True
    assert office.status("1.0.0") == "proposed"
    assert office.request(request_id).approvals == ()
    with pytest.raises(KpiError, match="lacks one signature"):
        office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    with pytest.raises(KpiError, match="other content now"):
        office.plane.approvals.decide(office.call(BEN), request_id, Choice.APPROVE, Side.TECHNICAL, seen)
    office.plane.definitions.update(office.call(ADA), kpi(), SOURCES)
    assert office.request(request_id).approvals == (), "going back to the signed words does not bring the signature back"


def test_a_rejection_returns_the_version_to_draft_and_lets_others_ask(office: Office) -> None:
    request_id = proposed(office)
    sign(office, request_id, BEN, choice=Choice.REJECT)
    assert (office.status("1.0.0"), office.request(request_id).state) == ("draft", RequestState.REJECTED)
    assert office.actions[-1] == "kpi.reject"
    assert "only an open request" in refusal(office, request_id, EVE).message
    office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0")


def test_requests_on_one_kpi_come_one_after_the_other(office: Office) -> None:
    request_id = proposed(office)
    office.plane.definitions.create(office.call(), kpi("1.0.1"), SOURCES)
    with pytest.raises(KpiError, match=f"has the open request {request_id} to publish 1.0.0"):
        office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.1")
    office.plane.approvals.withdraw(office.call(), request_id)
    assert office.status("1.0.0") == "draft"
    office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.1")


def test_a_request_nobody_decides_on_expires(office: Office) -> None:
    office.policies["prod"] = Policy(request_expires="3d")
    request_id = proposed(office)
    assert office.plane.approvals.sweep(office.call(TIMER)) == []
    office.later(days=3)
    assert "expired" in refusal(office, request_id, BEN).message
    assert [event.action for event in office.plane.approvals.sweep(office.call(TIMER))] == ["kpi.expire"]
    assert (office.status("1.0.0"), office.request(request_id).state) == ("draft", RequestState.EXPIRED)
    assert office.plane.approvals.sweep(office.call(TIMER)) == []


def test_an_approval_that_is_not_used_in_time_returns_the_request_to_open(office: Office) -> None:
    office.policies["prod"] = Policy(publish_within="2d")
    request_id = proposed(office)
    sign(office, request_id, BEN)
    office.later(days=2)
    with pytest.raises(KpiError, match="must be signed again"):
        office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    assert [event.action for event in office.plane.approvals.sweep(office.call(TIMER))] == ["kpi.reopen"]
    request = office.request(request_id)
    assert (request.state, request.approvals, office.status("1.0.0")) == (RequestState.OPEN, (), "proposed")
    sign(office, request_id, BEN)
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")


def test_a_signature_for_one_action_is_none_for_another(office: Office) -> None:
    office.live(kpi())
    office.agreed(Action.DEPRECATE, "1.0.0")
    with pytest.raises(KpiError, match="is about to deprecate, not to unpublish"):
        office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0")
    office.plane.removal.deprecate(office.call(), "SKY-AD-01", "1.0.0")
    with pytest.raises(KpiError, match="needs an approved change request"):
        office.plane.removal.retire(office.call(), "SKY-AD-01", "1.0.0")


def test_the_request_tells_what_changes_and_whom_it_touches(office: Office) -> None:
    office.live(kpi(reports=[{"frequency": "daily", "recipients": ["cfo-office"]}]))
    office.live(reader())
    rules = [{"id": "aligned", "check": "verdict_alignment", "severity": "warn"}, {"id": "plausible", "check": "value_range", "min": -90}]
    request = office.request(proposed(office, version="1.1.0", post_validation=rules))
    assert {difference.path for difference in request.diff} == {
        "contract_version",
        "post_validation[aligned].severity",
        "post_validation[plausible]",
        "reports",
    }
    assert request.impact.downstream == ("SKY-RT-01",)
    assert request.impact.tenants == ("skyway",)
    assert request.justification == "because it is better"


def test_a_request_of_another_environment_is_not_found(office: Office) -> None:
    request_id = proposed(office)
    with pytest.raises(KpiError, match=f"no request {request_id} in dev"):
        office.plane.approvals.withdraw(office.call(env="dev"), request_id)


def test_a_promotion_cannot_be_submitted_around_its_gates(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    for action in (Action.PROMOTE, Action.EDIT, Action.RESTORE):
        with pytest.raises(KpiError, match="asked for in another way"):
            office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0", action)


def test_the_impact_goes_through_every_reader_and_its_readers_but_not_through_text_that_looks_like_one(office: Office) -> None:
    office.live(kpi())
    office.live(reader())
    office.live(reader(id="SKY-RT-02", sources=[{"kpi": "SKY-RT-01", "as": "a"}]))
    office.live(kpi(id="SKY-AD-02", parent="SKY-AD-01", variant_label="Freight"))
    office.live(kpi(id="SKY-AD-03", purpose='Not "kpi":"SKY-AD-01" and no "parent":"SKY-AD-01" either.'))
    request = office.request(proposed(office, version="1.0.1"))
    assert request.impact.downstream == ("SKY-RT-01", "SKY-RT-02")
    assert request.impact.variants == ("SKY-AD-02",)
    assert request.impact.totals == {"downstream": 2, "variants": 1, "consumers": 1, "reports": 0, "tenants": 1}


def test_an_amendment_of_a_version_that_does_not_run_keeps_its_authors_from_signing(office: Office) -> None:
    office.live(kpi())
    office.approved(kpi("2.0.0", purpose="What ada wrote."))
    office.plane.rollouts.start(office.call(), "SKY-AD-01", "2.0.0", Subset(entities=("JFK",)), Tolerances(min_periods=1, min_samples=1))
    office.plane.rollouts.advance(office.call(), "SKY-AD-01", [Sample("2026-01-01", "JFK", Value(5.0), Value(50.0))])
    latency = {"sla": [{"type": "latency", "target": "9m", "grace": "1m"}]}
    amended = office.plane.definitions.amend(office.call(EVE), "SKY-AD-01", "2.0.0", latency)
    asked = office.plane.approvals.submit(office.call(EVE), "SKY-AD-01", str(amended.details["version"]))
    with pytest.raises(KpiError, match=r"ada asked for request .* or wrote its content"):
        office.sign(asked, by=(ADA,))
    office.sign(asked, by=(BEN,))


def test_an_amendment_of_what_runs_is_only_the_work_of_who_made_it(office: Office) -> None:
    office.live(kpi())
    latency = {"sla": [{"type": "latency", "target": "9m", "grace": "1m"}]}
    amended = office.plane.definitions.amend(office.call(EVE), "SKY-AD-01", "1.0.0", latency)
    asked = office.plane.approvals.submit(office.call(EVE), "SKY-AD-01", str(amended.details["version"]))
    office.sign(asked, by=(ADA,))

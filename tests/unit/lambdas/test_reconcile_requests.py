"""Packs that need a sign-off: drafts and requests as a person would write them, asked for once, never over what ran."""

from __future__ import annotations

import pytest

from kpis.schema import Kpi, Source
from lambdas.domain.control.requests import RequestState
from lambdas.domain.control.states import Action
from tests.unit.lambdas.control.office import ADA, BEN, Office, kpi, reader
from tests.unit.lambdas.memory import FLIGHTS
from tests.unit.lambdas.test_reconcile import better, imported


@pytest.fixture
def strict() -> Office:
    """A tenant with the rules of the product."""
    return Office()


def test_onboarding_in_production_needs_no_request(strict: Office) -> None:
    assert imported(strict, kpi(), reader()).created == ["SKY-AD-01 1.0.0", "SKY-RT-01 1.0.0"]
    assert strict.running() == "1.0.0"


def test_afterwards_a_changed_pack_becomes_a_draft_and_a_request_in_production(strict: Office) -> None:
    imported(strict, kpi())
    report = imported(strict, better())
    assert (report.requested, report.updated) == (["SKY-AD-01 2.0.0"], [])
    assert (strict.running(), strict.status("2.0.0")) == ("1.0.0", "proposed")
    create, submit = strict.events[-2:]
    assert [(each.action, each.actor.subject, each.actor.role) for each in (create, submit)] == [
        ("kpi.create", "reconciler", "packs"),
        ("kpi.submit", "reconciler", "packs"),
    ]
    strict.sign(submit)
    strict.plane.publishing.publish(strict.call(), "SKY-AD-01", "2.0.0")
    assert strict.running() == "2.0.0"
    assert not imported(strict, better()).any


def test_a_request_is_opened_once_however_often_the_packs_are_deployed(strict: Office) -> None:
    imported(strict, kpi())
    imported(strict, better())
    before = strict.store.commits
    for bundle in ("sha", "another"):
        assert not imported(strict, better(), bundle=bundle).any
    assert strict.store.commits == before


def test_a_request_that_was_rejected_is_not_asked_for_again(strict: Office) -> None:
    imported(strict, kpi())
    imported(strict, better())
    strict.plane.approvals.withdraw(strict.call(), strict.events[-1].request_id or "")
    before = strict.store.commits
    assert not imported(strict, better()).any
    assert (strict.status("2.0.0"), strict.store.commits) == ("draft", before)


def test_a_draft_whose_request_was_not_written_gets_it_with_the_next_deployment(strict: Office) -> None:
    imported(strict, kpi())
    strict.store.faults = ["", "before"]
    with pytest.raises(TimeoutError):
        imported(strict, better())
    assert strict.status("2.0.0") == "draft"
    assert imported(strict, better()).requested == ["SKY-AD-01 2.0.0"]
    assert strict.status("2.0.0") == "proposed"


def test_a_pack_that_is_corrected_corrects_its_request_and_revokes_signatures(strict: Office) -> None:
    imported(strict, kpi(criticality="high"))
    imported(strict, better(criticality="high"))
    asked = strict.events[-1]
    strict.sign(asked, by=(BEN,))
    assert imported(strict, better(purpose="Mean delay of all arrivals.", criticality="high")).requested
    request = strict.request(asked)
    assert (request.state, request.approvals) == (RequestState.OPEN, ())
    assert strict.version("2.0.0").kpi.purpose == "Mean delay of all arrivals."


def test_a_pack_that_goes_to_and_fro_is_followed_every_time(strict: Office) -> None:
    imported(strict, kpi())
    texts = ["Mean delay, one.", "Mean delay, two."] * 3
    for text in texts:
        imported(strict, better(purpose=text))
        assert strict.version("2.0.0").kpi.purpose == text


def test_changed_content_under_a_version_that_ran_is_left_alone_and_says_what_to_do(strict: Office) -> None:
    imported(strict, kpi())
    report = imported(strict, better("1.0.0"))
    assert report.left == {"SKY-AD-01 1.0.0": "1.0.0 ran with other content; give the change a new version"}
    assert not report.any


def test_a_dry_run_says_what_would_be_asked_for_and_what_would_be_left_and_writes_nothing(strict: Office) -> None:
    imported(strict, kpi(), kpi(id="SKY-AD-02"), kpi(id="SKY-AD-03"))
    before = strict.store.commits
    packs = [better(), better("1.0.0", id="SKY-AD-02")]
    plan = imported(strict, *packs, dry_run=True)
    assert (plan.requested, list(plan.left), strict.store.commits) == (["SKY-AD-01 2.0.0", "SKY-AD-03"], ["SKY-AD-02 1.0.0"], before)
    done = imported(strict, *packs)
    assert (done.requested, done.left) == (plan.requested, plan.left)
    assert not imported(strict, *packs, dry_run=True).requested


def test_a_draft_that_a_person_wrote_is_not_overwritten(strict: Office) -> None:
    imported(strict, kpi())
    strict.plane.definitions.create(strict.call(ADA), better(), {"GDP_Flights": Source.model_validate(FLIGHTS)})
    report = imported(strict, better(purpose="Something else."))
    assert "written by a person" in report.left["SKY-AD-01 2.0.0"]
    assert strict.version("2.0.0").kpi.purpose == "Mean delay of arrivals."


def test_what_the_guardrails_refuse_is_told_and_holds_up_nothing_else(strict: Office) -> None:
    imported(strict, kpi())
    report = imported(strict, better(sla=[]), kpi(id="SKY-AD-02"), bundle="the next")
    assert "no SLA" in report.left["SKY-AD-01 2.0.0"]
    assert report.requested == ["SKY-AD-02 1.0.0"]


def test_a_kpi_that_left_the_packs_is_asked_to_be_deprecated_once(strict: Office) -> None:
    imported(strict, kpi())
    assert imported(strict).requested == ["SKY-AD-01"]
    assert strict.running() == "1.0.0"
    assert strict.request(strict.events[-1]).action is Action.DEPRECATE
    assert not imported(strict).any


def test_outside_production_packs_are_imported_directly(strict: Office) -> None:
    of, changed = kpi(environments=["dev", "prod"]), better(environments=["dev", "prod"])
    imported(strict, of, env="dev")
    assert imported(strict, changed, env="dev").updated == ["SKY-AD-01 2.0.0"]


def many(count: int) -> list[Kpi]:
    return [kpi(id=f"SKY-AD-{number:02}") for number in range(1, count + 1)]


def test_an_onboarding_that_broke_off_in_the_middle_is_finished_by_repeating_it_without_any_request(strict: Office) -> None:
    begun = many(60)
    strict.store.faults = ["", "before"]
    with pytest.raises(TimeoutError):
        imported(strict, *begun)
    assert (strict.running("SKY-AD-01"), strict.running("SKY-AD-60")) == ("1.0.0", None)
    again = imported(strict, *begun)
    assert (again.requested, again.left) == ([], {})
    assert strict.running("SKY-AD-60") == "1.0.0"
    assert not imported(strict, *begun).any


def test_a_bundle_that_came_after_the_one_a_tenant_began_with_is_asked_for(strict: Office) -> None:
    imported(strict, *many(2), bundle="first")
    assert imported(strict, *many(3), bundle="second").requested == ["SKY-AD-03 1.0.0"]

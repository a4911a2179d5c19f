"""The way from one environment to the next has no side door: gates, first environment, and what ran stays what it was (K20, K28 A)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kpis.common import Environment
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.canary import Sample, Subset, Tolerances
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.policy import Gates, Policy
from lambdas.domain.control.requests import Choice, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import BEN, SOURCES, Office, kpi

BOTH = ["stg", "prod"]
KPI = "SKY-AD-01"


@pytest.fixture
def office() -> Office:
    found = Office()
    found.policies["prod"] = Policy(gates=Gates(soak="1h", runs=3, failed_share=0.0))
    return found


def promoted(office: Office) -> AuditEvent:
    return office.plane.publishing.promote(office.call(), KPI, "1.0.0", Environment.STG)


def refused(call: object) -> KpiError:
    with pytest.raises(KpiError) as error:
        call()
    return error.value


def test_a_promotion_that_was_taken_back_is_not_submitted_past_the_gates(office: Office) -> None:
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    office.plane.approvals.withdraw(office.call(), promoted(office).request_id or "")
    office.runs.failed = 5
    assert "at most 0% of them failed" in refused(lambda: promoted(office)).message
    error = refused(lambda: office.plane.approvals.submit(office.call(), KPI, "1.0.0"))
    assert (error.code, "promote it again" in error.message) == (ErrorCode.POLICY_DENY, True)
    assert office.status("1.0.0") == "draft"


def test_a_promotion_that_was_rejected_or_whose_canary_failed_passes_the_gates_again(office: Office) -> None:
    office.live(kpi("0.9.0", environments=["prod"]))
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    request = office.request(promoted(office))
    reject = (office.call(BEN), request.request_id, Choice.REJECT, Side.TECHNICAL, request.content_hash)
    office.plane.approvals.decide(*reject)
    assert "promote it again" in refused(lambda: office.plane.approvals.submit(office.call(), KPI, "1.0.0")).message
    office.sign(promoted(office))
    office.plane.rollouts.start(office.call(), KPI, "1.0.0", Subset(entities=("JFK",)), Tolerances(min_periods=1, min_samples=1))
    office.plane.rollouts.advance(office.call(), KPI, [Sample("2026-01-01", "JFK", Value(5.0), Value(50.0))])
    assert office.status("1.0.0") == "draft"
    assert "promote it again" in refused(lambda: office.plane.approvals.submit(office.call(), KPI, "1.0.0")).message
    promoted(office)
    assert office.status("1.0.0") == "proposed"


def test_a_promoted_version_that_went_live_and_was_unpublished_can_come_back(office: Office) -> None:
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    office.sign(promoted(office))
    office.plane.publishing.publish(office.call(), KPI, "1.0.0")
    for again in (office.plane.approvals.submit, lambda *_: promoted(office), office.plane.approvals.submit):
        office.agreed(Action.UNPUBLISH, "1.0.0")
        office.plane.removal.unpublish(office.call(), KPI, "1.0.0")
        office.sign(again(office.call(), KPI, "1.0.0"))
        office.plane.publishing.publish(office.call(), KPI, "1.0.0")
    assert office.running() == "1.0.0"


def test_an_edit_does_not_bring_a_version_past_its_first_environment(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(environments=["prod"]), SOURCES)
    everywhere = kpi(environments=["dev", "stg", "prod"])
    assert "it lives in dev first" in refused(lambda: office.plane.definitions.update(office.call(), everywhere, SOURCES)).message
    office.plane.approvals.submit(office.call(), KPI, "1.0.0")
    assert "it lives in dev first" in refused(lambda: office.plane.definitions.update(office.call(), everywhere, SOURCES)).message
    assert office.version("1.0.0").kpi.environments == (Environment.PRD,)


def test_a_promotion_does_not_replace_the_content_of_a_version_that_ran(office: Office) -> None:
    office.live(kpi(environments=["prod"]))
    ran = office.version("1.0.0").hash
    office.agreed(Action.UNPUBLISH, "1.0.0")
    office.plane.removal.unpublish(office.call(), KPI, "1.0.0")
    office.live(kpi(environments=BOTH, purpose="Another number under the same version."), env="stg")
    office.later(hours=2)
    error = refused(lambda: promoted(office))
    assert error.code is ErrorCode.CONFLICT
    assert "1.0.0 ran in prod with other content" in error.message
    assert office.version("1.0.0").hash == ran


def test_after_a_rollback_the_version_soaks_anew(office: Office) -> None:
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    office.live(kpi("1.1.0", environments=BOTH, reports=[{"frequency": "daily", "recipients": ["cfo@example.com"]}]), env="stg")
    office.later(hours=2)
    office.plane.recovery.rollback(office.call(env="stg"), KPI)
    assert "ran in stg for 3600 s, found 0" in refused(lambda: promoted(office)).message
    office.later(hours=1)
    promotion = office.request(promoted(office)).promotion
    assert promotion is not None
    assert (promotion.active_since, promotion.seconds_in_source) == ("2026-01-05T13:00:00.000Z", 3600)


def test_a_promotion_whose_time_to_go_live_passed_is_signed_again_only_while_the_gates_pass(office: Office) -> None:
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    asked = promoted(office)
    office.sign(asked)
    office.later(days=8)
    assert [event.action for event in office.plane.approvals.sweep(office.call())] == ["kpi.reopen"]
    office.runs.failed = 5
    request = office.request(asked)
    decide = office.plane.approvals.decide
    business = (request.request_id, Choice.APPROVE, Side.BUSINESS, request.content_hash)
    error = refused(lambda: decide(office.call(BEN), *business))
    assert (error.code, "at most 0% of them failed" in error.message) == (ErrorCode.POLICY_DENY, True)
    assert decide(office.call(BEN), request.request_id, Choice.REJECT, Side.BUSINESS, request.content_hash).action == "kpi.reject"


def test_what_is_signed_again_holds_the_gates_as_they_are_then(office: Office) -> None:
    office.live(kpi(environments=BOTH), env="stg")
    office.later(hours=2)
    asked = promoted(office)
    office.sign(asked)
    office.later(days=8)
    office.plane.approvals.sweep(office.call())
    office.sign(asked)
    promotion = office.request(asked).promotion
    assert promotion is not None
    assert promotion.seconds_in_source == timedelta(days=8, hours=2).total_seconds()
    office.plane.publishing.publish(office.call(), KPI, "1.0.0")
    assert office.running() == "1.0.0"

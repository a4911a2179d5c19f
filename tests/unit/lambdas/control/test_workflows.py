"""The admin workflows A to D of K28, told as they are written there."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from kpis.common import Environment, Verdict
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Sample, Subset, Tolerances
from lambdas.domain.control.canary import Side as Value
from lambdas.domain.control.pauses import Banner, Scope, must_prove
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.requests import Choice, RequestState, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import KpiError
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.control.office import ADA, BEN, EVE, OPS, SOURCES, TIMER, Office, kpi, reader


@pytest.fixture
def office() -> Office:
    return Office()


def agreeing(count: int = 4) -> list[Sample]:
    same = Value(5.0, Verdict.ADEQUATE)
    return [Sample(f"2026-01-{day:02d}", "JFK", same, same) for day in range(1, count + 1)]


def test_workflow_a_a_new_version_goes_from_draft_through_approval_and_canary_to_everyone(office: Office) -> None:
    office.live(kpi("1.0.0", criticality="critical"))
    office.live(reader())
    plane, before = office.plane, len(office.events)

    # 1. Author a definition and submit it for approval.
    better = kpi("2.0.0", criticality="critical", purpose="Mean delay, cancelled flights left out.")
    plane.definitions.create(office.call(ADA), better, SOURCES)
    assert office.status("2.0.0") == "draft"
    asked = plane.approvals.submit(office.call(ADA, reason="cancelled flights distorted it"), "SKY-AD-01", "2.0.0")

    # 2. Its sources and rules were checked, and the impact is known.
    request = office.request(asked)
    assert office.status("2.0.0") == "proposed"
    assert request.impact.downstream == ("SKY-RT-01",)
    assert "dashboard: Operations daily" in request.impact.consumers
    assert [difference.path for difference in request.diff] == ["contract_version", "purpose"]

    # 3. Business and technology sign off, and only then it can be published, first as a canary.
    plane.approvals.decide(office.call(BEN), request.request_id, Choice.APPROVE, Side.BUSINESS, request.content_hash)
    with pytest.raises(KpiError, match="technical sign-off"):
        plane.publishing.publish(office.call(ADA), "SKY-AD-01", "2.0.0")
    plane.approvals.decide(office.call(EVE), request.request_id, Choice.APPROVE, Side.TECHNICAL, request.content_hash)
    assert office.status("2.0.0") == "approved"

    # 4. Monitor with a canary, then roll out to everyone.
    tolerances = Tolerances(min_periods=3, min_samples=3)
    plane.rollouts.start(office.call(ADA), "SKY-AD-01", "2.0.0", Subset(entities=("JFK",)), tolerances)
    assert office.running() == "1.0.0"
    rolled_out = plane.rollouts.advance(office.call(TIMER), "SKY-AD-01", agreeing())
    assert office.running() == "2.0.0"
    assert (office.status("2.0.0"), office.status("1.0.0")) == ("active", "deprecated")
    assert rolled_out.approvers == ("ben", "eve")
    assert office.request(asked).state is RequestState.DONE
    assert office.row(keys.open_request("prod", "SKY-AD-01")) is None
    assert office.actions[before:] == [
        "kpi.create",
        "kpi.submit",
        "kpi.approve",
        "kpi.approve",
        "kpi.canary_start",
        "kpi.canary_promote",
    ]
    assert office.chain_holds()


def test_workflow_a_a_version_is_promoted_from_dev_over_staging_to_production(office: Office) -> None:
    everywhere = kpi(environments=["dev", "stg", "prod"])
    office.live(everywhere, env="dev")
    before = Environment.DEV
    for env in ("stg", "prod"):
        with pytest.raises(KpiError, match=f"ran in {before} for 86400 s"):
            office.plane.publishing.promote(office.call(env=env), "SKY-AD-01", "1.0.0", before)
        office.later(days=2)
        asked = office.plane.publishing.promote(office.call(env=env), "SKY-AD-01", "1.0.0", before)
        assert office.status("1.0.0", env=env) == "proposed"
        promotion = office.request(asked).promotion
        assert promotion is not None
        assert promotion.source is before
        assert promotion.seconds_in_source == 172_800
        assert all(gate.passed for gate in promotion.gates)
        office.sign(asked, env=env)
        office.later(hours=1)
        published = office.plane.publishing.publish(office.call(env=env), "SKY-AD-01", "1.0.0")
        assert published.details["seconds_since_submitted"] == 3600
        assert published.details["promoted_from"] == before
        assert office.running(env=env) == "1.0.0"
        before = Environment(env)
    assert len({office.version("1.0.0", env=env).hash for env in ("dev", "stg", "prod")}) == 1, "what was tried is what runs"
    assert office.chain_holds()


def test_workflow_b_a_kpi_is_paused_for_maintenance_and_must_prove_itself_when_it_is_back(office: Office) -> None:
    office.live(kpi())
    scope, plane = Scope(kpi_id="SKY-AD-01"), office.plane

    # 1. An admin pauses the KPI.
    eta = iso(office.clock.now() + timedelta(hours=3))
    banner = Banner(text="The flight feed moves to another warehouse", eta=eta)
    plane.pausing.pause(office.call(reason="warehouse migration"), scope, banner=banner)

    # 2. The scheduler skips runs, dashboards show the badge.
    pause = office.paused()
    assert pause is not None
    assert (pause.reason, pause.banner) == ("warehouse migration", banner)
    assert office.paused(entity="JFK") == pause
    assert office.paused("SKY-RT-01") is None

    # 3. The fix is there: resume, and post-validation is enforced on the first run.
    office.later(hours=2)
    plane.pausing.resume(office.call(reason="migrated"), scope)
    assert office.paused() is None
    last_run = office.clock.now() - timedelta(hours=5)
    office.later(minutes=10)
    rows = [*office.store.rows(office.tenant, keys.pauses("prod"))]
    assert must_prove(rows, "SKY-AD-01", last_run, office.clock.now())
    assert not must_prove(rows, "SKY-AD-01", office.clock.now() - timedelta(minutes=5), office.clock.now()), "proven by a run since"
    assert office.actions[-2:] == ["kpi.maintenance", "kpi.resume"]
    assert office.chain_holds()


def test_workflow_c_a_bad_version_is_rolled_back_to_the_last_healthy_one_with_a_snapshot(office: Office) -> None:
    for number, purpose in (("1.0.0", "First."), ("2.0.0", "Second."), ("3.0.0", "Third.")):
        office.live(kpi(number, purpose=purpose))
    office.runs.sick = {"3.0.0", "2.0.0"}

    # 1. An issue is detected: one click.
    event = office.plane.recovery.rollback(office.call(OPS, reason="negative delays delivered"), "SKY-AD-01")
    assert office.running() == "1.0.0", "2.0.0 was not healthy either"
    assert (office.status("1.0.0"), office.status("3.0.0")) == ("active", "deprecated")

    # 2. Alerts are routed, the log has the event.
    assert event.action == "kpi.rollback"
    assert event.details["notify"] == ["page", "owners", "consumers"]
    assert event.actor.acting_for

    # 3. The post-mortem has runs, failures and rules.
    row = office.row(str(event.details["post_mortem"]))
    assert row is not None
    snapshot = json.loads(row.text("snapshot"))
    assert snapshot["runs"] == ["SKY-AD-01 3.0.0 failed"]
    assert snapshot["failures"] == ["VALIDATION_FAIL_POST"]
    assert snapshot["rules"] == ["aligned"]
    with pytest.raises(KpiError, match="no earlier version is known"):
        office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert office.chain_holds()


def test_workflow_d_a_kpi_is_deprecated_and_retired_after_the_grace(office: Office) -> None:
    office.policies["prod"] = Policy(grace="30d")
    office.live(kpi())
    office.live(reader())

    # 1. Mark it deprecated: consumers are warned, it runs on.
    office.agreed(Action.DEPRECATE, "1.0.0")
    warned = office.plane.removal.deprecate(office.call(), "SKY-AD-01", "1.0.0")
    assert warned.details["consumers"] == ["dashboard: Operations daily"]
    assert "consumers" in warned.details["notify"]
    assert (office.status("1.0.0"), office.running()) == ("deprecated", "1.0.0")

    # 2. After the grace, and when nobody reads it any more, retire it and archive its lineage and mappings.
    office.agreed(Action.RETIRE, "1.0.0")
    with pytest.raises(KpiError, match="promised it until"):
        office.plane.removal.retire(office.call(), "SKY-AD-01", "1.0.0")
    office.later(days=31)
    office.plane.approvals.sweep(office.call(TIMER))
    office.agreed(Action.RETIRE, "1.0.0")
    with pytest.raises(KpiError, match="SKY-RT-01 read it"):
        office.plane.removal.retire(office.call(), "SKY-AD-01", "1.0.0")
    office.agreed(Action.UNPUBLISH, "1.0.0", "SKY-RT-01")
    office.plane.removal.unpublish(office.call(), "SKY-RT-01", "1.0.0")
    retired = office.plane.removal.retire(office.call(), "SKY-AD-01", "1.0.0")
    assert (office.status("1.0.0"), office.running()) == ("retired", None)
    archive = office.row(str(retired.details["archive"]))
    assert archive is not None
    content = json.loads(archive.text("archive"))
    assert content["golden_data"] == {"GDP_Flights": ["delay", "flight_date", "loaded_at", "origin"]}
    assert content["consumers"] == ["dashboard: Operations daily"]
    assert office.version("1.0.0").kpi.purpose == "Mean delay.", "contracts are archived, never deleted"
    assert office.chain_holds()

"""The guardrails of K31: each refuses what it is for, by name, and lets the rest pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kpis.common import Environment
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Subset, Tolerances
from lambdas.domain.control.policy import ChangeWindow, Freeze, Gates, Policy
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import ADA, OPS, SOURCES, TIMER, Office, kpi, reader

WEEKDAY_MORNINGS = Policy(windows=(ChangeWindow(days=(0, 1, 2, 3, 4), start="08:00", end="12:00"),))


@pytest.fixture
def office() -> Office:
    return Office()


def refused(call: object) -> str:
    with pytest.raises(KpiError) as error:
        call()
    assert error.value.code is ErrorCode.POLICY_DENY
    return error.value.message


def submit(office: Office, version: str, kpi_id: str = "SKY-AD-01") -> str:
    return refused(lambda: office.plane.approvals.submit(office.call(), kpi_id, version))


@pytest.mark.parametrize(("missing", "guard"), [("sla", "has_sla"), ("pre_validation", "has_rules"), ("post_validation", "has_rules")])
def test_without_sla_or_rules_nothing_is_submitted(office: Office, missing: str, guard: str) -> None:
    office.plane.definitions.create(office.call(), kpi(**{missing: []}), SOURCES)
    assert guard in submit(office, "1.0.0")
    assert office.status("1.0.0") == "draft"


def test_rules_cannot_be_edited_away_once_proposed(office: Office) -> None:
    office.approved(kpi())
    assert "has_rules" in refused(lambda: office.plane.definitions.update(office.call(), kpi(post_validation=[]), SOURCES))
    assert office.status("1.0.0") == "approved", "what was refused changed nothing"


def test_the_version_must_tell_what_changed(office: Office) -> None:
    office.live(kpi())
    office.plane.definitions.create(office.call(), kpi("1.0.1", purpose="Another meaning."), SOURCES)
    assert "purpose changed since 1.0.0, which needs a major version" in submit(office, "1.0.1")
    office.plane.definitions.create(office.call(), kpi("2.0.0", purpose="Another meaning."), SOURCES)
    office.plane.approvals.submit(office.call(), "SKY-AD-01", "2.0.0")


def test_versions_only_go_up_even_when_nothing_runs_any_more(office: Office) -> None:
    office.live(kpi("2.0.0"))
    office.agreed(Action.UNPUBLISH, "2.0.0")
    office.plane.removal.unpublish(office.call(), "SKY-AD-01", "2.0.0")
    office.plane.definitions.create(office.call(), kpi("1.5.0"), SOURCES)
    assert "versions only go up" in submit(office, "1.5.0")


def test_an_unpublished_version_can_be_published_again_but_not_edited(office: Office) -> None:
    office.live(kpi())
    office.agreed(Action.UNPUBLISH, "1.0.0")
    office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0")
    assert (office.running(), office.status("1.0.0")) == (None, "draft")
    assert "never_ran" in refused(lambda: office.plane.definitions.update(office.call(), kpi(purpose="Other."), SOURCES))
    office.sign(office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0"))
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    assert office.running() == "1.0.0"


def test_upstreams_must_run_and_what_is_read_must_not_be_taken_away(office: Office) -> None:
    office.approved(reader())
    publish = office.plane.publishing.publish
    assert "upstreams_active: it reads SKY-AD-01" in refused(lambda: publish(office.call(), "SKY-RT-01", "1.0.0"))
    office.live(kpi())
    publish(office.call(), "SKY-RT-01", "1.0.0")
    office.agreed(Action.UNPUBLISH, "1.0.0")
    assert "no_readers: SKY-RT-01" in refused(lambda: office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0"))


def test_a_version_others_pin_cannot_be_retired_though_a_newer_one_runs(office: Office) -> None:
    office.live(kpi())
    office.live(reader(sources=[{"kpi": "SKY-AD-01", "as": "a", "version": "1.0.0"}]))
    office.live(kpi("2.0.0", purpose="New."))
    office.agreed(Action.RETIRE, "1.0.0")
    message = refused(lambda: office.plane.removal.retire(office.call(), "SKY-AD-01", "1.0.0"))
    assert "SKY-RT-01 read exactly this version" in message


def test_a_definition_must_be_of_the_tenant_and_its_sources_declared(office: Office) -> None:
    create = office.plane.definitions.create
    assert "not for skyway" in refused(lambda: create(office.call(), kpi(tenants=["acme"]), SOURCES))
    assert "not for prod" in refused(lambda: create(office.call(), kpi(environments=["dev"]), SOURCES))
    assert "not a declared source" in refused(lambda: create(office.call(), kpi(), {}))
    odd = kpi(sources=[{"gdp": "GDP_Flights", "attributes": ["wings"]}])
    assert "it reads wings of GDP_Flights" in refused(lambda: create(office.call(), odd, SOURCES))
    assert office.events == []


def test_what_the_judge_objects_to_is_refused(office: Office) -> None:
    plane = type(office.plane)(
        office.store, office.clock, office._id, office.plane.policy, office.runs, judge=lambda of, _sources: [f"the SQL of {of.id} writes"]
    )
    assert "sound: the SQL of SKY-AD-01 writes" in refused(lambda: plane.definitions.create(office.call(), kpi(), SOURCES))


def test_a_kpi_that_lives_in_dev_is_not_created_in_prod(office: Office) -> None:
    of = kpi(environments=["dev", "prod"])
    assert "it lives in dev first" in refused(lambda: office.plane.definitions.create(office.call(), of, SOURCES))
    office.live(of, env="dev")
    with pytest.raises(KpiError, match="it cannot be promoted from dev to stg"):
        office.plane.publishing.promote(office.call(env="stg"), "SKY-AD-01", "1.0.0", Environment.DEV)


@pytest.mark.parametrize(
    ("runs", "failed", "gate"), [(2, 0, "has at least 3 runs in dev, found 2"), (10, 1, "at most 0% of them failed, found 0.1")]
)
def test_a_promotion_names_the_gate_that_did_not_pass(office: Office, runs: int, failed: int, gate: str) -> None:
    office.live(kpi(environments=["dev", "prod"]), env="dev")
    office.later(days=3)
    office.runs.runs, office.runs.failed = runs, failed
    assert gate in refused(lambda: office.plane.publishing.promote(office.call(), "SKY-AD-01", "1.0.0", Environment.DEV))
    office.policies["prod"] = Policy(gates=Gates(soak="1h", runs=0, failed_share=0.5))
    office.plane.publishing.promote(office.call(), "SKY-AD-01", "1.0.0", Environment.DEV)


def test_a_promoted_version_is_changed_where_it_was_written(office: Office) -> None:
    of = kpi(environments=["dev", "prod"])
    office.live(of, env="dev")
    office.later(days=3)
    office.plane.publishing.promote(office.call(), "SKY-AD-01", "1.0.0", Environment.DEV)
    other = kpi(environments=["dev", "prod"], purpose="Only in prod.")
    assert "promoted from dev" in refused(lambda: office.plane.definitions.update(office.call(), other, SOURCES))


def test_outside_the_change_window_a_publication_waits_and_then_goes_live(office: Office) -> None:
    office.policies["prod"] = WEEKDAY_MORNINGS
    asked = office.approved(kpi())
    office.later(hours=6)
    assert "nobody asked yet" in refused(lambda: office.plane.publishing.publish(office.call(TIMER), "SKY-AD-01", "1.0.0"))
    waits = office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    assert (waits.action, waits.details["waits_until"]) == ("kpi.publish_waits", "2026-01-06T08:00:00.000Z")
    assert office.running() is None
    assert office.plane.approvals.due(office.call(TIMER)) == []
    office.later(hours=18)
    assert [request.request_id for request in office.plane.approvals.due(office.call(TIMER))] == [asked.request_id]
    (event,) = office.plane.carry_on(office.call(TIMER)).done
    assert (event.action, office.running(), event.approvers) == ("kpi.publish", "1.0.0", ("ben",))
    assert office.plane.carry_on(office.call(TIMER)).done == ()


@pytest.mark.parametrize("action", [Action.UNPUBLISH, Action.RETIRE])
def test_taking_away_waits_for_the_window_too(office: Office, action: Action) -> None:
    office.policies["prod"] = WEEKDAY_MORNINGS.model_copy(update={"grace": timedelta(0)})
    office.live(kpi())
    removal = office.plane.removal
    if action is Action.RETIRE:
        office.agreed(Action.DEPRECATE, "1.0.0")
        removal.deprecate(office.call(), "SKY-AD-01", "1.0.0")
    office.agreed(action, "1.0.0")
    office.later(hours=6)
    (removal.unpublish if action is Action.UNPUBLISH else removal.retire)(office.call(), "SKY-AD-01", "1.0.0")
    assert (office.actions[-1], office.running()) == (f"kpi.{action}_waits", "1.0.0")
    office.later(hours=18)
    assert [event.action for event in office.plane.carry_on(office.call(TIMER)).done] == [f"kpi.{action}"]
    assert office.running() is None


def test_a_canary_is_not_started_outside_the_window(office: Office) -> None:
    office.live(kpi())
    office.approved(kpi("2.0.0", purpose="New."))
    office.policies["prod"] = WEEKDAY_MORNINGS
    office.later(hours=6)
    start = office.plane.rollouts.start
    assert "in_window" in refused(lambda: start(office.call(), "SKY-AD-01", "2.0.0", Subset(percent=5), Tolerances()))


def test_breaking_the_glass_goes_around_the_window_but_not_around_signatures_and_pages(office: Office) -> None:
    office.policies["prod"] = WEEKDAY_MORNINGS
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    asked = office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0")
    office.later(hours=6)
    reason = "the board meets in an hour and needs the delay"

    def publish(said: str = reason, who: object = ADA) -> object:
        return office.plane.publishing.publish(office.call(who, reason=said), "SKY-AD-01", "1.0.0", break_glass=True)

    assert "lacks one signature" in refused(publish)
    office.sign(asked)
    assert "a reason of 20 characters" in refused(lambda: publish("now"))
    event = publish(who=OPS)
    assert office.running() == "1.0.0"
    assert event.details["break_glass"] is True
    assert "page" in event.details["notify"]


def test_a_window_that_opens_after_the_sign_off_ends_is_said_at_once(office: Office) -> None:
    office.policies["prod"] = Policy(
        windows=WEEKDAY_MORNINGS.windows,
        freezes=(Freeze(start="2026-01-05", until="2026-01-20", reason="closing of the year"),),
    )
    office.approved(kpi())
    assert "no change window opens before 2026-01-12" in refused(
        lambda: office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    )


def test_during_a_canary_its_version_is_not_edited_published_or_withdrawn(office: Office) -> None:
    office.live(kpi())
    asked = office.approved(kpi("2.0.0", purpose="New."))
    plane = office.plane
    plane.rollouts.start(office.call(), "SKY-AD-01", "2.0.0", Subset(percent=5), Tolerances())
    for attempt in (
        lambda: plane.definitions.update(office.call(), kpi("2.0.0", purpose="Newer."), SOURCES),
        lambda: plane.publishing.publish(office.call(), "SKY-AD-01", "2.0.0"),
        lambda: plane.approvals.withdraw(office.call(), asked.request_id or ""),
        lambda: plane.rollouts.start(office.call(), "SKY-AD-01", "2.0.0", Subset(percent=9), Tolerances()),
    ):
        assert "no_canary: a canary of 2.0.0 is under way" in refused(attempt)
    office.later(days=30)
    assert plane.approvals.sweep(office.call(TIMER)) == [], "a request does not run out of time while its canary runs"


def test_deprecating_a_parent_asks_for_a_review_of_its_active_variants(office: Office) -> None:
    office.live(kpi())
    office.live(kpi(id="SKY-AD-02", parent="SKY-AD-01", variant_label="Freight"))
    office.agreed(Action.DEPRECATE, "1.0.0")
    event = office.plane.removal.deprecate(office.call(), "SKY-AD-01", "1.0.0")
    assert event.details["review_variants"] == ["SKY-AD-02"]
    review = office.row(keys.review("prod", "SKY-AD-01"))
    assert review is not None
    assert review.values["variants"] == ["SKY-AD-02"]


def test_a_version_of_the_catalog_import_can_be_managed_like_any_other(office: Office) -> None:
    office.imported(kpi())
    office.live(kpi("1.1.0", extensions=[{"kind": "MoM"}]))
    assert (office.running(), office.status("1.0.0")) == ("1.1.0", "deprecated")
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert office.running() == "1.0.0"


def test_what_starts_a_kpi_by_event_follows_what_runs(office: Office) -> None:
    office.live(kpi(schedule={"frequency": "daily", "trigger": "event", "event": "flights-loaded"}))
    first, second = (keys.trigger("prod", signal, "SKY-AD-01") for signal in ("flights-loaded", "flights-closed"))
    assert office.row(first) is not None
    office.live(kpi("1.0.1", schedule={"frequency": "daily", "trigger": "event", "event": "flights-closed"}))
    assert (office.row(first), office.row(second) is not None) == (None, True)
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert (office.row(first) is not None, office.row(second)) == (True, None)
    office.agreed(Action.UNPUBLISH, "1.0.0")
    office.plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0")
    assert office.row(first) is None


def test_amending_the_schedule_of_what_runs_makes_a_draft_of_the_next_version(office: Office) -> None:
    office.live(kpi())
    amend = office.plane.definitions.amend
    later = {"frequency": "daily", "trigger": "time", "cron": "0 9 * * *", "timezone": "UTC"}
    event = amend(office.call(reason="data comes later"), "SKY-AD-01", "1.0.0", {"schedule": later})
    assert (event.details["version"], event.details["base"]) == ("1.0.1", "1.0.0")
    draft = office.version("1.0.1").kpi
    assert draft.schedule.cron == "0 9 * * *"
    assert draft.change_log[-1].summary == "data comes later"
    stricter = {"post_validation": [{"id": "aligned", "check": "verdict_alignment"}, {"id": "plausible", "check": "value_range", "min": 0}]}
    assert amend(office.call(), "SKY-AD-01", "1.0.0", stricter).details["version"] == "1.1.0"
    assert amend(office.call(), "SKY-AD-01", "1.0.1", {"sla": []}).details["version"] == "1.0.1", "a draft changes in place"
    for parts in (
        {"purpose": "Sneaky."},
        {},
        {"schedule": {"frequency": "hourly", "trigger": "time"}},
        {"schedule": kpi().schedule.model_dump(mode="json", exclude_none=True)},
    ):
        with pytest.raises(KpiError) as error:
            amend(office.call(), "SKY-AD-01", "1.0.0", parts)
        assert error.value.code is ErrorCode.INVALID_INPUT, parts


def test_windows_keep_to_the_clock_of_their_place() -> None:
    from lambdas.domain.control.policy import is_open, next_open

    night = Policy(timezone="America/New_York", windows=(ChangeWindow(days=(5,), start="22:00", end="04:00"),))
    assert is_open(night, datetime(2026, 3, 8, 7, 30, tzinfo=UTC)), "Saturday night until Sunday 4 o'clock, though the clock jumps"
    assert not is_open(night, datetime(2026, 3, 8, 8, 0, tzinfo=UTC)), "it is 4 o'clock in New York at 8 UTC, summer time having begun"
    assert next_open(night, datetime(2026, 3, 8, 8, 0, tzinfo=UTC)) == datetime(2026, 3, 15, 2, 0, tzinfo=UTC)
    frozen = Policy(freezes=(Freeze(start="2026-01-01", until="2026-01-10", reason="close"),))
    assert next_open(frozen, datetime(2026, 1, 5, tzinfo=UTC)) == datetime(2026, 1, 10, tzinfo=UTC)
    never = Policy(freezes=(Freeze(start="2026-01-01", until="2027-01-10", reason="for good"),), windows=WEEKDAY_MORNINGS.windows)
    assert next_open(never, datetime(2026, 1, 5, tzinfo=UTC)) is None


def test_a_rollback_does_not_wait_for_logs_that_are_silent_or_too_talkative(office: Office) -> None:
    office.live(kpi())
    office.live(kpi("1.0.1", lane="heavy"))
    office.live(kpi("1.0.2", lane="heavy", tier=1))

    def silent(*_: object) -> None:
        raise KpiError(ErrorCode.TIMEOUT, "the logs do not answer")

    office.runs.snapshot = silent
    first = office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    office.runs.snapshot = lambda *_: {"runs": ["x" * 100] * 9000, "rules": "y" * 400_000}
    second = office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert office.running() == "1.0.0"
    texts = [office.row(str(event.details["post_mortem"])).text("snapshot") for event in (first, second)]
    assert "the logs do not answer" in texts[0]
    assert '"shortened": true' in texts[1]
    assert len(texts[1]) < 400_000

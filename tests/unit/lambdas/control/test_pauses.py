"""Pauses: what they stop, what they do not, and what is owed when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.common import Severity
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Banner, Pause, Scope, enforced, must_prove, pause_of, paused_entities
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.control.office import ADA, CFO, MONDAY, Office, kpi

WHOLE = Scope(kpi_id="SKY-AD-01")
JFK = Scope(kpi_id="SKY-AD-01", entity="JFK")
EVERYTHING = Scope()


@pytest.fixture
def office() -> Office:
    made = Office()
    made.live(kpi())
    return made


def rows(office: Office) -> list[Row]:
    return [*office.store.rows(office.tenant, keys.pauses("prod"))]


def test_a_paused_entity_stops_neither_the_kpi_nor_other_entities(office: Office) -> None:
    office.plane.pausing.pause(office.call(), JFK)
    assert office.paused(entity="JFK") is not None
    assert office.paused(entity="EWR") is None
    assert office.paused() is None
    assert paused_entities(rows(office), "SKY-AD-01", office.clock.now()) == {"JFK"}


def test_a_global_pause_stops_everything_and_must_end_by_itself(office: Office) -> None:
    pausing = office.plane.pausing
    with pytest.raises(KpiError, match="must end by itself, by 2026-01-06T09:00:00") as refused:
        pausing.pause(office.call(), EVERYTHING)
    assert refused.value.code is ErrorCode.POLICY_DENY
    with pytest.raises(KpiError, match="must end by itself"):
        pausing.pause(office.call(), EVERYTHING, until=office.clock.now() + timedelta(hours=25))
    event = pausing.pause(office.call(), EVERYTHING, until=office.clock.now() + timedelta(hours=4))
    assert (event.object_type, event.object_id) == ("environment", "prod")
    assert office.paused("ANY-KPI-01", "x") is not None
    office.later(hours=4)
    assert office.paused() is None, "it ended without anybody"
    assert must_prove(rows(office), "SKY-AD-01", office.clock.now() - timedelta(hours=5), office.clock.now())


def test_the_widest_pause_speaks(office: Office) -> None:
    pausing = office.plane.pausing
    pausing.pause(office.call(reason="entity"), JFK)
    pausing.pause(office.call(reason="kpi"), WHOLE)
    pausing.pause(office.call(reason="all"), EVERYTHING, until=office.clock.now() + timedelta(hours=1))
    found = office.paused(entity="JFK")
    assert found is not None
    assert found.reason == "all"


def test_a_pause_may_begin_later_and_be_called_off(office: Office) -> None:
    start = office.clock.now() + timedelta(hours=2)
    office.plane.pausing.pause(office.call(), WHOLE, start=start, until=start + timedelta(hours=1))
    assert office.paused() is None
    office.plane.pausing.resume(office.call(), WHOLE)
    office.later(hours=2)
    assert office.paused() is None
    assert not must_prove(rows(office), "SKY-AD-01", None, office.clock.now()), "what never stopped owes nothing"


def test_one_scope_is_paused_once_and_resumed_once(office: Office) -> None:
    pausing = office.plane.pausing
    pausing.pause(office.call(reason="migration"), WHOLE)
    with pytest.raises(KpiError, match=r"is paused since .* \(migration\); resume it first"):
        pausing.pause(office.call(), WHOLE)
    pausing.resume(office.call(), WHOLE)
    with pytest.raises(KpiError, match="is not paused in prod"):
        pausing.resume(office.call(), WHOLE)
    pausing.pause(office.call(), WHOLE)
    assert office.paused() is not None


def test_proof_stays_owed_when_the_next_pause_is_planned_over_the_old_one(office: Office) -> None:
    pausing = office.plane.pausing
    pausing.pause(office.call(), WHOLE)
    office.later(hours=1)
    pausing.resume(office.call(), WHOLE)
    office.later(minutes=1)
    pausing.pause(office.call(), WHOLE, start=office.clock.now() + timedelta(days=1))
    before = MONDAY - timedelta(hours=1)
    assert must_prove(rows(office), "SKY-AD-01", before, office.clock.now())
    assert not must_prove(rows(office), "SKY-AD-01", office.clock.now(), office.clock.now())
    assert not must_prove(rows(office), "SKY-RT-01", before, office.clock.now())


def test_in_a_run_that_must_prove_itself_every_post_rule_stops_the_delivery() -> None:
    rules = [{"id": "aligned", "check": "verdict_alignment", "severity": "warn"}, {"id": "plausible", "check": "value_range", "min": 0}]
    strict = enforced(kpi(post_validation=rules))
    assert {rule.severity for rule in strict.post_validation} == {Severity.ERROR}
    assert [rule.id for rule in strict.post_validation] == ["aligned", "plausible"]


def test_the_banner_can_be_shown_changed_and_taken_away(office: Office) -> None:
    pausing = office.plane.pausing
    with pytest.raises(KpiError, match="pause it with a banner"):
        pausing.maintain(office.call(), WHOLE, Banner(text="soon", eta=iso(MONDAY)))
    pausing.pause(office.call(), WHOLE)
    for banner in (Banner(text="an hour", eta="2026-01-05T10:00:00Z"), Banner(text="longer", eta="2026-01-05T12:00:00Z"), None):
        pausing.maintain(office.call(), WHOLE, banner)
        found = office.paused()
        assert found is not None
        assert found.banner == banner


def test_what_cannot_be_paused_says_why(office: Office) -> None:
    pausing = office.plane.pausing
    with pytest.raises(KpiError) as denied:
        pausing.pause(office.call(CFO), WHOLE)
    assert denied.value.code is ErrorCode.POLICY_DENY
    with pytest.raises(KpiError, match="nothing of SKY-XX-01 runs"):
        pausing.pause(office.call(), Scope(kpi_id="SKY-XX-01"))
    with pytest.raises(KpiError, match="must end after it begins"):
        pausing.pause(office.call(), WHOLE, until=office.clock.now())
    with pytest.raises(ValueError, match="name the KPI"):
        Scope(entity="JFK")


entities = st.none() | st.sampled_from(("JFK", "EWR", "a#b"))
hours = st.integers(0, 20)


@given(
    st.lists(st.tuples(st.none() | st.sampled_from(("SKY-AD-01", "SKY-RT-01")), entities, hours, st.none() | hours, st.none() | hours)),
    hours,
)
def test_a_kpi_runs_exactly_when_no_pause_that_covers_it_holds(
    pauses: list[tuple[str | None, str | None, int, int | None, int | None]], at: int
) -> None:
    def moment(hour: int) -> str:
        return iso(MONDAY + timedelta(hours=hour))

    stored: list[Row] = []
    stopped = False
    for kpi_id, entity, start, until, ended in pauses:
        scope = Scope(kpi_id=kpi_id, entity=entity if kpi_id else None)
        pause = Pause(
            pause_id="p",
            scope=scope,
            start=moment(start),
            until=moment(until) if until is not None else None,
            ended_at=moment(ended) if ended is not None else None,
            reason="r",
            by=ADA,
        )
        stored.append(Row(keys.pause("prod", scope.key), {"pause": pause.model_dump_json()}))
        covers = kpi_id in (None, "SKY-AD-01") and scope.entity in (None, "JFK")
        stopped |= covers and start <= at and all(end is None or at < end for end in (until, ended))
    assert (pause_of(stored, "SKY-AD-01", "JFK", MONDAY + timedelta(hours=at)) is not None) is stopped


@pytest.mark.parametrize(
    "eta", ["soon", "", "2026-13-01", "9999-12-31T23:59:59-14:00", "2026-01-05T08:59:59Z", "x" * 5000], ids=lambda eta: eta[:25]
)
def test_a_banner_says_when_it_is_expected_to_be_over(office: Office, eta: str) -> None:
    pausing, before = office.plane.pausing, len(office.events)
    with pytest.raises(KpiError, match="the ETA of a banner is a moment to come") as begun:
        pausing.pause(office.call(), WHOLE, banner=Banner(text="moving", eta=eta))
    assert begun.value.code is ErrorCode.INVALID_INPUT
    assert len(str(begun.value)) < 300, "what was sent is not sent back whole"
    pausing.pause(office.call(), WHOLE)
    with pytest.raises(KpiError, match="the ETA of a banner is a moment to come"):
        pausing.maintain(office.call(), WHOLE, Banner(text="moving", eta=eta))
    assert len(office.events) == before + 1


def test_the_banner_of_a_pause_that_begins_later_is_over_after_its_beginning(office: Office) -> None:
    start = MONDAY + timedelta(hours=2)
    early, fine = (Banner(text="moving", eta=iso(MONDAY + timedelta(hours=hours))) for hours in (1, 3))
    with pytest.raises(KpiError, match="the ETA of a banner is a moment to come"):
        office.plane.pausing.pause(office.call(), WHOLE, start=start, banner=early)
    office.plane.pausing.pause(office.call(), WHOLE, start=start, banner=fine)
    with pytest.raises(KpiError, match="the ETA of a banner is a moment to come"):
        office.plane.pausing.maintain(office.call(), WHOLE, early)


def test_a_pause_does_not_excuse_what_was_missed_before_it(office: Office) -> None:
    event = office.plane.pausing.pause(office.call(), WHOLE, start=MONDAY - timedelta(days=2), until=MONDAY + timedelta(hours=1))
    assert event.details["start"] == iso(MONDAY)
    rows = list(office.store.rows(office.tenant, keys.pauses("prod")))
    assert pause_of(rows, "SKY-AD-01", None, MONDAY - timedelta(minutes=1)) is None
    assert pause_of(rows, "SKY-AD-01", None, MONDAY) is not None

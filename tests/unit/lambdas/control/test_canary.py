"""Comparing two versions: promotion only on clear evidence, whatever the samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.common import Verdict
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Canary, Outcome, Sample, Side, Subset, Tolerances, assess
from lambdas.domain.control.policy import ChangeWindow, Policy
from lambdas.domain.control.requests import RequestState
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import CFO, TIMER, Office, kpi

STRICT = Tolerances(relative=0.01, min_periods=3, min_samples=6)
GONE = Side(None)
FAILED = Side(None, failed=True)


def side(value: float, verdict: Verdict = Verdict.ADEQUATE) -> Side:
    return Side(value, verdict)


def series(*candidates: Side, baseline: Side | None = None) -> list[Sample]:
    """Samples of two entities a day."""
    return [
        Sample(f"2026-01-{1 + number // 2:02d}", ("JFK", "EWR")[number % 2], baseline or side(100.0), candidate)
        for number, candidate in enumerate(candidates)
    ]


GOOD = [side(100.5)] * 8


@pytest.mark.parametrize(
    ("samples", "outcome", "why"),
    [
        (series(*GOOD), Outcome.PROMOTE, "all 8 samples in 4 periods agree"),
        (series(*GOOD[:4]), Outcome.PAUSE, "too few samples"),
        ([], Outcome.PAUSE, "too few samples"),
        (series(*GOOD[:7], side(150.0)), Outcome.PAUSE, "mixed: 1 of 8 samples disagree"),
        (series(*GOOD[:6], side(150.0), side(20.0)), Outcome.ROLLBACK, "2 of 8 samples disagree"),
        (series(*GOOD[:7], GONE), Outcome.PAUSE, "missing data: 1 of 8"),
        (series(*GOOD[:7], side(math.nan)), Outcome.PAUSE, "missing data: 1 of 8"),
        (series(*GOOD[:7], FAILED), Outcome.PAUSE, "mixed: the candidate failed for 1"),
        (series(*[FAILED] * 8), Outcome.ROLLBACK, "failed for 8 of 8"),
        (series(*[FAILED] * 8, baseline=FAILED), Outcome.PAUSE, "too few samples"),
        (series(*GOOD, baseline=GONE), Outcome.PAUSE, "too few samples"),
        (series(*GOOD[:7], side(100.0, Verdict.LOW)), Outcome.PAUSE, "mixed"),
    ],
)  # fmt: skip
def test_a_comparison_allows(samples: list[Sample], outcome: Outcome, why: str) -> None:
    found = assess(samples, STRICT)
    assert found.outcome is outcome, found
    assert why in found.why


def test_a_small_baseline_is_compared_by_the_absolute_tolerance() -> None:
    samples = series(*[side(0.004)] * 8, baseline=side(0.0))
    assert assess(samples, STRICT).outcome is Outcome.ROLLBACK
    assert assess(samples, STRICT.model_copy(update={"absolute": 0.01})).outcome is Outcome.PROMOTE


def test_a_sample_does_not_count_twice() -> None:
    with pytest.raises(ValueError, match="comes twice"):
        assess([*series(*GOOD), *series(*GOOD)], STRICT)


values = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from((100.0, 100.5, 150.0)))
sides = st.builds(Side, values, st.sampled_from(Verdict), st.booleans())
pairs = st.lists(st.tuples(sides, sides), max_size=12)


@given(pairs)
def test_promotion_means_that_everything_was_there_and_agreed(both: list[tuple[Side, Side]]) -> None:
    samples = [Sample(f"2026-01-{1 + number // 2:02d}", "ab"[number % 2], *pair) for number, pair in enumerate(both)]
    found = assess(samples, STRICT)
    agreeing = [
        sample
        for sample in samples
        if not sample.baseline.failed
        and not sample.candidate.failed
        and sample.baseline.value is not None
        and sample.candidate.value is not None
        and math.isfinite(sample.baseline.value)
        and math.isclose(sample.baseline.value, sample.candidate.value, rel_tol=0.0102)
        and sample.baseline.verdict is sample.candidate.verdict
    ]
    if found.outcome is Outcome.PROMOTE:
        assert len(agreeing) == len(samples) >= STRICT.min_samples
    if found.outcome is Outcome.ROLLBACK:
        assert len(agreeing) < len(samples)
    assert found.worst is None or math.isfinite(found.worst)


@given(st.text(min_size=1, max_size=20), st.floats(0.01, 100), st.floats(0.01, 100))
def test_a_larger_share_keeps_every_entity_of_a_smaller_one(entity: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if Subset(percent=small).contains("SKY-AD-01", entity):
        assert Subset(percent=large).contains("SKY-AD-01", entity)
    assert Subset(percent=100).contains("SKY-AD-01", entity)


def test_a_share_is_about_that_share_of_the_entities_and_another_one_for_another_kpi() -> None:
    entities = [f"airport {number}" for number in range(5000)]
    chosen = {entity for entity in entities if Subset(percent=10).contains("SKY-AD-01", entity)}
    assert 400 < len(chosen) < 600
    assert chosen != {entity for entity in entities if Subset(percent=10).contains("SKY-AD-02", entity)}


def test_a_subset_is_named_or_measured_not_both() -> None:
    for wrong in ({}, {"entities": ("JFK",), "percent": 5}, {"percent": 0}, {"percent": 101}):
        with pytest.raises(ValueError, match=r"canary takes either|greater than 0|less than or equal to 100"):
            Subset.model_validate(wrong)


@pytest.fixture
def office() -> Office:
    made = Office()
    made.live(kpi())
    made.approved(kpi("2.0.0", purpose="New."))
    made.plane.rollouts.start(made.call(), "SKY-AD-01", "2.0.0", Subset(entities=("JFK",)), STRICT)
    return made


def canary(office: Office) -> Canary:
    row = office.row(keys.canary("prod", "SKY-AD-01"))
    assert row is not None
    return Canary.model_validate_json(row.text("canary"))


def test_only_the_subset_runs_the_candidate_and_only_while_the_canary_runs(office: Office) -> None:
    assert (canary(office).runs_candidate("JFK"), canary(office).runs_candidate("EWR")) == (True, False)
    office.plane.rollouts.advance(office.call(TIMER), "SKY-AD-01", [])
    assert not canary(office).runs_candidate("JFK")


def test_doubt_pauses_until_a_person_resumes_or_aborts(office: Office) -> None:
    rollouts = office.plane.rollouts
    event = rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*GOOD[:2]))
    assert (event.action, canary(office).state, office.running()) == ("kpi.canary_pause", "paused", "1.0.0")
    with pytest.raises(KpiError, match="resume or abort it"):
        rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*GOOD))
    rollouts.resume(office.call(), "SKY-AD-01")
    rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*GOOD))
    assert (canary(office).state, office.running()) == ("promoted", "2.0.0")


def test_a_bad_candidate_goes_back_to_draft_and_is_never_edited(office: Office) -> None:
    event = office.plane.rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*[side(9.0)] * 8))
    assert (event.action, office.running(), office.status("2.0.0")) == ("kpi.canary_rollback", "1.0.0", "draft")
    assert office.request(event).state is RequestState.REJECTED
    from tests.unit.lambdas.control.office import SOURCES

    with pytest.raises(KpiError, match="never_ran"):
        office.plane.definitions.update(office.call(), kpi("2.0.0", purpose="Mended."), SOURCES)


def test_an_aborted_canary_leaves_its_version_approved_with_time_to_publish(office: Office) -> None:
    office.later(days=20)
    office.plane.rollouts.abort(office.call(), "SKY-AD-01")
    assert office.status("2.0.0") == "approved"
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "2.0.0")
    assert office.running() == "2.0.0"


def test_a_rollback_aborts_the_canary(office: Office) -> None:
    office.plane.rollouts.abort(office.call(), "SKY-AD-01")
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "2.0.0")
    office.approved(kpi("3.0.0", purpose="Newer."))
    office.plane.rollouts.start(office.call(), "SKY-AD-01", "3.0.0", Subset(percent=50), STRICT)
    office.plane.recovery.rollback(office.call(), "SKY-AD-01")
    assert (canary(office).state, office.running(), office.status("3.0.0")) == ("aborted", "1.0.0", "approved")


def test_good_samples_outside_the_change_window_wait_for_it(office: Office) -> None:
    office.policies["prod"] = Policy(windows=(ChangeWindow(days=(2,), start="08:00", end="12:00"),))
    event = office.plane.rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*GOOD))
    assert (event.action, event.details["waits_until"]) == ("kpi.canary_waits", "2026-01-07T08:00:00.000Z")
    assert (canary(office).state, office.running()) == ("running", "1.0.0")


def test_good_samples_do_not_help_when_a_guardrail_no_longer_holds(office: Office) -> None:
    strange = office.store.tables[office.tenant][keys.active("prod", "SKY-AD-01")]
    strange["contract_version"] = "0.9.0"
    event = office.plane.rollouts.advance(office.call(TIMER), "SKY-AD-01", series(*GOOD))
    assert event.action == "kpi.canary_pause"
    assert event.details["why"] == "the baseline 1.0.0 is no longer what runs"


def test_readers_do_not_steer_and_without_a_canary_there_is_nothing_to_steer(office: Office) -> None:
    rollouts = office.plane.rollouts
    with pytest.raises(KpiError) as denied:
        rollouts.abort(office.call(CFO), "SKY-AD-01")
    assert denied.value.code is ErrorCode.POLICY_DENY
    rollouts.abort(office.call(), "SKY-AD-01")
    with pytest.raises(KpiError, match="no canary under way"):
        rollouts.advance(office.call(TIMER), "SKY-AD-01", [])
    with pytest.raises(KpiError, match="no canary under way"):
        rollouts.resume(office.call(), "SKY-AD-01")

"""Evidence of periods in which a KPI did not run: what was in force then is in it, not what is in force now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.domain.audit.verify import Verified
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode
from tests.unit.lambdas.audit.test_export import KPI, SUBJECT, TUESDAY, World, refused
from tests.unit.lambdas.control.office import kpi


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi("1.0.0"))
    return made


def in_force(world: World) -> list[str]:
    assert isinstance(world.checked(), Verified)
    return [each.contract_version for each in world.gather().definitions]


def test_what_replaced_a_version_after_the_period_is_not_its_evidence(world: World) -> None:
    world.office.later(days=2)
    world.office.live(kpi("2.0.0", purpose="Another."))
    evidence = world.exporter().gather(SUBJECT, TUESDAY + timedelta(days=2))
    assert [each.contract_version for each in evidence.definitions] == ["1.0.0"]


def test_what_replaced_a_version_within_the_period_is(world: World) -> None:
    world.office.later(hours=2)
    world.office.live(kpi("2.0.0", purpose="Another."))
    assert in_force(world) == ["2.0.0"]


def test_of_a_version_that_was_rolled_back_to_the_other_one_is(world: World) -> None:
    world.office.later(hours=1)
    world.office.live(kpi("2.0.0", purpose="Another."))
    world.office.later(hours=1)
    world.office.plane.recovery.rollback(world.office.call(), KPI)
    assert world.office.running() == "1.0.0"
    assert in_force(world) == ["1.0.0"]


def test_a_kpi_that_was_unpublished_and_never_ran_in_the_period_has_evidence_too(world: World) -> None:
    world.office.later(hours=1)
    world.office.agreed(Action.UNPUBLISH, "1.0.0")
    world.office.plane.removal.unpublish(world.office.call(), KPI, "1.0.0")
    assert world.office.running() is None
    assert in_force(world) == ["1.0.0"]
    assert "kpi.unpublish" in {event.action for event in world.gather().events}


def test_a_kpi_that_was_written_and_never_went_live_has_none(world: World) -> None:
    world.office.approved(kpi("1.0.0", id="SKY-NW-01"))
    error = refused(world, replace(SUBJECT, kpi_id="SKY-NW-01"))
    assert error.code is ErrorCode.NOT_FOUND
    assert "SKY-NW-01 has no runs in the period and was not live in prod before its end" in error.message


def test_of_a_period_before_a_kpi_went_live_there_is_none(world: World) -> None:
    world.office.later(days=2)
    world.office.live(kpi("1.0.0", id="SKY-NW-01"))
    subject = replace(SUBJECT, kpi_id="SKY-NW-01")
    assert "was not live in prod before its end" in refused(world, subject, TUESDAY + timedelta(days=2)).message


def test_what_an_import_brought_counts_while_it_runs(world: World) -> None:
    world.office.imported(kpi("1.0.0", id="SKY-IM-01"))
    subject = replace(SUBJECT, kpi_id="SKY-IM-01")
    assert [each.id for each in world.gather(subject).definitions] == ["SKY-IM-01"]

"""Watching tenants: one KPI that cannot be looked at hides no other, and the hour that comes twice hides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.domain.control.unit import Row
from lambdas.domain.deadman import Missed, Watched
from lambdas.domain.errors import KpiError
from lambdas.domain.timestamps import iso
from lambdas.governance import watching as module
from lambdas.governance.watching import Watching
from tests.unit.lambdas.control.office import kpi
from tests.unit.lambdas.governance.rig import Rig
from tests.unit.lambdas.governance.test_ticks import PLACE, World, daily, watching
from tests.unit.lambdas.memory import MemoryBus

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@dataclass
class Ill:
    """A check that fails for some KPIs."""

    fails: set[str]
    looked: list[str] = field(default_factory=list)

    def check(self, watched: Watched, pauses: Sequence[Row]) -> Sequence[Missed]:
        del pauses
        self.looked.append(watched.kpi.id)
        if watched.kpi.id in self.fails:
            raise RuntimeError(f"{watched.kpi.id} cannot be told")
        return []


class Unreadable(World):
    """A catalog in which one definition is of a form that this code does not know."""

    def item(self, tenant_id: str, sort_key: str) -> dict[str, Any] | None:
        row = super().item(tenant_id, sort_key)
        return row | {"definition": "{}"} if row is not None and "#SKY-AD-09#" in sort_key else row


def watch(rig: Rig, world: World, check: Ill) -> Watching:
    return Watching(world, check, rig.memory, rig.office.clock, "us-east-1")


def test_a_kpi_that_cannot_be_looked_at_is_named_and_keeps_no_other_from_its_turn() -> None:
    rig, check = Rig(), Ill({"SKY-AD-08"})
    rig.office.clock.moment = NOON
    made = watch(rig, Unreadable(rig, [daily(8), daily(9), daily(10)]), check)
    with pytest.raises(KpiError, match=r"2 KPIs of skyway\.prod could not be looked at: SKY-AD-08: .*; SKY-AD-09: "):
        made.check(PLACE)
    assert check.looked == ["SKY-AD-08", "SKY-AD-10"]
    check.fails.clear()
    with pytest.raises(KpiError, match="1 KPI of"):
        made.check(PLACE)
    assert check.looked[2:] == ["SKY-AD-08", "SKY-AD-10"], "what failed is looked at again"


def test_where_nothing_can_be_looked_at_the_check_gives_up_soon() -> None:
    rig = Rig()
    rig.office.clock.moment = NOON
    running = [daily(8).model_copy(update={"id": f"SKY-AD-{number}"}) for number in range(100, 200)]
    check = Ill({each.id for each in running})
    with pytest.raises(KpiError, match="could not be looked at"):
        watch(rig, World(rig, running), check).check(PLACE)
    assert len(check.looked) == module.TOLERATED


def test_a_run_of_the_hour_that_comes_twice_is_looked_for_when_it_becomes_overdue() -> None:
    rig, check = Rig(), Ill(set())
    schedule = {"frequency": "daily", "trigger": "time", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    made = watch(rig, World(rig, [kpi(id="SKY-AD-02", schedule=schedule)]), check)
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Berlin for the second time
    rig.memory.mark_watched("skyway", "prod", second)
    for minutes in range(5, 60, 5):
        rig.office.clock.moment = second + timedelta(minutes=minutes)
        made.check(PLACE)
    assert check.looked == ["SKY-AD-02"]


def test_of_a_version_that_was_gone_back_to_nothing_is_expected_while_the_other_one_ran() -> None:
    back = NOON - timedelta(minutes=90)

    class RolledBack(World):
        def item(self, tenant_id: str, sort_key: str) -> dict[str, Any] | None:
            row = super().item(tenant_id, sort_key)
            return row | {"restored_at": iso(back)} if row is not None else None

    rig, bus = Rig(), MemoryBus()
    rig.office.clock.moment = NOON
    schedule = {"frequency": "daily", "trigger": "time", "cron": "0 * * * *", "timezone": "UTC"}
    made = watching(rig, RolledBack(rig, [kpi(schedule=schedule)]), bus=bus)
    assert made.check(PLACE) == (1, 1), "the run of eleven o'clock alone"

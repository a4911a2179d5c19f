"""A full pass over a tenant: what a moment's delay explains is no drift, what is drift is mended and counted, whatever else fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from kpis.metric_names import Metric
from lambdas.domain.control.pauses import Scope
from lambdas.domain.drift import Difference, Part
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.reconcile_mutes import MuteKeeper
from lambdas.domain.reconcile_schedules import ScheduleKeeper
from lambdas.domain.search import IndexState
from lambdas.reconciler.passes import TenantPass
from tests.unit.lambdas.control.office import Office, kpi
from tests.unit.lambdas.memory import MemoryMetrics
from tests.unit.lambdas.test_reconcile import Rows
from tests.unit.lambdas.test_reconcile_dashboards import ONE, Boards
from tests.unit.lambdas.test_reconcile_mutes import Rules
from tests.unit.lambdas.test_reconcile_schedules import TARGET, TENANT, Group

ROW = "prod#kpi#SKY-AD-01#1.0.0"


@dataclass
class Index:
    """An index that lacks one definition until it is rebuilt."""

    in_step: bool = True
    broken: bool = False

    def state(self, tenant_id: str) -> IndexState:
        assert tenant_id == "skyway"
        return IndexState('"1"', 1, 1) if self.in_step else IndexState('"1"', 1, 0, missing=(ROW,))

    def rebuild(self, _tenant_id: str) -> None:
        if self.broken:
            raise KpiError(ErrorCode.CONFLICT, "others kept writing")
        self.in_step = True


class Published(MemoryMetrics):
    """What was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Mapping[str, float], Mapping[str, Any]]] = []

    def emit(self, tenant_id: str, environment: str, values: Mapping[str, float], properties: Mapping[str, Any]) -> None:
        assert (tenant_id, environment) == ("skyway", "prod")
        self.seen.append((values, properties))


@dataclass
class World:
    """A tenant with one KPI that runs. `meanwhile` happens while a pass waits."""

    office: Office = field(default_factory=Office)
    group: Group = field(default_factory=Group)
    rules: Rules = field(default_factory=Rules)
    boards: Boards = field(default_factory=Boards)
    index: Index = field(default_factory=Index)
    metrics: Published = field(default_factory=Published)
    meanwhile: Callable[[], None] = lambda: None
    waits: int = 0

    def one(self) -> TenantPass:
        world, store = self, self.office.store

        class Parts:
            catalog = Rows(store)
            schedules = ScheduleKeeper(Rows(store), store, world.group, TARGET)
            mutes = MuteKeeper(world.rules)
            dashboards = world.boards.keeper(store)
            index = world.index
            metrics = world.metrics
            clock = world.office.clock

            @staticmethod
            def sleep(_seconds: float) -> None:
                world.waits += 1
                world.meanwhile()

            @staticmethod
            def stem(tenant_id: str, environment: str) -> str:
                return f"kpi-local-{tenant_id}-{environment}"

        parts: Any = Parts()
        parts.store = store
        return TenantPass(parts, TENANT)


@pytest.fixture
def world() -> World:
    made = World()
    made.office.store.tables["skyway"] = {"prod#tenant": {"settings": "{}"}}
    made.office.live(kpi())
    return made


def test_a_pass_mends_schedules_mute_rules_and_the_index_and_the_second_one_finds_nothing(world: World) -> None:
    world.index.in_step = False
    world.office.plane.pausing.pause(world.office.call(), Scope(kpi_id="SKY-AD-01"))
    one = world.one()
    findings = one.plan()
    assert [(each.part, each.difference) for each in findings] == [
        (Part.SCHEDULE, Difference.MISSING),
        (Part.INDEX, Difference.MISSING),
        (Part.MUTE_RULE, Difference.MISSING),
    ]
    mended = one.mend(findings)
    assert (mended.schedules, len(mended.mute_rules), mended.index, mended.failed) == (["SKY-AD-01"], 1, True, {})
    assert (one.plan(), world.waits) == ([], 1), "a pass that finds nothing waits for nothing"


def test_a_pass_makes_the_dashboards_that_the_tenant_asked_for(world: World) -> None:
    world.office.store.tables["skyway"]["prod#settings"] = {"settings": '{"dashboards": ["SKY-AD-01"]}'}
    one = world.one()
    findings = one.plan()
    assert [(each.part, each.difference) for each in findings] == [
        (Part.SCHEDULE, Difference.MISSING),
        (Part.DASHBOARD, Difference.MISSING),
    ]
    assert one.mend(findings).dashboards == [ONE]
    assert one.plan() == []


def test_what_the_stream_mends_while_a_pass_waits_is_no_drift(world: World) -> None:
    world.index.in_step = False

    def streamed() -> None:
        world.one().parts.schedules.one(TENANT, "SKY-AD-01")
        world.index.in_step = True

    world.meanwhile = streamed
    assert world.one().plan() == []


def test_a_tenant_that_is_offboarded_meanwhile_has_no_drift(world: World) -> None:
    world.meanwhile = lambda: world.office.store.tables["skyway"].pop("prod#tenant") and None
    assert world.one().plan() == []


def test_what_cannot_be_mended_is_told_and_holds_up_nothing_else(world: World) -> None:
    world.index.in_step, world.index.broken = False, True
    world.office.live(kpi(id="SKY-AD-02"))
    world.group.broken = {"SKY-AD-02"}
    one = world.one()
    mended = one.mend(one.plan())
    assert mended.schedules == ["SKY-AD-01"]
    assert mended.failed == {"SKY-AD-02": "TimeoutError", "search index": "KpiError"}


def test_a_dashboard_that_cannot_be_made_holds_up_no_schedule(world: World) -> None:
    world.office.store.tables["skyway"]["prod#settings"] = {"settings": '{"dashboards": ["SKY-AD-01"]}'}
    world.boards.broken = True
    one = world.one()
    mended = one.mend(one.plan())
    assert (mended.schedules, mended.failed) == (["SKY-AD-01"], {"dashboards": "TimeoutError"})


def test_every_pass_is_counted_also_one_that_finds_nothing(world: World) -> None:
    one = world.one()
    findings = one.plan()
    one.count(findings)
    one.mend(findings)
    one.count(one.plan())
    assert [(values[Metric.KPI_DRIFT], grades["high"]) for values, grades in world.metrics.seen] == [(1.0, 1), (0.0, 0)]

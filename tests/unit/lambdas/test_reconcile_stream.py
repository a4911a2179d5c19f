"""The catalog's stream: what an administrator changed is scheduled, muted and found at once; what fails is delivered again from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from lambdas.adapters.items import to_item
from lambdas.domain.control.pauses import Scope
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.reconcile_mutes import MuteKeeper
from lambdas.domain.reconcile_schedules import ScheduleKeeper
from lambdas.domain.search import ChangedRow
from lambdas.reconciler.stream import StreamBatch
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import MONDAY, Office, kpi
from tests.unit.lambdas.test_reconcile import Rows
from tests.unit.lambdas.test_reconcile_dashboards import ONE, Boards
from tests.unit.lambdas.test_reconcile_mutes import OWN, Rules
from tests.unit.lambdas.test_reconcile_schedules import TARGET, TENANT, Group


@dataclass
class Index:
    """Takes changes; fails when told to."""

    rows: list[tuple[str, bool]] = field(default_factory=list)
    fails: bool = False

    def index_changes(self, tenant_id: str, changed: Sequence[ChangedRow]) -> None:
        assert tenant_id == "skyway"
        if self.fails:
            raise KpiError(ErrorCode.CONFLICT, "others kept writing")
        self.rows += [(each.sort_key, each.row is not None) for each in changed]


class Catalog(Rows):
    """The store's rows, and one tenant that is registered in prod."""

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None:
        return TENANT if (tenant_id, environment) == ("skyway", "prod") else None


@dataclass
class World:
    """A tenant's control plane and what follows it. `seen` is how many keys of the store the stream has brought."""

    office: Office = field(default_factory=Office)
    group: Group = field(default_factory=Group)
    rules: Rules = field(default_factory=Rules)
    boards: Boards = field(default_factory=Boards)
    index: Index = field(default_factory=Index)
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> Any:
        """The parts a batch works with, in memory."""
        store: MemoryStore = self.office.store
        world = self

        class Parts:
            catalog = Catalog(store)
            schedules = ScheduleKeeper(Rows(store), store, world.group, TARGET)
            mutes = MuteKeeper(world.rules)
            dashboards = world.boards.keeper(store)
            index = world.index
            clock = world.office.clock

            @staticmethod
            def stem(tenant_id: str, environment: str) -> str:
                return f"kpi-local-{tenant_id}-{environment}"

        return Parts()

    def records(self) -> list[dict[str, Any]]:
        """What the stream brings since it was last asked."""
        now = {key: dict(row) for key, row in self.office.store.tables["skyway"].items()}
        changed = sorted(key for key in now.keys() | self.before.keys() if now.get(key) != self.before.get(key))
        self.before = now
        return [record(str(number), key, now.get(key)) for number, key in enumerate(changed, start=1)]

    def flow(self) -> list[str]:
        return StreamBatch(self.parts).handle(self.records())


def record(number: str, key: str, row: Mapping[str, Any] | None, tenant: str = "skyway") -> dict[str, Any]:
    image = {"NewImage": to_item({"pk": tenant, "sk": key, **row})} if row is not None else {}
    return {"dynamodb": {"Keys": to_item({"pk": tenant, "sk": key}), "SequenceNumber": number, **image}}


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi())
    return made


def test_what_is_published_is_scheduled_and_found(world: World) -> None:
    assert world.flow() == []
    assert set(world.group.found) == {"SKY-AD-01"}
    assert world.index.rows == [("prod#kpi#SKY-AD-01#1.0.0", True)]


def test_a_batch_that_comes_twice_changes_nothing_more(world: World) -> None:
    records = world.records()
    for _ in range(2):
        assert StreamBatch(world.parts).handle(records) == []
    assert world.group.writes == ["SKY-AD-01"]


def test_a_batch_that_comes_late_writes_what_holds_now(world: World) -> None:
    late = world.records()
    del world.office.store.tables["skyway"]["prod#active#SKY-AD-01"]
    StreamBatch(world.parts).handle(late)
    assert world.group.found == {}


def test_a_pause_mutes_and_a_resumption_unmutes(world: World) -> None:
    scope = Scope(kpi_id="SKY-AD-01")
    world.office.plane.pausing.pause(world.office.call(), scope, until=MONDAY + timedelta(hours=2))
    world.flow()
    assert [rule.alarms for rule in world.rules.rules.values()] == [(OWN,)]
    world.office.plane.pausing.resume(world.office.call(), scope)
    world.flow()
    assert world.rules.rules == {}


def test_a_setting_makes_a_dashboard_and_takes_it_away(world: World) -> None:
    world.flow()
    settings = world.office.store.tables["skyway"]
    settings["prod#settings"] = {"settings": '{"dashboards": ["SKY-AD-01"]}'}
    assert world.flow() == []
    assert set(world.boards.there) == {ONE}
    settings["prod#settings"] = {"settings": "{}"}
    world.flow()
    assert world.boards.there == {}


def test_the_dashboard_of_a_kpi_comes_and_goes_with_its_publication(world: World) -> None:
    rows = world.office.store.tables["skyway"]
    pointer = rows.pop("prod#active#SKY-AD-01")
    rows["prod#settings"] = {"settings": '{"dashboards": ["SKY-AD-01"]}'}
    world.flow()
    assert world.boards.there == {}
    rows["prod#active#SKY-AD-01"] = pointer
    world.flow()
    assert set(world.boards.there) == {ONE}
    del rows["prod#active#SKY-AD-01"]
    world.flow()
    assert world.boards.there == {}


def test_a_dashboard_that_cannot_be_made_is_tried_again_and_holds_up_no_schedule(world: World) -> None:
    world.office.store.tables["skyway"]["prod#settings"] = {"settings": '{"dashboards": ["SKY-AD-01"]}'}
    world.boards.broken = True
    records = world.records()
    first = next(each["dynamodb"]["SequenceNumber"] for each in records if "#active#" in each["dynamodb"]["Keys"]["sk"]["S"])
    assert StreamBatch(world.parts).handle(records) == [first]
    assert set(world.group.found) == {"SKY-AD-01"}


def test_other_rows_and_tenants_that_no_stack_registered_are_passed_over(world: World) -> None:
    others = ["request#1", "prod#open#SKY-AD-01", "audit#head", "idem#prod#kpi#x", "prod#tenant", "prod#trigger#x#SKY-AD-01"]
    records = [record(str(number), key, {"kpi_id": "SKY-AD-01"}) for number, key in enumerate(others)]
    records += [record("99", "stg#active#SKY-AD-01", {"kpi_id": "SKY-AD-01"}), record("100", "bundle", {}, tenant="platform")]
    assert StreamBatch(world.parts).handle(records) == []
    assert (world.group.writes, world.index.rows) == ([], [])


def test_a_removed_definition_leaves_the_index(world: World) -> None:
    assert StreamBatch(world.parts).handle([record("1", "prod#kpi#SKY-AD-01#0.9.0", None)]) == []
    assert world.index.rows == [("prod#kpi#SKY-AD-01#0.9.0", False)]


def test_a_definition_of_which_no_schedule_can_be_made_does_not_hold_up_the_stream(world: World) -> None:
    world.office.imported(kpi(id="SKY-AD-02").model_copy(update={"schedule": kpi().schedule.model_copy(update={"cron": "at noon"})}))
    assert world.flow() == []
    assert set(world.group.found) == {"SKY-AD-01"}


def test_what_fails_is_delivered_again_from_the_first_record_that_needs_it(world: World) -> None:
    world.office.live(kpi(id="SKY-AD-02"))
    world.group.broken = {"SKY-AD-02"}
    records = world.records()
    place = [str(each["dynamodb"]["Keys"]["sk"]["S"]) for each in records].index("prod#active#SKY-AD-02")
    assert StreamBatch(world.parts).handle(records) == [records[place]["dynamodb"]["SequenceNumber"]]
    assert set(world.group.found) == {"SKY-AD-01"}, "one that fails holds up no other"


def test_an_index_that_cannot_be_written_is_tried_again_and_holds_up_no_schedule(world: World) -> None:
    world.index.fails = True
    records = world.records()
    first = next(each for each in records if "#kpi#" in each["dynamodb"]["Keys"]["sk"]["S"])
    assert StreamBatch(world.parts).handle(records) == [first["dynamodb"]["SequenceNumber"]]
    assert set(world.group.found) == {"SKY-AD-01"}


def test_of_several_failures_the_first_decides_from_where_the_stream_comes_again(world: World) -> None:
    world.index.fails, world.group.broken = True, {"SKY-AD-01"}
    records = world.records()
    places = [str(each["dynamodb"]["Keys"]["sk"]["S"]) for each in records]
    first = min(places.index("prod#active#SKY-AD-01"), places.index("prod#kpi#SKY-AD-01#1.0.0"))
    assert StreamBatch(world.parts).handle(records) == [records[first]["dynamodb"]["SequenceNumber"]]

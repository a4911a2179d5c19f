"""What the schedule asks: checkpoints where something is new, missing runs where one became overdue, and every tenant gets its turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from kpis.hashing import definition_hash
from kpis.schema import Kpi
from lambdas.adapters.checkpoints import LockMode
from lambdas.adapters.governance_settings import governance_settings
from lambdas.adapters.tenant_list import Place
from lambdas.domain.audit.checkpoint import SignedCheckpoint, checkpoint_problem, make_checkpoint
from lambdas.domain.control.catalog import new_values
from lambdas.domain.control.states import VersionStatus
from lambdas.domain.control.unit import Row
from lambdas.domain.deadman import DeadMan, Missed, Watched
from lambdas.domain.errors import KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.timestamps import iso
from lambdas.governance.service import SignedState
from lambdas.governance.watching import Watching
from tests.unit.lambdas.audit.factory import Key
from tests.unit.lambdas.control.office import MONDAY, SOURCES, kpi
from tests.unit.lambdas.governance.rig import Rig
from tests.unit.lambdas.memory import MemoryBus, MemoryMetrics
from tests.unit.lambdas.test_deadman import PagedLogs

PLACE = Place("skyway", "prod")


@dataclass
class Notary:
    """Signs with a key of its own and counts how often it was asked."""

    rig: Rig
    key: Key = field(default_factory=Key)
    made: list[SignedCheckpoint] = field(default_factory=list)
    asked: int = 0
    fails: set[str] = field(default_factory=set)

    def next(self, tenant_id: str) -> SignedCheckpoint | None:
        self.asked += 1
        if tenant_id in self.fails:
            raise RuntimeError(f"the chain of {tenant_id} is broken")
        events = self.rig.office.store.events.get(tenant_id, [])
        previous = self.made[-1].checkpoint if self.made else None
        at = iso(self.rig.office.clock.now())
        signed = make_checkpoint(events, at=at, previous=previous, sign=self.key.sign, key_id="arn:key")
        if signed is not None:
            self.made.append(signed)
            self.rig.signed[tenant_id] = SignedState(signed.checkpoint.size, at)
        return signed


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.notary["it"] = Notary(made)
    return made


def notary(rig: Rig) -> Notary:
    found = rig.notary["it"]
    assert isinstance(found, Notary)
    return found


def test_a_checkpoint_is_made_where_something_is_new_and_only_there(rig: Rig) -> None:
    assert rig.governance.handle({"action": "checkpoint"})["tenants"] == {}
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    assert rig.governance.handle({"action": "checkpoint"})["tenants"] == {"skyway": {"signed": 1}}
    assert rig.governance.handle({"action": "checkpoint"})["tenants"] == {}
    assert notary(rig).asked == 1
    (signed,) = notary(rig).made
    assert checkpoint_problem(signed, notary(rig).key.verify) is None


def test_a_tick_signs_at_most_once_an_hour(rig: Rig) -> None:
    rig.watch["it"] = watching(rig, World(rig))
    sizes: list[int] = []
    for minute in range(0, 130, 5):
        rig.office.plane.definitions.create(rig.office.call(), kpi(id=f"SKY-AD-{minute // 5 + 10}"), SOURCES)
        report = rig.governance.handle({"action": "tick"})
        sizes += [found["signed"] for found in report["tenants"].values() if "signed" in found]
        rig.office.later(minutes=5)
    assert sizes == [1, 13, 25]


def test_every_tick_asks_for_a_pass_of_the_reconciler_and_does_its_own_work_when_that_fails(rig: Rig) -> None:
    rig.watch["it"] = watching(rig, World(rig))
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    rig.reconciler_fails = True
    with pytest.raises(KpiError, match="tick failed for 1 of 3: reconciler: Lambda did not answer"):
        rig.governance.handle({"action": "tick"})
    assert rig.passes == 1
    assert len(notary(rig).made) == 1
    rig.governance.handle({"action": "sweep"})
    assert rig.passes == 1, "only ticks ask for it"


def test_a_tenant_whose_chain_is_broken_is_named_and_the_others_are_signed(rig: Rig) -> None:
    rig.places.add("acme", "prod")
    for tenant in ("acme", "skyway"):
        rig.office.tenant = tenant
        rig.office.plane.definitions.create(rig.office.call(), kpi(tenants=[tenant]), SOURCES)
    notary(rig).fails = {"acme"}
    with pytest.raises(KpiError, match=r"checkpoint failed for 1 of 2: acme: the chain of acme is broken"):
        rig.governance.handle({"action": "checkpoint"})
    assert [signed.checkpoint.tenant_id for signed in notary(rig).made] == ["skyway"]


def test_one_tenant_can_be_asked_for_alone(rig: Rig) -> None:
    rig.places.add("acme", "prod")
    assert rig.governance.handle({"action": "sweep", "tenant_id": "acme"})["looked_at"] == 1


def test_a_tenant_of_whom_nothing_is_left_is_taken_off_the_list(rig: Rig) -> None:
    rig.places.add("gone", "prod")
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    rig.office.store.tables["acme"] = {"prod#tenant": {"settings": "{}"}}
    rig.places.add("acme", "prod")
    assert rig.governance.handle({"action": "sweep"})["tenants"] == {"gone.prod": {"forgotten": True}}
    assert rig.places.all() == [Place("acme", "prod"), PLACE]


def test_a_tenant_that_was_offboarded_stays_on_the_list_until_its_record_is_signed_to_the_end(rig: Rig) -> None:
    rig.office.plane.definitions.create(rig.office.call(), kpi(), SOURCES)
    rig.governance.handle({"action": "sweep"})
    assert rig.places.all() == [PLACE]
    rig.signed["skyway"] = SignedState(1, iso(rig.office.clock.now()))
    rig.governance.handle({"action": "sweep"})
    assert rig.places.all() == []


@dataclass
class World:
    """A catalog with some KPIs of one tenant that run, and how often their rows were read."""

    rig: Rig
    running: list[Kpi] = field(default_factory=list)
    tenants: set[Place] = field(default_factory=lambda: {PLACE})
    read: int = 0

    def tenant(self, tenant_id: str, environment: str) -> TenantSettings | None:
        if Place(tenant_id, environment) not in self.tenants:
            return None
        return TenantSettings.model_validate({"tenant_id": tenant_id, "environment": environment, "warehouse_secret": "w"})

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        del tenant_id, attributes
        if prefix == "prod#active#":
            for each in self.running:
                yield {"kpi_id": each.id, "contract_version": each.contract_version, "definition_hash": definition_hash(each)}

    def item(self, tenant_id: str, sort_key: str) -> dict[str, Any] | None:
        del tenant_id
        self.read += 1
        found = next(each for each in self.running if f"#{each.id}#" in sort_key)
        row = new_values(found, SOURCES, "prod", VersionStatus.ACTIVE, MONDAY - timedelta(days=30), [])
        return row | {"published_at": iso(MONDAY - timedelta(days=3))}


@dataclass
class Counted:
    """The dead-man check, and when it was asked about which KPI."""

    check_: DeadMan
    asked: list[tuple[datetime, str]]
    rig: Rig

    def check(self, watched: Watched, pauses: Sequence[Row]) -> Sequence[Missed]:
        self.asked.append((self.rig.office.clock.now(), watched.kpi.id))
        return self.check_.check(watched, pauses)


def watching(rig: Rig, world: World, asked: list[tuple[datetime, str]] | None = None, bus: MemoryBus | None = None) -> Watching:
    check = DeadMan(PagedLogs(), bus or MemoryBus(), MemoryMetrics(), rig.office.clock)
    return Watching(world, Counted(check, asked if asked is not None else [], rig), rig.memory, rig.office.clock, "us-east-1")


def daily(hour: int) -> Kpi:
    schedule = {"frequency": "daily", "trigger": "time", "cron": f"0 {hour} * * *", "timezone": "UTC"}
    return kpi(id=f"SKY-AD-{hour:02}", schedule=schedule)


def test_missing_runs_are_told_once_and_only_kpis_that_came_due_are_looked_at(rig: Rig) -> None:
    asked: list[tuple[datetime, str]] = []
    bus = MemoryBus()
    world = World(rig, [daily(10), daily(20)])
    rig.watch["it"] = watching(rig, world, asked, bus)
    first = rig.governance.handle({"action": "dead-man"})["tenants"]["skyway.prod"]
    assert first["looked_at"] == 2, "nobody looked before, so both days since are looked at"
    bus.events.clear()
    asked.clear()
    for _ in range(24):
        rig.office.later(minutes=5)
        rig.governance.handle({"action": "dead-man"})
    assert [(iso(at), name) for at, name in asked] == [("2026-01-05T10:15:00.000Z", "SKY-AD-10")]
    assert [detail["kpi_id"] for kind, detail in bus.events if kind == "kpi.sla.breach"] == ["SKY-AD-10"]
    assert world.read == 3, "each definition once, and once more when it came due"


def test_a_check_that_died_is_made_up_for_by_the_next(rig: Rig) -> None:
    bus = MemoryBus()
    rig.watch["it"] = watching(rig, World(rig, [daily(10)]), bus=bus)
    rig.governance.handle({"action": "dead-man"})
    bus.events.clear()
    rig.office.later(hours=30)  # nobody looked for more than a day
    assert rig.governance.handle({"action": "dead-man"})["tenants"]["skyway.prod"] == {"looked_at": 1, "missing": 2}


def test_a_tenant_that_no_stack_registered_has_no_runs_to_miss(rig: Rig) -> None:
    rig.watch["it"] = watching(rig, World(rig, [daily(10)], tenants=set()))
    assert rig.governance.handle({"action": "dead-man"})["tenants"] == {}


@pytest.mark.parametrize("event", [{}, {"action": "dance"}, {"action": "look"}, {"action": "wait", "request": {}}])
def test_what_is_no_action_is_refused(rig: Rig, event: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rig.governance.handle(event)


ENVIRON = {
    "KPI_CHANGE_MACHINE_ARN": "arn:machine",
    "KPI_APPROVALS_QUEUE": "approvals",
    "KPI_AUDIT_BUCKET": "audit",
    "KPI_AUDIT_LOCK": "COMPLIANCE:2557",
    "KPI_SIGNING_KEY_ARN": "arn:key",
}


def test_settings_are_read_from_the_environment() -> None:
    found = governance_settings(ENVIRON)
    assert (found.retention.mode, found.retention.period) == (LockMode.COMPLIANCE, timedelta(days=2557))
    assert found.approvals_queue == "approvals"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"KPI_AUDIT_BUCKET": ""}, "KPI_AUDIT_BUCKET; the platform stack sets them"),
        ({"KPI_AUDIT_LOCK": "FOREVER:1"}, "KPI_AUDIT_LOCK is 'FOREVER:1'"),
        ({"KPI_AUDIT_LOCK": "COMPLIANCE"}, "such as COMPLIANCE:2555"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(changes: dict[str, str], told: str) -> None:
    with pytest.raises(KpiError, match=told):
        governance_settings(ENVIRON | changes)


def test_reports_are_looked_for_with_every_tick_and_when_somebody_asks(rig: Rig) -> None:
    rig.watch["it"] = watching(rig, World(rig))
    report = rig.governance.handle({"action": "reports"})
    assert report["tenants"] == {"skyway.prod": {"reported": ["weekly 2026-W01"]}}
    rig.governance.handle({"action": "tick"})
    assert rig.reporting.served == [("skyway", "prod")] * 2

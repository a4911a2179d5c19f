"""A full pass of the reconciler over 10,000 KPIs: import, first schedules, a pass that finds nothing, and one change.

In process everything outside is a double in memory, which shows what our own code costs; on an emulator DynamoDB and EventBridge
Scheduler answer over HTTP from one Python process, which is slower than AWS for each call and has no quotas.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from kpis.common import Environment
from kpis.schema import Dictionary, Kpi
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.scheduler import EventBridgeSchedules
from lambdas.adapters.system import SystemClock
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.model import TenantSettings
from lambdas.domain.reconcile_direct import Scope
from lambdas.domain.reconcile_import import CatalogImport
from lambdas.domain.reconcile_schedules import ScheduleKeeper, ScheduleTarget
from tests.bench.report import Report
from tests.local.provider.rig import emulator
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import Runs, kpi
from tests.unit.lambdas.memory import TENANT as SETTINGS
from tests.unit.lambdas.test_reconcile import Rows, dictionary
from tests.unit.lambdas.test_reconcile_schedules import Group

pytestmark = pytest.mark.bench
BENCH = "reconciler"
COUNT = 10_000
SCOPE = Scope("skyway", Environment.PRD, "sha")
Measure = Callable[[str, Callable[[], Any]], Any]


def many(count: int) -> list[Kpi]:
    model = kpi()
    return [model.model_copy(update={"id": f"GEN-{number:05d}"}) for number in range(count)]


@pytest.fixture
def measure(report: Report, request: pytest.FixtureRequest) -> Measure:
    where = "in process" if "process" in request.node.name else "on an emulator"

    def timed(what: str, work: Callable[[], Any]) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        spent = time.process_time() - cpu
        report.add(BENCH, f"{COUNT:,} KPIs {where}: {what}", time.perf_counter() - wall, "s", of=f"{spent:.1f} s of CPU")
        return done

    return timed


def a_whole_life(measure: Measure, importing: CatalogImport, keeper: ScheduleKeeper) -> None:
    """What a pass over many KPIs does, each part once."""
    packs, tenant = dictionary(*many(COUNT)), SETTINGS.model_copy(update={"schedule_group": "g"})
    failed: list[str] = []

    def apply(names: list[str]) -> list[str]:
        return keeper.apply(tenant, names, lambda name, error: failed.append(f"{name}: {error}"))

    imported = measure("first import into the catalog", lambda: importing.run(packs))
    assert len(imported.created) == COUNT
    again = measure("import without changes", lambda: importing.run(packs))
    assert (again.unchanged, again.any) == (COUNT, False)
    missing = measure("plan, all schedules missing", lambda: keeper.plan(tenant))
    assert len(missing) == COUNT
    made = measure("make all schedules, 8 at a time", lambda: apply([each.name for each in missing]))
    assert (len(made), failed) == (COUNT, [])
    assert measure("full pass that finds nothing", lambda: keeper.plan(tenant)) == []
    keeper.schedules.delete("g", "GEN-00007")
    found = measure("full pass that finds a deleted one", lambda: keeper.plan(tenant))
    assert [each.name for each in found] == ["GEN-00007"]
    assert measure("mend it", lambda: apply(["GEN-00007"])) == ["GEN-00007"]


def test_in_process(measure: Measure) -> None:
    store = MemoryStore()
    plane = ControlPlane(store, SystemClock(), lambda: uuid4().hex, lambda _tenant, _where: Policy(), Runs())
    keeper = ScheduleKeeper(Rows(store), store, Group(), ScheduleTarget("arn:machine", "arn:role"))
    a_whole_life(measure, CatalogImport(Rows(store), plane, SCOPE), keeper)


def test_on_an_emulator(measure: Measure, tmp_path: Path) -> None:
    """100 tenants of 100 KPIs on an emulator of the bench's own: the pinned one lists at most 100 schedules of a group, without a token."""
    tenants = [f"bench-{number:03d}" for number in range(100)]
    with emulator(tmp_path) as url:
        clients = Emulated(url)
        made = [_tenant(clients, tenant) for tenant in tenants]
        imported = measure("first import", lambda: [importing.run(packs).created for importing, _, _, packs in made])
        assert sum(map(len, imported)) == COUNT
        again = measure("import without changes", lambda: [importing.run(packs) for importing, _, _, packs in made])
        assert sum(each.unchanged for each in again) == COUNT
        plans = measure("plan, all schedules missing", lambda: [keeper.plan(tenant) for _, keeper, tenant, _ in made])
        assert sum(map(len, plans)) == COUNT
        failed: list[str] = []

        def apply() -> list[list[str]]:
            return [
                keeper.apply(tenant, [each.name for each in plan], lambda name, error: failed.append(f"{name}: {error}"))
                for (_, keeper, tenant, _), plan in zip(made, plans, strict=True)
            ]

        assert sum(map(len, measure("make all schedules, 8 at a time", apply))) == COUNT
        assert failed == []
        for which in ("first full pass, finds nothing", "every other full pass, finds nothing"):
            assert not any(measure(which, lambda: [keeper.plan(tenant) for _, keeper, tenant, _ in made]))


class Emulated:
    """Clients of an emulator."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, endpoint_url=self._url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
                config=Config(max_pool_connections=16, parameter_validation=False),
            )  # fmt: skip
        return self._clients[service]


def _tenant(clients: Emulated, tenant_id: str) -> tuple[CatalogImport, ScheduleKeeper, TenantSettings, Dictionary]:
    """A tenant with tables and a schedule group of its own. The emulator reads a whole table for each query; AWS reads one partition."""
    catalog, audit = f"{tenant_id}-catalog", f"{tenant_id}-audit"
    for name in (catalog, audit):
        clients("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
    clients("scheduler").create_schedule_group(Name=tenant_id)
    given: Any = clients
    store, rows = DynamoControlStore(given, catalog, audit), DynamoCatalog(given, catalog)
    plane = ControlPlane(store, SystemClock(), lambda: uuid4().hex, lambda _tenant, _where: Policy(), Runs())
    target = ScheduleTarget("arn:aws:states:us-east-1:123456789012:stateMachine:none", "arn:aws:iam::123456789012:role/none")
    keeper = ScheduleKeeper(rows, store, EventBridgeSchedules(given), target)
    tenant = SETTINGS.model_copy(update={"tenant_id": tenant_id, "schedule_group": tenant_id})
    packs = dictionary(*(each.model_copy(update={"tenants": (tenant_id,)}) for each in many(100)))
    return CatalogImport(rows, plane, Scope(tenant_id, Environment.PRD, "sha")), keeper, tenant, packs

"""A control plane with its people, its clock and its KPIs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from kpis.common import Environment
from kpis.schema import Kpi, Source
from lambdas.domain.audit.chain import first_break
from lambdas.domain.audit.event import Actor, AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Shelf, Version
from lambdas.domain.control.desk import Call, RunFigures
from lambdas.domain.control.pauses import Pause, pause_of
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.requests import ChangeRequest, Choice, Side
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import Row
from tests.unit.lambdas import memory
from tests.unit.lambdas.control.memory import MemoryStore

TENANT = "skyway"
MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SOURCES = {"GDP_Flights": Source.model_validate(memory.FLIGHTS)}
ADA = Actor(subject="ada", role="client-admin")
BEN = Actor(subject="ben", role="client-admin")
EVE = Actor(subject="eve", role="client-admin")
OPS = Actor(subject="ops", role="platform-admin", acting_for=True)
CFO = Actor(subject="cfo", role="read-only")
TIMER = Actor(subject="scheduler", role="system")


def kpi(version: str = "1.0.0", **changes: Any) -> Kpi:
    """A KPI that could be published in prod: with an SLA and rules."""
    base: dict[str, Any] = {
        "contract_version": version,
        "environments": ["prod"],
        "sla": [{"type": "latency", "target": "5m", "grace": "1m"}],
        "consumers": [{"type": "dashboard", "name": "Operations daily"}],
        "change_log": [{"version": version, "date": "2026-01-01", "author": "A", "summary": "S"}],
    }
    return memory.kpi(**(base | changes))


def reader(version: str = "1.0.0", **changes: Any) -> Kpi:
    """A KPI computed from `kpi()`."""
    base: dict[str, Any] = {
        "id": "SKY-RT-01",
        "layer": "secondary",
        "sources": [{"kpi": "SKY-AD-01", "as": "a"}],
        "expression": {"formula": "a * 2"},
        "pre_validation": [{"id": "a-delivered", "check": "upstream_delivered", "source": "a"}],
    }
    return kpi(version, **(base | changes))


@dataclass
class Runs:
    """A run record that says what it is told."""

    sick: set[str] = field(default_factory=set)
    runs: int = 5
    failed: int = 0

    def figures(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str, since: datetime) -> RunFigures:
        del tenant_id, environment, kpi_id, contract_version, since
        return RunFigures(runs=self.runs, failed=self.failed)

    def healthy(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> bool:
        del tenant_id, environment, kpi_id
        return contract_version not in self.sick

    def snapshot(self, tenant_id: str, environment: str, kpi_id: str, contract_version: str) -> Mapping[str, JsonValue]:
        del tenant_id, environment
        return {"runs": [f"{kpi_id} {contract_version} failed"], "failures": ["VALIDATION_FAIL_POST"], "rules": ["aligned"]}


class Office:
    """One tenant's control plane; `policy` and the clock may be changed on the way."""

    def __init__(self, tenant: str = TENANT) -> None:
        self.tenant = tenant
        self.store = MemoryStore()
        self.clock = memory.FixedClock(MONDAY)
        self.runs = Runs()
        self.policies: dict[str, Policy] = {}
        self.count = 0
        self.plane = ControlPlane(self.store, self.clock, self._id, lambda _tenant, where: self.policies.get(where, Policy()), self.runs)

    def _id(self) -> str:
        self.count += 1
        return f"id-{self.count}"

    def call(self, who: Actor = ADA, *, reason: str = "because it is better", event: str | None = None, env: str = "prod") -> Call:
        return Call(self.tenant, Environment(env), who, reason, event or self._id())

    def later(self, **by: float) -> None:
        self.clock.move(timedelta(**by))

    # What there is

    def shelf(self, env: str = "prod") -> Shelf:
        return Shelf(self.store, self.tenant, Environment(env))

    def status(self, version: str, kpi_id: str = "SKY-AD-01", env: str = "prod") -> str | None:
        found = self.shelf(env).find(kpi_id, version)
        return found.status.value if found else None

    def version(self, version: str, kpi_id: str = "SKY-AD-01", env: str = "prod") -> Version:
        return self.shelf(env).version(kpi_id, version)

    def running(self, kpi_id: str = "SKY-AD-01", env: str = "prod") -> str | None:
        row = self.shelf(env).active_row(kpi_id)
        return row.text("contract_version") if row else None

    def row(self, key: str) -> Row | None:
        return self.store.row(self.tenant, key)

    def request(self, event: AuditEvent | str) -> ChangeRequest:
        row = self.row(keys.request(event if isinstance(event, str) else event.request_id or ""))
        assert row is not None
        return ChangeRequest.model_validate_json(row.text("request"))

    def paused(self, kpi_id: str = "SKY-AD-01", entity: str | None = None) -> Pause | None:
        return pause_of(self.store.rows(self.tenant, keys.pauses("prod")), kpi_id, entity, self.clock.now())

    @property
    def events(self) -> list[AuditEvent]:
        return self.store.events.get(self.tenant, [])

    @property
    def actions(self) -> list[str]:
        return [event.action for event in self.events]

    def chain_holds(self) -> bool:
        return first_break(self.events, tenant_id=self.tenant) is None and len(self.events) == self.store.commits

    # Shortcuts on the way to what a test is about

    def sign(self, asked: AuditEvent, *, by: tuple[Actor, ...] = (BEN, EVE), env: str = "prod") -> AuditEvent:
        """All the signatures a request needs, by people who did not write it."""
        request = self.request(asked)
        sides = request.required or (Side.TECHNICAL,)
        last = asked
        for who, side in zip(by, sides, strict=False):
            last = self.plane.approvals.decide(
                self.call(who, env=env), request.request_id, Choice.APPROVE, side, self.request(asked).content_hash
            )
        return last

    def approved(self, of: Kpi, *, env: str = "prod") -> AuditEvent:
        """A version of a KPI, written, submitted and signed."""
        self.plane.definitions.create(self.call(env=env), of, SOURCES)
        asked = self.plane.approvals.submit(self.call(env=env), of.id, of.contract_version)
        self.sign(asked, env=env)
        return asked

    def live(self, of: Kpi, *, env: str = "prod") -> AuditEvent:
        """A version of a KPI that runs."""
        self.approved(of, env=env)
        return self.plane.publishing.publish(self.call(env=env), of.id, of.contract_version)

    def agreed(self, action: Action, version: str, kpi_id: str = "SKY-AD-01") -> AuditEvent:
        """A signed request to unpublish, deprecate or retire."""
        asked = self.plane.approvals.submit(self.call(), kpi_id, version, action)
        self.sign(asked)
        return asked

    def imported(self, of: Kpi, status: str = "active") -> None:
        """A KPI as the catalog import leaves it: without row_version."""
        from lambdas.domain.control.catalog import new_values
        from lambdas.domain.control.states import VersionStatus

        table = self.store.tables.setdefault(self.tenant, {})
        values = new_values(of, SOURCES, "prod", VersionStatus(status), self.clock.now(), [])
        table[keys.version("prod", of.id, of.contract_version)] = values
        if status == "active":
            pointer = {"kpi_id": of.id, "contract_version": of.contract_version, "definition_hash": values["definition_hash"]}
            table[keys.active("prod", of.id)] = pointer


def touch(store: MemoryStore, tenant: str, key: str) -> None:
    """Another writer changes a row."""
    row = store.tables[tenant][key]
    row["row_version"] = row.get("row_version", 1) + 1

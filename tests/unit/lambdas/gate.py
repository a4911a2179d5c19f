"""An opener with pauses and canaries in front of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kpis.hashing import definition_hash
from kpis.schema import Kpi
from lambdas.domain.audit.event import Actor
from lambdas.domain.control import keys
from lambdas.domain.control.canary import Canary, Subset, Tolerances
from lambdas.domain.control.pauses import Pause, Scope
from lambdas.domain.control.unit import Row
from lambdas.domain.model import RunRequest
from lambdas.domain.opening import Opened, Opener
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.memory import NOW, CountingIds, FixedClock, MemoryCatalog, MemoryLogs, kpi

WHOLE = Scope(kpi_id="SKY-AD-01")
JFK = Scope(kpi_id="SKY-AD-01", entity="JFK")
BEFORE = NOW - timedelta(hours=1)
CONSISTENT = [{"type": "consistency", "entities": 2, "target": "90d", "grace": "1d"}]


def paused(scope: Scope, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "pause_id": "p-1",
        "scope": scope,
        "start": iso(BEFORE),
        "reason": "warehouse move",
        "by": Actor(subject="ada", role="client_admin"),
    }
    pause = Pause.model_validate(values | changes)
    return Row(keys.pause("prod", scope.key), {"pause": pause.model_dump_json(), "sk": keys.pause("prod", scope.key)})


@dataclass
class Gate:
    """An opener with what it reads and writes."""

    catalog: MemoryCatalog
    logs: MemoryLogs = field(default_factory=MemoryLogs)
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.opener = Opener(self.catalog, self.logs, self.clock, CountingIds(), "us-east-1")

    def open(self, **request: Any) -> Opened:
        document = {"tenant_id": "skyway", "kpi_id": "SKY-AD-01", "trigger_type": "time"} | request
        return self.opener.open(RunRequest.model_validate(document), "arn:execution")


def gate(*pauses: Row, of: Kpi | None = None, **catalog: Any) -> Gate:
    return Gate(MemoryCatalog(of or kpi(), pauses=pauses, **catalog))


OLD, NEW = kpi(), kpi(contract_version="1.1.0")


def canary(subset: Subset, **changes: Any) -> Canary:
    values: dict[str, Any] = {
        "canary_id": "c-1",
        "environment": "prod",
        "kpi_id": "SKY-AD-01",
        "candidate": "1.1.0",
        "candidate_hash": definition_hash(NEW),
        "baseline": "1.0.0",
        "baseline_hash": definition_hash(OLD),
        "subset": subset,
        "tolerances": Tolerances(),
        "since": iso(BEFORE),
        "request_id": "r-1",
    }
    return Canary.model_validate(values | changes)


NEW_YORK = Subset(entities=("JFK", "LGA"))

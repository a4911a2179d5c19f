"""What the newest run of a KPI read, from the logs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from lambdas.adapters.run_readings import KEPT_SECONDS, DynamoRunReadings
from lambdas.domain.model import LogTable


class Logs:
    """Runs of KPIs, newest first, and what each read."""

    def __init__(self) -> None:
        self.runs: dict[str, list[dict[str, Any]]] = {}
        self.read: dict[int, list[dict[str, Any]]] = {}
        self.queries = 0

    def ran(self, kpi_id: str, run_id: int, *sources: str, environment: str = "prod", **more: Any) -> None:
        row = {"run_id": run_id, "environment": environment, "entry": "close"} | more
        self.runs.setdefault(kpi_id, [])[:0] = [row, row | {"entry": "open"}]
        self.read[run_id] = [
            {
                "tenant_id": "acme",
                "environment": environment,
                "kpi_id": kpi_id,
                "run_id": run_id,
                "source_type": "gdp",
                "source_object": source,
                "source_version": "1.0.0",
                "attributes": json.dumps(["a"]),
            }
            for source in sources
        ]

    def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int) -> tuple[list[dict[str, Any]], bool]:
        self.queries += 1
        return (self.runs.get(kpi_id, [])[:rows] if tenant_id == "acme" else []), False

    def of_run(self, tenant_id: str, run_id: int, table: LogTable) -> list[dict[str, Any]]:
        self.queries += 1
        assert (tenant_id, table) == ("acme", LogTable.SOURCING)
        return self.read[run_id]


class World:
    def __init__(self) -> None:
        self.logs, self.seconds = Logs(), 0.0
        self.readings = DynamoRunReadings(self.logs, lambda: self.seconds)  # type: ignore[arg-type]

    def seen(self, *kpi_ids: str, tenant: str = "acme", environment: str = "prod") -> Sequence[tuple[str, str, int]]:
        return [(each.source, each.target, each.run_id) for each in self.readings.latest(tenant, environment, kpi_ids)]


def test_the_newest_run_counts_and_one_that_was_skipped_read_nothing() -> None:
    world = World()
    world.logs.ran("SH-AA-01", 1, "GDP_Old")
    world.logs.ran("SH-AA-01", 2, "GDP_Sales", "GDP_Cash")
    world.logs.ran("SH-AA-01", 3)
    assert world.seen("SH-AA-01") == [("gdp:GDP_Cash", "kpi:SH-AA-01", 2), ("gdp:GDP_Sales", "kpi:SH-AA-01", 2)]


def test_a_canary_s_run_and_a_run_elsewhere_do_not_count() -> None:
    world = World()
    world.logs.ran("SH-AA-01", 1, "GDP_Sales")
    world.logs.ran("SH-AA-01", 2, "GDP_Candidate", canary="c-1")
    world.logs.ran("SH-AA-01", 3, "GDP_Test", environment="dev")
    assert world.seen("SH-AA-01") == [("gdp:GDP_Sales", "kpi:SH-AA-01", 1)]
    assert world.seen("SH-AA-01", environment="dev") == [("gdp:GDP_Test", "kpi:SH-AA-01", 3)]


def test_many_kpis_come_in_the_order_they_were_asked_for() -> None:
    world = World()
    names = [f"SH-AA-{number:02d}" for number in range(30)]
    for number, name in enumerate(names):
        world.logs.ran(name, number, "GDP_Sales")
    assert [target for _, target, _ in world.seen(*reversed(names))] == [f"kpi:{name}" for name in reversed(names)]


def test_an_answer_is_kept_for_half_a_minute_and_not_for_another_tenant() -> None:
    world = World()
    assert world.seen("SH-AA-01") == []
    asked = world.logs.queries
    world.logs.ran("SH-AA-01", 1, "GDP_Sales")
    assert (world.seen("SH-AA-01"), world.logs.queries) == ([], asked)
    world.seconds = KEPT_SECONDS
    assert world.seen("SH-AA-01") == [("gdp:GDP_Sales", "kpi:SH-AA-01", 1)]
    assert world.seen("SH-AA-01", tenant="rival") == []
    assert world.seen() == []

"""A canary of a KPI with many entities is judged on whole runs, not on what a limit cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.adapters import canary_evidence
from lambdas.adapters.canary_evidence import ResultCanaryEvidence
from lambdas.domain.control.canary import Canary, Outcome, Subset, Tolerances, assess
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.gate import NEW, OLD, canary
from tests.unit.lambdas.memory import FixedClock

START = datetime(2026, 1, 1, tzinfo=UTC)
ENTITIES = 40


@dataclass(frozen=True)
class Both:
    """The run log and the result store after so many hours, each of which both versions delivered."""

    hours: int

    def of_versions(self, tenant_id: str, kpi_id: str, **asked: Any) -> Iterator[dict[str, Any]]:
        for hour in reversed(range(self.hours)):
            for candidate in (True, False):
                at = START + timedelta(hours=hour, minutes=5 if candidate else 0)
                period = f"{iso(START + timedelta(hours=hour))}/{iso(START + timedelta(hours=hour + 1))}"
                yield {
                    "entry": "close",
                    "run_id": 2 * hour + candidate,
                    "tenant_id": tenant_id,
                    "kpi_id": kpi_id,
                    "environment": asked["environment"],
                    "contract_version": (NEW if candidate else OLD).contract_version,
                    "canary": "c-1" if candidate else None,
                    "lineage_ref": f"lineage:{tenant_id}/prod/{kpi_id}/1.0.0/{period}/x",
                    "status": "success",
                    "started_at": iso(at),
                    "finished_at": iso(at),
                }

    def rows(self, tenant_id: str, sql: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        assert tenant_id == parameters["tenant_id"]
        part = Subset(percent=25)
        names = [f"E{number}" for number in range(ENTITIES)]
        kept = [name for name in names if part.contains("SKY-AD-01", name)] if "kpi_result_canary" in sql else names
        newest = sorted(parameters["run_ids"], reverse=True)
        found = [{"run_id": run, "entity": name, "value": 5.0, "verdict": "Adequate"} for run in newest for name in kept]
        return found[: parameters["limit"]]


def judged(hours: int, by: Canary) -> Any:
    both = Both(hours)
    clock = FixedClock(START + timedelta(hours=hours + 1))
    evidence = ResultCanaryEvidence(both, lambda: both, clock)  # type: ignore[arg-type]
    return assess(evidence.samples("skyway", by), by.tolerances)


@pytest.fixture
def quarter() -> Canary:
    return canary(Subset(percent=25), since=iso(START), tolerances=Tolerances(min_periods=3, min_samples=3))


def test_values_beyond_the_limit_do_not_count_as_missing(quarter: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_evidence, "MAX_VALUES", 10 * ENTITIES + 7)
    found = judged(30, quarter)
    assert (found.outcome, found.missing, found.periods) == (Outcome.PROMOTE, 0, 10)
    assert judged(5, quarter).periods == 5


def test_one_run_beyond_the_limit_is_no_evidence_at_all(quarter: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_evidence, "MAX_VALUES", ENTITIES - 1)
    found = judged(30, quarter)
    assert (found.outcome, found.samples) == (Outcome.PAUSE, 0)

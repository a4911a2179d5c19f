"""The evidence of a canary comes from the run log and the result store, whatever a caller says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from kpis.common import Verdict
from lambdas.adapters.canary_evidence import ResultCanaryEvidence
from lambdas.domain.control.canary import Canary, Sample, Side, Subset
from lambdas.domain.entries import close_row, open_row
from lambdas.domain.model import RunStatus
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.gate import NEW, OLD, canary
from tests.unit.lambdas.memory import DAY, NOW, FixedClock, make_run
from tests.unit.lambdas.rig import Engine


@dataclass
class Log:
    """The run log as the evidence asks for it."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def of_versions(self, tenant_id: str, kpi_id: str, **asked: Any) -> Iterator[dict[str, Any]]:
        assert (tenant_id, kpi_id, asked["in_flight"]) == ("skyway", "SKY-AD-01", True)
        for row in self.rows:
            if (
                row["contract_version"] in asked["versions"]
                and row["environment"] == asked["environment"]
                and row["gsi_sk"] >= asked["since"]
            ):
                yield row


@dataclass
class Court:
    """Runs of both versions, and what the evidence says of them."""

    engine: Engine
    log: Log = field(default_factory=Log)

    def ran(self, run_id: int, *, candidate: bool = False, **changes: Any) -> RunStatus:
        of = NEW if candidate else OLD
        part = {"canary": {"canary_id": "c-1", "subset": {"entities": ["JFK", "LGA"]}}} if candidate else {}
        run = make_run(of, run_id=run_id, **(part | changes))
        outcome = self.engine.run(of, run_id=run_id, **(part | changes))
        entries = [open_row(run), close_row(run, outcome, NOW + timedelta(minutes=1), sla_breached=False)]
        self.log.rows += [dict(entry.attributes) for entry in entries]
        return outcome.status

    def says(self, by: Canary | None = None) -> list[Sample]:
        clock = FixedClock(NOW + timedelta(hours=1))
        return list(
            ResultCanaryEvidence(self.log, lambda: self.engine.results, clock).samples(
                "skyway", by or canary(Subset(entities=("JFK", "LGA")))
            )
        )  # type: ignore[arg-type]


@pytest.fixture
def court(engine: Engine) -> Court:
    return Court(engine)


def test_both_versions_are_compared_entity_by_entity(court: Court) -> None:
    court.ran(1)
    court.ran(2, candidate=True)
    start = iso(DAY.start)
    six, fifteen = Side(6.0, Verdict.ADEQUATE), Side(15.0, Verdict.LOW)
    assert court.says() == [Sample(start, "JFK", six, six), Sample(start, "LGA", fifteen, fifteen)]


def test_runs_before_the_canary_or_of_another_one_are_no_evidence(court: Court) -> None:
    court.ran(1)
    court.ran(2, candidate=True)
    assert court.says(canary(Subset(entities=("JFK",)), since=iso(NOW + timedelta(hours=1)))) == []
    other = court.says(canary(Subset(entities=("JFK",)), canary_id="c-2"))
    assert [each.candidate for each in other] == [Side(None)], "the baseline waits for a candidate of this canary"


def test_a_candidate_run_by_hand_under_its_number_is_no_evidence(court: Court) -> None:
    court.ran(1)
    court.ran(2, candidate=True, canary=None)
    assert {each.candidate for each in court.says()} == {Side(None)}


def test_another_tenants_results_are_not_seen(court: Court) -> None:
    court.ran(1)
    court.ran(2, candidate=True)
    court.engine.database.execute("results", "UPDATE kpi_result SET tenant_id = 'acme'")
    assert {each.baseline for each in court.says()} == {Side(None)}


def test_a_run_that_overrode_a_pause_is_not_compared_since_the_candidate_stood_still(court: Court) -> None:
    court.ran(1, despite_pause="p-1")
    assert court.says() == []

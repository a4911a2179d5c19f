"""A canary's candidate computes its part beside the baseline: kept apart, and alerting nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kpis.hashing import definition_hash
from lambdas.domain.control.canary import Canary, CanaryState
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode
from lambdas.domain.model import CanaryPart, LogTable, Outcome, RunStatus
from lambdas.domain.opening import Opened
from tests.unit.lambdas.gate import CONSISTENT, JFK, NEW, NEW_YORK, OLD, WHOLE, canary, gate, paused
from tests.unit.lambdas.memory import MemoryMetrics, kpi
from tests.unit.lambdas.rig import Engine
from tests.unit.lambdas.test_closing import Desk


def opened_by(by: Canary | None, *pauses: Row, **request: Any) -> Opened:
    return gate(*pauses, of=OLD, beside=[NEW], canary=by).open(**request)


def version_of(opened: Opened) -> tuple[str, str]:
    return opened.run.contract_version, opened.run.definition_hash


def test_a_run_for_a_canary_takes_the_candidate_and_every_other_what_is_active() -> None:
    by, old, new = canary(NEW_YORK), ("1.0.0", definition_hash(OLD)), ("1.1.0", definition_hash(NEW))
    asked = opened_by(by, canary="c-1", entities=["JFK", "LGA"])
    assert version_of(asked) == new
    assert asked.run.canary == CanaryPart(canary_id="c-1", subset=NEW_YORK)
    assert asked.run.entities == ("JFK", "LGA")
    for other in (opened_by(by), opened_by(by, entities=["JFK"]), opened_by(None)):
        assert version_of(other) == old, "the baseline is always computed, and delivered"
        assert other.run.canary is None


def test_a_candidate_leaves_out_what_is_paused() -> None:
    opened = opened_by(canary(NEW_YORK), paused(JFK), canary="c-1", entities=["JFK", "LGA"])
    assert (opened.run.entities, opened.run.excluded) == (("LGA",), ("JFK",))
    assert opened_by(canary(NEW_YORK), paused(WHOLE), canary="c-1").outcome is not None


def test_a_named_version_is_what_runs_whatever_the_canary_says() -> None:
    assert version_of(opened_by(canary(NEW_YORK), contract_version="1.1.0"))[0] == "1.1.0"


@pytest.mark.parametrize(
    "by",
    [
        *(canary(NEW_YORK, state=each) for each in CanaryState if each is not CanaryState.RUNNING),
        canary(NEW_YORK, baseline_hash="0" * 64),
        canary(NEW_YORK, canary_id="c-2"),
        None,
    ],
    ids=[*(each.value for each in CanaryState if each is not CanaryState.RUNNING), "another baseline", "the next canary", "none"],
)
def test_a_run_for_a_canary_that_does_not_run_any_more_computes_nothing_and_says_so(by: Canary | None) -> None:
    door = gate(of=OLD, beside=[NEW], canary=by)
    opened = door.open(canary="c-1", entities=["JFK"])
    assert opened.outcome is not None
    assert (opened.outcome.status, opened.outcome.error_code) == (RunStatus.SKIPPED, ErrorCode.CONFLICT)
    assert "the canary c-1 of SKY-AD-01 does not run any more" in str(opened.outcome.error_message)
    (row,) = door.logs.rows(LogTable.RUN)
    assert row["canary"] == "c-1", "it is no run of the baseline"


def test_the_log_says_which_content_ran_and_for_which_canary() -> None:
    door = gate(of=OLD, beside=[NEW], canary=canary(NEW_YORK))
    door.open()
    door.open(canary="c-1", entities=["JFK"])
    whole, part = door.logs.rows(LogTable.RUN)
    assert (whole["definition_hash"], whole["canary"]) == (definition_hash(OLD), None)
    assert (part["definition_hash"], part["canary"]) == (definition_hash(NEW), "c-1")


PART = {"canary": {"canary_id": "c-1", "subset": {"entities": ["JFK"]}}}


def stored(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    return engine.database.execute("results", f"SELECT entity, contract_version FROM {table} ORDER BY entity, run_id")


def test_what_a_candidate_computes_is_kept_apart_from_what_is_delivered(engine: Engine) -> None:
    assert engine.run(kpi(), run_id=1).status is RunStatus.SUCCESS
    assert engine.run(NEW, run_id=2, **PART).status is RunStatus.SUCCESS
    assert stored(engine, "kpi_result") == [("ALL", "1.0.0"), ("JFK", "1.0.0"), ("LGA", "1.0.0")]
    assert stored(engine, "kpi_result_canary") == [("JFK", "1.1.0")]


def test_a_candidate_that_returns_nothing_of_its_part_failed(engine: Engine) -> None:
    outcome = engine.run(NEW, canary={"canary_id": "c-1", "subset": {"entities": ["SEA"]}})
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.NO_DATA)


def test_a_candidate_that_fails_does_not_fall_back_to_what_the_baseline_delivered(engine: Engine) -> None:
    of = kpi(error_policy={"on_failure": "fallback"}, expression={"sql": "SELECT broken FROM gdp_flights"})
    engine.past(of, {1: 5.0}, entity="JFK")
    assert engine.run(of, last_attempt=True, **PART).status is RunStatus.FAILED
    assert stored(engine, "kpi_result_canary") == []


class Lines(MemoryMetrics):
    """Keeps what each line says beside its metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Mapping[str, Any]] = []

    def emit(self, tenant_id: str, environment: str, values: Mapping[str, float], properties: Mapping[str, Any]) -> None:
        super().emit(tenant_id, environment, values, properties)
        self.told.append(properties)


def test_a_candidates_run_alerts_nobody_and_starts_nothing_but_is_told() -> None:
    lines = Lines()
    desk = Desk(metrics=lines)
    late = kpi(sla=CONSISTENT, tier=0)
    good = Outcome(status=RunStatus.SUCCESS, delivered=True, entities_delivered=1, rows_processed=1, value=1.0, verdict="Adequate")
    assert desk.close(late, good, **PART).as_json()["sla_breached"] is False
    assert desk.bus.kinds() == ["kpi.canary.completed"]
    assert lines.emitted == [{}], "neither the fleet's figures nor the KPI's own series"
    assert (lines.told[0]["canary"], lines.told[0]["canary_status"]) == ("c-1", "success")
    assert "status" not in lines.told[0], "dashboards ask the lines of runs that deliver for it"
    broken = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.SQL_ERROR, error_message="boom")
    again = desk.close(kpi(), broken, run_id=1001, **PART).next_request
    assert desk.bus.kinds()[-1] == "kpi.canary.failed"
    assert again is not None
    assert again.canary == "c-1"

"""Opening and closing: the two rows of a run, what the bus hears, and the decision on another attempt."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from kpis.schema import Kpi
from lambdas.domain.closing import Closed, Closer
from lambdas.domain.delivery import Deliverer
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import HardStop, LogTable, Outcome, RunRequest, RunStatus
from lambdas.domain.opening import Opener
from tests.unit.lambdas.memory import CountingIds, FixedClock, MemoryBus, MemoryCatalog, MemoryLogs, MemoryMetrics, kpi, make_run

SUCCESS = Outcome(status=RunStatus.SUCCESS, delivered=True, entities_delivered=1, rows_processed=10, value=1.5)
BROKEN = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.SQL_ERROR, error_message="boom")


@dataclass
class Desk:
    """A closer with everything it talks to."""

    logs: MemoryLogs = field(default_factory=MemoryLogs)
    bus: MemoryBus = field(default_factory=MemoryBus)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)
    clock: FixedClock = field(default_factory=FixedClock)

    def close(self, of: Kpi, outcome: Outcome | None, error: dict[str, Any] | None = None, **changes: Any) -> Closed:
        def no_deliverer() -> Deliverer:
            raise AssertionError("no fallback was expected")

        closer = Closer(
            catalog=MemoryCatalog(of),
            logs=self.logs,
            bus=self.bus,
            metrics=self.metrics,
            clock=self.clock,
            random=lambda: 0.5,
            deliverer=no_deliverer,
        )
        return closer.close(make_run(of, **changes), outcome, error)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def open_one(request: dict[str, Any], of: Kpi, logs: MemoryLogs, **catalog: Any) -> dict[str, Any]:
    opener = Opener(MemoryCatalog(of, **catalog), logs, FixedClock(), CountingIds(), "us-east-1")
    return opener.open(RunRequest.model_validate({"tenant_id": "skyway", "kpi_id": of.id} | request), "arn:execution").as_json()


def test_open_writes_one_row_without_an_outcome_and_hands_on_the_run() -> None:
    logs = MemoryLogs()
    opened = open_one({"trigger_type": "time", "scheduled_at": "2013-10-30T10:00:00Z"}, kpi(lane="heavy"), logs)
    (row,) = logs.rows(LogTable.RUN)
    assert row["entry"] == "open"
    assert "status" not in row
    assert "finished_at" not in row
    assert (opened["lane"], opened["run"]["period"]["start"]) == ("heavy", "2013-10-29T00:00:00.000Z")
    assert opened["run"]["run_id"] == str(row["run_id"]), "JSON numbers lose precision at this size"


@pytest.mark.parametrize(
    ("request_", "catalog", "words"),
    [
        ({}, {"tenant": None}, "tenant skyway is not onboarded in prod"),
        ({"kpi_id": "SKY-ZZ-99"}, {}, "SKY-ZZ-99 has no active version for skyway in prod"),
        ({"contract_version": "9.9.9"}, {}, "SKY-AD-01 9.9.9 is not in the catalog of skyway in prod"),
    ],
)
def test_what_cannot_be_opened_is_named_and_nothing_is_written(request_: dict[str, Any], catalog: dict[str, Any], words: str) -> None:
    logs = MemoryLogs()
    with pytest.raises(KpiError, match=words):
        open_one(request_, kpi(), logs, **catalog)
    assert not logs.entries


def test_a_success_is_closed_and_told(desk: Desk) -> None:
    closed = desk.close(kpi(), SUCCESS)
    (row,) = desk.logs.rows(LogTable.RUN)
    assert (row["entry"], row["status"], row["rows_processed"], row["sla_breached"]) == ("close", "success", 10, False)
    assert desk.bus.kinds() == ["kpi.run.completed"]
    assert closed.as_json()["retry"] == {"retry": False, "wait_seconds": 0, "retry_seq": 0}
    assert desk.metrics.emitted[0]["RunsCompleted"] == 1
    assert desk.metrics.emitted[0]["RunsFailed"] == 0


def test_an_alert_links_to_the_run_its_views_and_the_runbook(desk: Desk) -> None:
    desk.close(kpi(), BROKEN, last_attempt=True)
    links = desk.bus.events[0][1]["links"]
    assert links["run"] == "/runs/1000"
    assert "vw_kpi_run_overview" in links["run_overview"]
    assert "vw_kpi_validation_summary" in links["validation_summary"]
    assert links["runbook"] == "docs/runbooks/x.md"


def test_a_failure_is_tried_again_with_the_same_period_and_version_after_a_growing_wait(desk: Desk) -> None:
    of = kpi(error_policy={"retry": {"count": 2, "backoff": "30s", "jitter": 0.2}})
    first = desk.close(of, BROKEN).as_json()
    assert first["retry"] == {"retry": True, "wait_seconds": 33, "retry_seq": 1}
    again = RunRequest.model_validate(first["next_input"])
    assert (again.retry_seq, again.contract_version, again.period) == (1, "1.0.0", make_run(of).period)
    second = desk.close(of, BROKEN, run_id=2000, retry_seq=1).as_json()
    assert second["retry"]["wait_seconds"] == 66


def test_no_attempt_is_left_after_the_last_one(desk: Desk) -> None:
    assert desk.close(kpi(), BROKEN, last_attempt=True).next_request is None


@pytest.mark.parametrize("code", [ErrorCode.VALIDATION_FAIL_PRE, ErrorCode.VALIDATION_FAIL_POST, ErrorCode.MISSING_GDP])
def test_what_another_attempt_cannot_cure_is_not_tried_again(desk: Desk, code: ErrorCode) -> None:
    assert desk.close(kpi(), BROKEN.model_copy(update={"error_code": code})).next_request is None


def test_a_crash_of_the_runner_is_a_failed_run_with_its_reason(desk: Desk) -> None:
    cause = json.dumps({"errorMessage": "exit 137, password=hunter2", "errorType": "Runtime.ExitError"})
    closed = desk.close(kpi(), None, {"Error": "Runtime.HandlerError", "Cause": cause})
    (row,) = desk.logs.rows(LogTable.RUN)
    assert (row["status"], row["error_code"]) == ("failed", "INTERNAL")
    assert "exit 137" in row["error_message"]
    assert "hunter2" not in row["error_message"]
    assert closed.next_request is not None


@pytest.mark.parametrize(
    "error", [{"Error": "States.Timeout"}, {"Error": "Runtime.HandlerError", "Cause": "Task timed out after 3 seconds"}]
)
def test_a_runner_that_took_too_long_is_a_timeout(desk: Desk, error: dict[str, Any]) -> None:
    assert desk.close(kpi(), None, error).outcome.error_code is ErrorCode.TIMEOUT


def test_closing_twice_keeps_the_first_row(desk: Desk) -> None:
    desk.close(kpi(), SUCCESS)
    desk.close(kpi(), BROKEN)
    (row,) = desk.logs.rows(LogTable.RUN)
    assert row["status"] == "success"


def test_a_skipped_run_is_told_as_failed_with_its_hard_stop(desk: Desk) -> None:
    skipped = Outcome(status=RunStatus.SKIPPED, error_code=ErrorCode.VALIDATION_FAIL_PRE, error_message="x", hard_stop=HardStop.PRE)
    desk.close(kpi(), skipped)
    assert desk.bus.kinds() == ["kpi.run.failed"]
    assert desk.bus.events[0][1]["error_code"] == "VALIDATION_FAIL_PRE"
    assert (desk.metrics.emitted[0]["RunsSkipped"], desk.metrics.emitted[0]["PreValidationHardStops"]) == (1, 1)


def test_an_sla_breach_is_recorded_counted_and_told(desk: Desk) -> None:
    desk.clock.move(timedelta(minutes=2))
    desk.close(kpi(sla=[{"type": "latency", "target": "1m", "grace": "30s"}]), SUCCESS)
    assert desk.logs.rows(LogTable.RUN)[0]["sla_breached"] is True
    assert desk.bus.kinds() == ["kpi.run.completed", "kpi.sla.breach"]
    assert desk.bus.events[1][1]["severity"] == "high"
    assert desk.metrics.emitted[0]["SlaBreaches"] == 1


def test_a_run_about_history_is_judged_in_its_own_time(desk: Desk) -> None:
    of = kpi(sla=[{"type": "availability", "by": "07:00", "timezone": "America/New_York", "grace": "0s"}])
    now = desk.clock.moment + timedelta(days=3000)
    desk.clock.moment = now + timedelta(seconds=5)
    closed = desk.close(of, SUCCESS, started_at=now, historical=True)
    assert [each.state.value for each in closed.sla] == ["pass"], "06:00 in New York plus five seconds"


def closes(count: int, seconds: float, rows: int) -> list[dict[str, Any]]:
    end = f"2013-10-01T00:00:{seconds:06.3f}Z"
    return [{"status": "success", "started_at": "2013-10-01T00:00:00Z", "finished_at": end, "rows_processed": rows} for _ in range(count)]


def test_an_unusually_long_run_is_an_anomaly(desk: Desk) -> None:
    desk.logs.closes = closes(20, 1.0, 10)
    desk.clock.move(timedelta(seconds=30))
    desk.close(kpi(), SUCCESS)
    assert desk.bus.kinds() == ["kpi.run.completed", "kpi.run.anomaly"]
    assert desk.metrics.emitted[0]["RuntimeAnomalies"] == 1


def test_unusually_few_rows_are_an_anomaly_and_a_few_runs_are_no_baseline(desk: Desk) -> None:
    desk.logs.closes = closes(20, 0.0, 1000)
    desk.close(kpi(), SUCCESS)
    assert desk.bus.events[-1][1]["anomalies"][0]["what"] == "rows_processed"
    desk.logs.closes = closes(7, 0.0, 1000)
    desk.close(kpi(), SUCCESS, run_id=2)
    assert desk.bus.kinds()[-1] == "kpi.run.completed"

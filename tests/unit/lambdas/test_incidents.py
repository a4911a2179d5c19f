"""What run logs tell of as incidents: since when, until when, and what does not count."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.common import Environment, Verdict
from kpis.hashing import canonical_json
from lambdas.domain import incidents
from lambdas.domain.control import keys
from lambdas.domain.deadman import Watched, missed
from lambdas.domain.entries import close_row, delivery_row, open_row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.ids import make_run_id
from lambdas.domain.incidents import Cause, IncidentState, KpiFacts, SeenRun, facts_of, incidents_of
from lambdas.domain.model import Delivery, Outcome, Period, Result, Run, RunStatus
from lambdas.domain.monitoring.incident_log import IncidentLog, shown_run
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.api_control.reads import CatalogRows, IncidentRows, LogRows
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.memory import TENANT, definition, kpi, make_run

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PRE = {"status": "skipped", "error_code": "VALIDATION_FAIL_PRE"}
POST = {"status": "failed", "error_code": "VALIDATION_FAIL_POST"}
BROKEN = {"status": "failed", "error_code": "SQL_ERROR"}
PAUSED = {"status": "skipped", "error_code": "PAUSED"}
GOOD: dict[str, Any] = {"status": "success"}
LATE: dict[str, Any] = {"status": "success", "sla_breached": True}
BAD_VERDICT = frozenset({Verdict.CRITICAL})
ALARMING = KpiFacts(alarming=BAD_VERDICT)


def seen(number: int, *, day: int | None = None, verdict: Verdict | None = None, **columns: Any) -> SeenRun:
    """The run of a day, by the number of days since Monday."""
    start = MONDAY + (number if day is None else day) * DAY
    period = f"{iso(start)}/{iso(start + DAY)}"
    row = {
        "run_id": 1000 + number,
        "tenant_id": "skyway",
        "environment": "prod",
        "kpi_id": "SKY-AD-01",
        "contract_version": "1.0.0",
        "trigger_type": "time",
        "started_at": iso(MONDAY + number * DAY),
        "finished_at": iso(MONDAY + number * DAY + timedelta(minutes=1)),
        "lineage_ref": f"lineage:skyway/prod/SKY-AD-01/1.0.0/{period}/{1000 + number:019d}",
    }
    return SeenRun(row | columns, verdict)


def found(*runs: SeenRun, facts: KpiFacts = ALARMING) -> list[tuple[str, str, int, int, int | None]]:
    """Cause, state, first and last run, and the one that closed it, as numbers."""
    return [
        (
            each.cause.value,
            each.state.value,
            each.first.run_id - 1000,
            each.last.run_id - 1000,
            each.closed_by.run_id - 1000 if each.closed_by else None,
        )
        for each in incidents_of(runs, facts)
    ]


def test_consecutive_runs_with_a_cause_are_one_incident_until_a_run_succeeds() -> None:
    assert found(seen(0, **GOOD), seen(1, **PRE), seen(2, **PRE), seen(3, **GOOD), seen(4, **PRE)) == [
        ("pre_validation", "closed", 1, 2, 3),
        ("pre_validation", "open", 4, 4, None),
    ]


def test_each_cause_is_an_incident_of_its_own() -> None:
    assert found(seen(0, **PRE), seen(1, **POST), seen(2, **BROKEN | {"sla_breached": True})) == [
        ("pre_validation", "open", 0, 0, None),
        ("post_validation", "open", 1, 1, None),
        ("run_failure", "open", 2, 2, None),
        ("sla_breach", "open", 2, 2, None),
    ]


def test_a_run_that_stopped_early_does_not_say_that_what_comes_later_is_well() -> None:
    assert found(seen(0, **POST), seen(1, **PRE), seen(2, **GOOD))[0] == ("post_validation", "closed", 0, 0, 2)


def test_a_delivery_in_time_ends_a_breach_and_a_late_one_does_not() -> None:
    assert found(seen(0, **LATE), seen(1, **LATE), seen(2, **GOOD)) == [("sla_breach", "closed", 0, 1, 2)]


def test_the_last_good_value_in_place_of_a_new_one_does_not_end_what_kept_it_away() -> None:
    fallback = {"status": "partial", "error_code": "SQL_ERROR"}
    assert found(seen(0, **BROKEN), seen(1, **fallback)) == [("run_failure", "open", 0, 1, None)]


def test_a_pause_is_no_incident_and_ends_none() -> None:
    assert found(seen(0, **PAUSED)) == []
    assert found(seen(0, **BROKEN), seen(1, **PAUSED)) == [("run_failure", "open", 0, 0, None)]


def test_an_attempt_that_another_one_followed_says_nothing() -> None:
    assert found(seen(0, **BROKEN), seen(1, day=0, retry_seq=1, **GOOD)) == []
    again = [seen(0, **BROKEN), seen(1, day=0, retry_seq=1, **BROKEN)]
    assert found(*again) == [("run_failure", "open", 1, 1, None)]


def test_a_repair_of_the_past_neither_opens_nor_closes_anything() -> None:
    manual = {"trigger_type": "manual"}
    assert found(seen(5, **GOOD), seen(6, day=0, **BROKEN | manual)) == []
    assert found(seen(5, **BROKEN), seen(6, day=0, **GOOD | manual)) == [("run_failure", "open", 5, 5, None)]
    assert found(seen(5, **BROKEN), seen(6, day=5, **GOOD | manual)) == [("run_failure", "closed", 5, 5, 6)]


def test_a_bad_verdict_counts_where_the_kpi_alarms_on_it() -> None:
    critical = seen(0, verdict=Verdict.CRITICAL, **GOOD)
    assert found(critical, seen(1, **GOOD)) == [("verdict", "closed", 0, 0, 1)]
    assert found(critical, facts=KpiFacts()) == []
    assert found(seen(0, verdict=Verdict.LOW, **GOOD)) == []


@pytest.mark.parametrize(
    ("changes", "alarming"),
    [
        ({}, set()),
        ({"tier": 0}, {Verdict.LOW, Verdict.CRITICAL}),
        ({"alerts": [{"channel": "slack", "target": "#ops"}]}, {Verdict.LOW, Verdict.CRITICAL}),
        ({"alerts": [{"channel": "slack", "target": "#ops", "severity": "high"}]}, {Verdict.CRITICAL}),
        ({"alerts": [{"channel": "slack", "target": "#ops", "severity": "critical"}]}, set()),
    ],
)
def test_which_verdicts_a_kpi_alarms_on(changes: dict[str, Any], alarming: set[Verdict]) -> None:
    of = kpi(**changes)
    facts = facts_of({"name": of.name, "definition": canonical_json(of)})
    assert facts.alarming == alarming
    assert facts.runbook == "docs/runbooks/x.md"


def test_what_the_dead_man_check_logs_is_a_missing_run_and_no_breach_besides() -> None:
    at = datetime(2026, 10, 28, 12, 0, tzinfo=UTC)
    (gone,) = missed(Watched(definition(kpi()), TENANT, "us-east-1", at - DAY / 2), [], [], at)
    row = dict(close_row(gone.run, gone.outcome, at, sla_breached=True).attributes)
    assert SeenRun(row).causes(ALARMING) == {Cause.MISSING_RUN}
    assert row["triggered_by"] == incidents.DEAD_MAN


KINDS = (GOOD, LATE, PRE, POST, BROKEN, PAUSED)


@given(st.lists(st.sampled_from(KINDS), max_size=12), st.randoms())
def test_incidents_partition_what_is_wrong_whatever_the_order_of_the_rows(kinds: list[dict[str, Any]], random: Any) -> None:
    runs = [seen(number, **kind) for number, kind in enumerate(kinds)]
    told = incidents_of(runs, ALARMING)
    assert sum(each.runs for each in told) == sum(len(run.causes(ALARMING)) for run in runs)
    assert len({each.incident_id for each in told}) == len(told)
    assert all(len([each for each in told if each.cause is cause and each.state is IncidentState.OPEN]) <= 1 for cause in Cause)
    shuffled = list(runs)
    random.shuffle(shuffled)
    assert incidents_of(shuffled, ALARMING) == told


# Read from the logs


@dataclass
class Desk:
    """Logs and a catalog in memory, with runs a day apart."""

    logs: LogRows = field(default_factory=LogRows)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        of = kpi(alerts=[{"channel": "slack", "target": "#ops"}])
        row = {
            "kpi_id": of.id,
            "name": of.name,
            "pack": of.pack,
            "owner": "Operations",
            "criticality": "high",
            "definition": canonical_json(of),
        }
        self.store.tables["skyway"] = {keys.version(Environment.PRD, of.id, "1.0.0"): row}

    @property
    def log(self) -> IncidentLog:
        return IncidentLog(IncidentRows(self.logs, CatalogRows(self.store)))

    def run(self, day: int, status: RunStatus, code: ErrorCode | None = None, *, value: float | None = None, **changes: Any) -> Run:
        at = MONDAY + day * DAY
        of = kpi()
        period = Period(start=at, end=at + DAY)
        run = make_run(of, run_id=make_run_id(at, day), started_at=at, period=period, **changes)
        self.logs.add(open_row(run), close_row(run, Outcome(status=status, error_code=code), at, sla_breached=False))
        if value is not None:
            verdict = of.verdict.judge(value)
            self.logs.add(
                delivery_row(Delivery(run, of.grain, "minutes", at, (Result("ALL", value, verdict, 1, {}, {}),)), verdict.value, [])
            )
        return run


def test_an_incident_that_began_before_the_window_has_its_true_beginning_and_one_that_ended_before_is_left_out() -> None:
    desk = Desk()
    desk.run(0, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    desk.run(1, RunStatus.SUCCESS, value=1.0)
    began = desk.run(2, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    desk.run(3, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    (told,) = desk.log.since("skyway", "prod", MONDAY + 3 * DAY - timedelta(hours=1)).items
    assert (told.incident.first.run_id, told.incident.runs, told.incident.state) == (began.run_id, 2, IncidentState.OPEN)
    assert told.facts.name == "Mean arrival delay"


def test_an_incident_that_no_run_of_the_window_shows_is_left_out_whatever_else_began_before() -> None:
    desk = Desk()
    desk.run(0, RunStatus.SUCCESS, value=99.0)
    desk.run(1, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    desk.run(2, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    found_ = desk.log.since("skyway", "prod", MONDAY + 2 * DAY - timedelta(hours=1)).items
    assert [(each.incident.cause, each.incident.runs) for each in found_] == [(Cause.RUN_FAILURE, 2)]


def test_bad_verdicts_are_read_from_the_deliveries() -> None:
    desk = Desk()
    desk.run(0, RunStatus.SUCCESS, value=99.0)
    desk.run(1, RunStatus.SUCCESS, value=1.0)
    (told,) = desk.log.since("skyway", "prod", MONDAY).items
    assert (told.incident.cause, told.incident.state, told.incident.first.bad_verdict) == (
        Cause.VERDICT,
        IncidentState.CLOSED,
        Verdict.CRITICAL,
    )


def test_other_tenants_and_environments_have_incidents_of_their_own() -> None:
    desk = Desk()
    desk.run(0, RunStatus.FAILED, ErrorCode.SQL_ERROR, environment="dev")
    desk.run(1, RunStatus.FAILED, ErrorCode.SQL_ERROR, tenant_id="acme")
    assert desk.log.since("skyway", "prod", MONDAY).items == []
    assert len(desk.log.since("skyway", "dev", MONDAY).items) == 1


def test_any_run_of_an_incident_names_it_and_another_run_does_not() -> None:
    desk = Desk()
    first = desk.run(0, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    later = desk.run(1, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    good = desk.run(2, RunStatus.SUCCESS, value=1.0)
    ids = {}
    for run in (first, later):
        name = f"run_failure-{run.run_id:019d}"
        assert shown_run(name, "prod") == run.run_id
        row = dict(open_row(run).attributes)
        ids[run.run_id] = desk.log.one("skyway", "prod", name, row).incident.incident_id
    assert set(ids.values()) == {f"run_failure-{first.run_id:019d}"}
    with pytest.raises(KpiError, match="there is no incident run_failure"):
        desk.log.one("skyway", "prod", f"run_failure-{good.run_id:019d}", dict(open_row(good).attributes))
    with pytest.raises(KpiError, match="there is no incident"):
        shown_run("odd-0000000000000000001", "prod")


def test_an_answer_that_could_not_look_at_all_runs_says_so_and_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.domain.monitoring.incident_log.MAX_ROWS", 3)
    desk = Desk()
    desk.run(0, RunStatus.FAILED, ErrorCode.MISSING_GDP)
    desk.run(1, RunStatus.SUCCESS, value=1.0)
    desk.run(2, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    found_ = desk.log.since("skyway", "prod", MONDAY)
    assert not found_.complete
    assert MONDAY + DAY < found_.since < MONDAY + 2 * DAY
    assert [each.incident.cause for each in found_.items] == [Cause.RUN_FAILURE]

"""Back-tests: metrics rebuilt from the run log, firings, noise, what was missed, and what-if changes."""

from __future__ import annotations

from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.testing.backtest import Kind, Span, backtest
from alerts.testing.backtest_report import json_report, text_report
from alerts.testing.history import By, Run, points_of, read_run
from alerts.testing.overrides import OverrideError, override, read_override
from alerts.testing.stacks import Stacks
from cli.backtest import Question, closed_runs, judge, read_runs
from kpis.common import Verdict
from kpis.metric_names import NAMESPACE, TIER_0_METRICS, VERDICT_CODES, Metric
from lambdas.adapters.telemetry import EmfMetrics
from lambdas.domain.closing import metric_values
from lambdas.domain.errors import ErrorCode
from lambdas.domain.model import HardStop, Outcome, RunStatus
from local.agent.emf import samples_of

STACKS = Stacks()
ACME = STACKS.deployed(STACKS.where("acme.prod"))
PLATFORM = STACKS.deployed(STACKS.where("platform.local"))
DAY = datetime(2026, 3, 2, tzinfo=UTC)


def row(minutes: float, **changes: Any) -> dict[str, Any]:
    """A run of acme as `/runs` lists it, closed some minutes after the day began."""
    closed = DAY + timedelta(minutes=minutes)
    found = {
        "run_id": str(round(minutes * 1000)),
        "tenant_id": "acme",
        "environment": "prod",
        "region": "us-east-1",
        "kpi_id": "CFO-AR-01",
        "started_at": (closed - timedelta(seconds=1)).isoformat(),
        "finished_at": closed.isoformat(),
        "status": "success",
        "rows_processed": 10,
        "sla_breached": False,
        "time_range": "2025-11-01T00:00:00.000Z/2025-11-02T00:00:00.000Z",
        "verdict": "Adequate",
        "entity": "ALL",
        "value": 1.5,
    }
    return found | changes


def failed(minutes: float, code: str = "SQL_ERROR", **changes: Any) -> dict[str, Any]:
    return row(minutes, status="failed", error_code=code, verdict=None, value=None, **changes)


def runs(*rows: dict[str, Any]) -> list[Run]:
    return closed_runs(rows, frozenset({"CFO-EF-02"}))


def span(hours: float = 24, window: float = 3600) -> Span:
    return Span(DAY.timestamp(), DAY.timestamp() + hours * 3600, By.CLOCK, window)


def healthy(hours: int = 24) -> list[dict[str, Any]]:
    return [row(60 * hour + 0.5) for hour in range(hours)]


# The metrics of a run.


outcomes = st.builds(
    Outcome,
    status=st.sampled_from(RunStatus),
    rows_processed=st.integers(0, 10**9),
    verdict=st.sampled_from([None, *Verdict]),
    value=st.none() | st.floats(-1e9, 1e9),
)


@given(outcomes, st.booleans(), st.integers(0, 2), st.booleans(), st.integers(0, 10**7))
def test_history_has_the_very_points_that_the_closing_function_emits(
    outcome: Outcome, breach: bool, found: int, tier_0: bool, duration_ms: int
):
    stop = {RunStatus.SKIPPED: HardStop.PRE, RunStatus.FAILED: HardStop.POST}.get(outcome.status)
    code = {HardStop.PRE: ErrorCode.VALIDATION_FAIL_PRE, HardStop.POST: ErrorCode.VALIDATION_FAIL_POST}.get(stop) if stop else None
    outcome = outcome.model_copy(update={"hard_stop": stop, "error_code": code})
    delivered = outcome.status in (RunStatus.SUCCESS, RunStatus.PARTIAL)
    values: dict[str, float] = metric_values(outcome, duration_ms, breach, found)
    if tier_0 and delivered and outcome.verdict is not None:
        values |= {Metric.KPI_VERDICT: float(VERDICT_CODES[outcome.verdict])}
        values |= {} if outcome.value is None else {Metric.KPI_VALUE: outcome.value}
    out = StringIO()
    with redirect_stdout(out):
        EmfMetrics(NAMESPACE).emit("acme", "prod", values, {"kpi_id": "CFO-AR-01"})
    emitted = {(each.metric, frozenset(each.dimensions), each.value) for each in samples_of(out.getvalue())}

    finished = DAY + timedelta(milliseconds=duration_ms)
    run = read_run(
        row(
            0,
            started_at=DAY.isoformat(),
            finished_at=finished.isoformat(),
            status=outcome.status.value,
            error_code=code and code.value,
            sla_breached=breach,
            rows_processed=outcome.rows_processed,
            verdict=outcome.verdict,
            value=outcome.value,
        ),
        anomalies=found,
        tier_0=tier_0,
    )
    assert run is not None
    rebuilt = {(series.metric, series.dimensions, point.total) for series, point in points_of(run, By.CLOCK)}
    assert rebuilt == {each for each in emitted if each[0] != Metric.RUN_OVERHEAD_MS}
    assert {point.timestamp for _, point in points_of(run, By.CLOCK)} == {finished.timestamp()}


def test_a_hard_stop_before_is_told_from_a_run_that_nothing_vouched_for():
    (stopped, unvouched) = runs(
        row(1, status="skipped", error_code="VALIDATION_FAIL_PRE"), row(2, status="partial", error_code="VALIDATION_FAIL_PRE")
    )
    assert stopped.values[Metric.PRE_VALIDATION_HARD_STOPS] == 1
    assert unvouched.values[Metric.PRE_VALIDATION_HARD_STOPS] == 0


def test_a_run_that_has_not_ended_emits_nothing():
    assert runs(row(1, finished_at=None, status=None)) == []


def test_only_tier_0_kpis_have_series_of_their_own_and_only_the_tenants_total_a_value():
    plain, tier_0, entity = runs(row(1), row(2, kpi_id="CFO-EF-02"), row(3, kpi_id="CFO-EF-02", entity="north"))
    assert not TIER_0_METRICS & set(plain.values)
    assert tier_0.values[Metric.KPI_VALUE] == 1.5
    assert Metric.KPI_VALUE not in entity.values
    assert entity.values[Metric.KPI_VERDICT] == 0


def test_runtime_anomalies_are_found_again_against_the_runs_before():
    steady = [row(minute) for minute in range(1, 10)]
    odd = row(20, rows_processed=1000)
    assert [run.anomalies for run in runs(*steady, odd)] == [0] * 9 + [1]


# Firings, noise and what was missed.


def test_an_alarm_is_reported_from_when_to_when_it_would_have_fired():
    (stack,) = backtest([ACME], runs(*healthy(), row(600, sla_breached=True)), span()).stacks
    alarm = next(each for each in stack.alarms if each.alarm == "sla-breaches")
    (firing,) = alarm.firings
    assert firing.start == (DAY + timedelta(minutes=601)).timestamp()
    assert firing.end is not None
    assert 300 <= firing.end - firing.start <= 900
    assert "greater than the threshold (0)" in firing.reason


def test_an_alarm_that_fires_again_within_the_hour_flaps():
    breaches = [row(minute, sla_breached=True) for minute in (600, 630, 660, 900)]
    (stack,) = backtest([ACME], runs(*healthy(), *breaches), span()).stacks
    alarm = next(each for each in stack.alarms if each.alarm == "sla-breaches")
    assert (len(alarm.firings), alarm.flaps) == (4, 2)


def test_an_event_that_no_alarm_tells_is_missed_and_says_who_stayed_quiet():
    found = backtest([ACME], runs(*healthy(), failed(600)), span(), only=frozenset({"run-failure-ratio", "sla-breaches"}))
    assert found.events[Kind.FAILED] == 1
    assert [(each.event.kind, each.why) for each in found.missed] == [(Kind.FAILED, "run-failure-ratio stayed quiet")]


def test_a_failed_run_among_too_few_is_missed_and_many_of_them_are_told():
    many = [failed(600 + minute) for minute in range(10)]
    assert not backtest([ACME], runs(*healthy(), *many), span()).missed
    assert len(backtest([ACME], runs(*healthy(), *many[:2]), span()).missed) == 2


def test_a_critical_verdict_is_told_by_the_alarm_of_a_tier_0_kpi_only():
    found = backtest([ACME], runs(row(10, kpi_id="CFO-EF-02", verdict="Critical"), row(20, verdict="Critical")), span())
    assert [(each.event.run.row.kpi_id, each.why) for each in found.missed] == [("CFO-AR-01", "no judged alarm reads it")]


def test_a_composite_that_is_in_alarm_for_another_reason_tells_nothing():
    anomaly = row(600, rows_processed=10_000)
    breach = row(601, sla_breached=True)
    deaf = override(ACME, [read_override("sla-breaches.threshold=100")])
    found = backtest([deaf], runs(*healthy(), anomaly, breach), span(), only=frozenset({"kpi-health"}))
    assert found.stacks[0].alarms[0].firings
    assert [each.why for each in found.missed] == ["kpi-health stayed quiet"]


def test_another_stack_may_tell_what_one_misses():
    history = runs(*healthy(), *(failed(600 + minute) for minute in range(30)))
    deaf = override(ACME, [read_override("run-failure-ratio.threshold=100")])
    only = frozenset({"run-failure-ratio"})
    assert len(backtest([deaf], history, span(), only).missed) == 30
    assert backtest([deaf, PLATFORM], history, span(), only).missed == ()


def test_alarms_on_what_the_run_log_does_not_tell_are_named_and_not_judged():
    (stack,) = backtest([PLATFORM], runs(*healthy()), span()).stacks
    assert stack.unjudged["dead-letters"] == "AWS/SQS ApproximateNumberOfMessagesVisible"
    assert stack.unjudged["log-tamper"] == "KpiObservatory LogTamperEvents"
    assert {each.alarm for each in stack.alarms} | set(stack.unjudged) == set(PLATFORM.by_key)
    assert not {each.alarm for each in stack.alarms} & set(stack.unjudged)


def test_a_system_is_not_blamed_for_the_time_before_its_first_run():
    late = runs(*(row(60 * hour) for hour in range(20, 24)))
    (stack,) = backtest([ACME], late, Span(DAY.timestamp() - 90 * 86400, span().end, By.CLOCK)).stacks
    assert [each.alarm for each in stack.alarms if each.firings] == []


def test_runs_before_the_span_fill_the_first_windows_and_are_no_events():
    before = [failed(-minute) for minute in range(1, 31)]
    found = backtest([ACME], runs(*before, *healthy()), span())
    assert found.events[Kind.FAILED] == 0
    ratio = next(each for each in found.stacks[0].alarms if each.alarm == "run-failure-ratio")
    assert ratio.firings[0].start == DAY.timestamp()


def test_a_tenants_alarms_hear_of_nobody_elses_runs():
    found = backtest([ACME], runs(*healthy(), *(failed(600 + minute, tenant_id="skyway") for minute in range(20))), span())
    assert found.events[Kind.FAILED] == 0
    assert not [each for each in found.stacks[0].alarms if each.firings]


def test_a_stack_without_runs_is_said_to_have_none():
    assert "acme.prod: no runs to judge" in "\n".join(text_report([backtest([ACME], [], span())]))


# What if.


def test_a_higher_threshold_silences_single_breaches_and_both_are_shown_side_by_side():
    history = runs(*healthy(), row(600, sla_breached=True))
    changed = override(ACME, [read_override("sla-breaches.threshold=1")])
    present, other = backtest([ACME], history, span()), backtest([changed], history, span())
    assert (len(present.missed), len(other.missed)) == (0, 1)
    text = "\n".join(text_report([present], [other]))
    assert "sla-breaches           1 -> 0" in text
    assert "0 events -> 1 with the changes" in text
    assert (
        "Missed only with the changes: 1 event\n  1 SLA breach of acme CFO-AR-01: escalation, kpi-health, sla-breaches stayed quiet" in text
    )
    assert "Not missed any more" not in text
    document = json_report([present], [other])
    assert [len(document[name]["missed"]) for name in ("present", "changed")] == [0, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("threshold=1", "is not a change"),
        ("sla-breaches.threshold", "is not a change"),
        ("sla-breaches.treshold=1", "did you mean 'threshold'"),
        ("sla-breaches.threshold=many", "could not convert"),
        ("sla-breaches.datapoints=2", "2 datapoints out of 1 periods"),
        ("sla-breaches.period=45", "expected 10, 30 or whole minutes"),
        ("sla-breaches.missing_data=maybe", "is not one of missing, ignore, breaching, notBreaching"),
        ("kpi-health.threshold=1", "is a composite alarm"),
    ],
)
def test_a_change_that_makes_no_sense_says_so(text: str, says: str):
    with pytest.raises(OverrideError) as caught:
        override(ACME, [read_override(text)])
    assert says in str(caught.value)


def test_every_field_can_be_changed():
    texts = ("threshold=3", "periods=4", "datapoints=2", "period=10m", "comparison=below", "missing_data=ignore")
    alarm = override(ACME, [read_override(f"sla-breaches.{text}") for text in texts]).by_key["sla-breaches"]
    assert "LessThanThreshold" in str(alarm)
    assert "period=600" in str(alarm)
    assert "MissingData.IGNORE" in repr(alarm)


def test_a_run_whose_period_is_not_known_can_only_be_placed_by_the_clock():
    (run,) = runs(row(1, time_range=None))
    assert run.has_moment(By.CLOCK)
    assert not run.has_moment(By.PERIOD)


# The command's own part.


class Plane:
    """Answers with rows, and remembers what it was asked."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = rows
        self.asked: list[dict[str, str]] = []

    def items(self, path: str, tenant: str, **parameters: str) -> list[dict[str, Any]]:
        self.asked.append({"path": path, "tenant": tenant, **parameters})
        return [each for each in self._rows if each["tenant_id"] == tenant]


def question(by: By = By.CLOCK) -> Question:
    return Question(by, None, None, timedelta(days=1), timedelta(hours=1), DAY + timedelta(days=1))


def test_runs_are_read_from_long_enough_before_the_span_and_by_period_all_of_them():
    plane = Plane(row(5), row(1))
    found = read_runs(plane, ["acme", "skyway"], "prod", question(), STACKS)
    assert [run.row.run_id for run in found] == ["1000", "5000"]
    assert [each["tenant"] for each in plane.asked] == ["acme", "skyway"]
    assert plane.asked[0]["since"] == "2026-02-22T00:00:00.000Z"
    read_runs(plane, ["acme"], "prod", question(By.PERIOD), STACKS)
    assert "since" not in plane.asked[-1]


def test_by_period_each_stack_is_judged_where_its_own_data_end():
    day = "2013-02-{0:02d}T00:00:00.000Z/2013-02-{1:02d}T00:00:00.000Z"
    past = [row(number, time_range=day.format(number, number + 1), sla_breached=number == 5) for number in range(1, 10)]
    (found,) = judge([ACME], runs(*past), question(By.PERIOD), frozenset({"sla-breaches"}))
    assert found.stacks[0].runs == 1
    whole = Question(By.PERIOD, datetime(2013, 2, 1, tzinfo=UTC), None, timedelta(days=1), timedelta(hours=1), DAY)
    (found,) = judge([ACME], runs(*past), whole, frozenset({"sla-breaches"}))
    (alarm,) = found.stacks[0].alarms
    assert [firing.start for firing in alarm.firings] == [datetime(2013, 2, 6, 0, 1, tzinfo=UTC).timestamp()]

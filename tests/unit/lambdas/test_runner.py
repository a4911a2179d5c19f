"""The runner on a real warehouse and result store: every step and every rule, seen from outside."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from lambdas.adapters.results import PostgresResults
from lambdas.adapters.warehouse import SqlWarehouses
from lambdas.domain.delivery import Deliverer
from lambdas.domain.errors import ErrorCode
from lambdas.domain.model import HardStop, LogTable, Outcome, RunStatus
from tests.unit.lambdas.memory import FixedClock, kpi, make_run
from tests.unit.lambdas.rig import GOOD_DAY, Engine


def test_a_good_day_is_sourced_checked_executed_and_delivered(engine: Engine) -> None:
    outcome = engine.run(kpi())
    assert (outcome.status, outcome.error_code, outcome.value, outcome.rows_processed) == (RunStatus.SUCCESS, None, 9.0, 3)
    assert engine.delivered() == {"ALL": 9.0, "JFK": 6.0, "LGA": 15.0}
    (sourcing,) = engine.logs.rows(LogTable.SOURCING)
    assert (sourcing["source_type"], sourcing["source_object"], sourcing["source_version"]) == ("gdp", "GDP_Flights", "v42")
    assert sourcing["sql_hash"] == outcome.sql_hash
    (delivery,) = engine.logs.rows(LogTable.DELIVERY)
    assert json.loads(str(delivery["output_sample"]))["sample"][0] == {"entity": "ALL", "value": 9.0, "verdict": "Adequate"}


def test_the_verdict_of_a_run_is_the_worst_of_its_entities(engine: Engine) -> None:
    outcome = engine.run(kpi())
    assert engine.delivered("verdict") == {"ALL": "Adequate", "JFK": "Adequate", "LGA": "Low"}
    assert outcome.verdict == "Low"


def test_a_run_for_one_entity_delivers_only_it(engine: Engine) -> None:
    engine.run(kpi(), entities=("JFK",))
    assert engine.delivered() == {"JFK": 6.0}


def test_rows_that_became_known_after_as_of_are_invisible(engine: Engine) -> None:
    engine.database.fill(*GOOD_DAY, ("2013-10-29", "2013-10-30T23:00Z", "JFK", 500.0))
    assert engine.run(kpi()).value == 9.0


def test_the_layout_of_the_sql_does_not_change_its_hash_and_its_meaning_does(engine: Engine) -> None:
    text = kpi().expression.model_dump()["sql"]
    first = engine.run(kpi(), run_id=1).sql_hash
    same = engine.run(kpi(expression={"sql": f"-- a comment\n{text}".replace("SELECT", "select")}), run_id=2).sql_hash
    other = engine.run(kpi(expression={"sql": text.replace("AVG", "MAX")}), run_id=3).sql_hash
    assert first == same != other


RULES: list[tuple[str, dict[str, Any], bool]] = [
    ("enough rows", {"check": "source_present", "source": "GDP_Flights", "min_rows": 3}, True),
    ("too few rows", {"check": "source_present", "source": "GDP_Flights", "min_rows": 4}, False),
    ("the day is covered", {"check": "range_covered", "source": "GDP_Flights"}, True),
    ("airports are covered", {"check": "entities_covered", "source": "GDP_Flights", "column": "origin", "expected": ["JFK", "LGA"]}, True),
    (
        "an airport is missing",
        {"check": "entities_covered", "source": "GDP_Flights", "column": "origin", "expected": ["JFK", "EWR"]},
        False,
    ),
    ("fresh data", {"check": "freshness", "source": "GDP_Flights", "max_age": "30m"}, True),
    ("old data", {"check": "freshness", "source": "GDP_Flights", "max_age": "29m"}, False),
    ("no NULL", {"check": "null_ratio", "source": "GDP_Flights", "column": "delay", "max": 0}, True),
    ("values in range", {"check": "column_range", "source": "GDP_Flights", "column": "delay", "min": 4, "max": 15}, True),
    ("a value out of range", {"check": "column_range", "source": "GDP_Flights", "column": "delay", "max": 14.9}, False),
    ("row count", {"check": "row_count", "source": "GDP_Flights", "min": 3}, True),
    ("row count too small", {"check": "row_count", "source": "GDP_Flights", "min": 4}, False),
    ("no baseline yet", {"check": "row_count", "source": "GDP_Flights", "min_ratio_of_baseline": 0.9}, True),
    (
        "totals agree",
        {"check": "reconciliation", "left_sql": "SELECT 100 AS a", "right_sql": "SELECT 101 AS a", "tolerance": 0.01},
        True,
    ),
    (
        "totals differ",
        {"check": "reconciliation", "left_sql": "SELECT 100 AS a", "right_sql": "SELECT 102 AS a", "tolerance": 0.01},
        False,
    ),
]


@pytest.mark.parametrize(("rule", "holds"), [(rule, holds) for _, rule, holds in RULES], ids=[name for name, _, _ in RULES])
def test_pre_validation_rule(engine: Engine, rule: dict[str, Any], holds: bool) -> None:
    outcome = engine.run(kpi(pre_validation=[{"id": "rule"} | rule]))
    assert engine.pre() == {"rule": "pass" if holds else "fail"}
    assert outcome.status is (RunStatus.SUCCESS if holds else RunStatus.SKIPPED)


def test_the_share_of_null_is_judged_against_the_rows_of_the_period(engine: Engine) -> None:
    engine.database.fill(*GOOD_DAY, ("2013-10-29", "2013-10-30T09:30Z", "JFK", None))
    rule = {"id": "rule", "check": "null_ratio", "source": "GDP_Flights", "column": "delay"}
    assert engine.run(kpi(pre_validation=[rule | {"max": 0.25}]), run_id=1).status is RunStatus.SUCCESS
    assert engine.run(kpi(pre_validation=[rule | {"max": 0.24}]), run_id=2).status is RunStatus.SKIPPED


def test_the_row_count_is_judged_against_the_mean_of_the_periods_before(engine: Engine) -> None:
    before = [(f"2013-10-{day}", "2013-10-29T00:00Z", "JFK", 1.0) for day in (26, 27, 28) for _ in range(10)]
    engine.database.fill(*GOOD_DAY, *before)
    rule = {"id": "rule", "check": "row_count", "source": "GDP_Flights", "baseline_periods": 7}
    assert engine.run(kpi(pre_validation=[rule | {"min_ratio_of_baseline": 0.3}]), run_id=1).status is RunStatus.SUCCESS
    assert engine.run(kpi(pre_validation=[rule | {"min_ratio_of_baseline": 0.31}]), run_id=2).status is RunStatus.SKIPPED


def test_a_failed_error_rule_before_execution_skips_the_run(engine: Engine) -> None:
    engine.database.fill()
    outcome = engine.run(kpi())
    assert (outcome.status, outcome.error_code, outcome.hard_stop) == (RunStatus.SKIPPED, ErrorCode.VALIDATION_FAIL_PRE, HardStop.PRE)
    assert outcome.failed_rules == ("available",)
    assert engine.delivered() == {}
    assert not engine.logs.rows(LogTable.POST_VALIDATION)


def test_a_failed_warn_rule_is_recorded_and_flagged_and_delivers(engine: Engine) -> None:
    rule = {"id": "many", "check": "source_present", "source": "GDP_Flights", "min_rows": 100, "severity": "warn"}
    assert engine.run(kpi(pre_validation=[rule])).status is RunStatus.SUCCESS
    assert engine.pre() == {"many": "fail"}
    assert engine.delivered("flags ->> 'warnings'")["ALL"] == '["many"]'


def test_a_failed_error_rule_after_execution_suppresses_the_delivery(engine: Engine) -> None:
    outcome = engine.run(kpi(post_validation=[{"id": "bounds", "check": "value_range", "max": 14}]))
    assert (outcome.status, outcome.error_code, outcome.hard_stop) == (RunStatus.FAILED, ErrorCode.VALIDATION_FAIL_POST, HardStop.POST)
    assert "LGA = 15.0" in str(outcome.error_message)
    assert engine.delivered() == {}
    assert not engine.logs.rows(LogTable.DELIVERY)


def test_a_run_without_any_rule_is_never_a_success(engine: Engine) -> None:
    outcome = engine.run(kpi(pre_validation=[], post_validation=[]))
    assert outcome.status is RunStatus.PARTIAL
    assert engine.delivered("flags ->> 'unvalidated'")["ALL"] == "true"


def test_a_missing_table_is_missing_golden_data(engine: Engine) -> None:
    engine.database.execute("warehouse", "ALTER TABLE gdp_flights RENAME TO gone")
    try:
        outcome = engine.run(kpi())
    finally:
        engine.database.execute("warehouse", "ALTER TABLE gone RENAME TO gdp_flights")
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.MISSING_GDP)
    assert "gdp_flights" in str(outcome.error_message)
    assert engine.pre() == {"available": "fail"}


def test_a_statement_that_takes_too_long_is_a_timeout(engine: Engine) -> None:
    slow = "SELECT 'ALL' AS entity, COUNT(*) AS value, 1 AS rows_processed FROM generate_series(1, 1000000000) AS many(n)"
    of = kpi(expression={"sql": slow}, schedule={"frequency": "daily", "trigger": "time", "cron": "0 6 * * *", "timeout": "1s"})
    outcome = engine.run(of)
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.TIMEOUT)


def test_a_division_by_zero_is_a_sql_error_with_the_databases_words(engine: Engine) -> None:
    outcome = engine.run(
        kpi(expression={"sql": "SELECT 'ALL' AS entity, 1 / COUNT(*) * 0 / 0 AS value, 1 AS rows_processed FROM gdp_flights"})
    )
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.SQL_ERROR)
    assert "division by zero" in str(outcome.error_message)


def test_sql_that_writes_is_refused_before_it_runs(engine: Engine) -> None:
    outcome = engine.run(kpi(expression={"sql": "WITH gone AS (DELETE FROM gdp_flights RETURNING 1) SELECT 1 AS entity"}))
    assert outcome.error_code is ErrorCode.SQL_ERROR
    assert engine.database.execute("warehouse", "SELECT COUNT(*) FROM gdp_flights") == [(3,)]


def test_the_session_is_read_only_even_for_a_role_that_may_write(engine: Engine) -> None:
    engine.warehouses = SqlWarehouses(lambda _run: engine.database.url("postgres", "warehouse"))
    with engine.warehouses.open(make_run(kpi()), timedelta(seconds=5)) as session, pytest.raises(Exception, match="read-only"):
        session.query("INSERT INTO gdp_version VALUES ('x', 'y') RETURNING 1", {})


def test_a_warehouse_that_is_down_is_a_clear_failure_without_its_password(engine: Engine) -> None:
    engine.warehouses = SqlWarehouses(lambda _run: "postgresql+psycopg://reader:hunter2@127.0.0.1:1/warehouse")
    outcome = engine.run(kpi())
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.SQL_ERROR)
    assert "cannot be reached" in str(outcome.error_message)
    assert "hunter2" not in str(outcome.error_message)


def test_a_result_store_that_is_down_is_a_clear_failure(engine: Engine) -> None:
    engine.results = PostgresResults(lambda: "postgresql://runner:hunter2@127.0.0.1:1/results")
    outcome = engine.run(kpi())
    assert (outcome.status, outcome.error_code) == (RunStatus.FAILED, ErrorCode.INTERNAL)
    assert "result store" in str(outcome.error_message)
    assert "hunter2" not in str(outcome.error_message)


def test_a_connection_that_was_cut_between_runs_is_replaced(engine: Engine) -> None:
    assert engine.run(kpi(), run_id=1).status is RunStatus.SUCCESS
    engine.database.execute("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('reader', 'runner')")
    engine.results._used_at -= 60
    assert engine.run(kpi(), run_id=2).status is RunStatus.SUCCESS


def test_the_last_failed_attempt_falls_back_to_the_last_good_value_flagged_and_dated(engine: Engine) -> None:
    of = kpi(error_policy={"retry": {"count": 0}, "on_failure": "fallback"}, expression={"sql": "SELECT 1 / 0 AS entity"})
    engine.past(of, {3: 7.5, 2: 8.5})
    outcome = engine.run(of, last_attempt=True)
    assert (outcome.status, outcome.error_code, outcome.value, outcome.fallback) == (RunStatus.PARTIAL, ErrorCode.SQL_ERROR, 8.5, True)
    assert "2013-10-27" in str(engine.delivered("flags ->> 'value_of'")["ALL"])


def test_an_earlier_attempt_does_not_fall_back(engine: Engine) -> None:
    of = kpi(error_policy={"on_failure": "fallback"}, expression={"sql": "SELECT 1 / 0 AS entity"})
    engine.past(of, {2: 8.5})
    assert engine.run(of, last_attempt=False).status is RunStatus.FAILED


def test_a_fallback_value_is_never_fallen_back_to(engine: Engine) -> None:
    of = kpi(error_policy={"on_failure": "fallback"})
    engine.past(of, {3: 7.5})
    engine.past(of, {2: 99.0}, run_id=2, fallback=True)
    assert [measure.value for measure, _ in engine.results.last_good(make_run(of))] == [7.5]


def test_suppress_delivers_nothing_and_says_why(engine: Engine) -> None:
    of = kpi(expression={"sql": "SELECT 1 / 0 AS entity"})
    engine.past(of, {2: 8.5})
    outcome = engine.run(of, last_attempt=True)
    assert outcome.status is RunStatus.FAILED
    assert outcome.error_message


def test_a_change_beyond_the_variance_rule_fails_and_one_within_passes(engine: Engine) -> None:
    rule = {"id": "volatility", "check": "variance", "baseline_periods": 7, "min_periods": 3}
    of = kpi(post_validation=[rule | {"max_change": 0.5}])
    engine.past(of, {1: 6.0, 2: 6.0, 3: 6.0})
    assert engine.run(of, run_id=5000).status is RunStatus.SUCCESS
    assert engine.run(kpi(post_validation=[rule | {"max_change": 0.49}]), run_id=5001).error_code is ErrorCode.VALIDATION_FAIL_POST
    assert engine.run(kpi(post_validation=[rule | {"max_sigma": 3}]), run_id=5002).error_code is ErrorCode.VALIDATION_FAIL_POST


def test_variance_without_history_passes_and_says_so(engine: Engine) -> None:
    engine.run(kpi(post_validation=[{"id": "volatility", "check": "variance", "max_change": 0.1}]))
    (row,) = engine.logs.rows(LogTable.POST_VALIDATION)
    assert row["result"] == "pass"
    assert "not enough history" in str(row["details"])


def test_extensions_look_at_the_stored_history(engine: Engine) -> None:
    kinds = [{"kind": "PoP"}, {"kind": "MoM"}, {"kind": "YoY"}, {"kind": "rolling", "periods": 3}]
    kinds += [{"kind": "zscore", "periods": 3}, {"kind": "percentile", "periods": 4}, {"kind": "budget_vs_actual", "budget": 6}]
    of = kpi(extensions=kinds)
    engine.past(of, {1: 6.0, 2: 3.0, 3: 12.0, 30: 18.0, 365: 4.5})
    engine.run(of, run_id=9000)
    found: dict[str, Any] = engine.delivered("extensions")["ALL"]
    assert found["PoP"] == {"previous": 6.0, "change": 0.5}
    assert found["MoM"] == {"previous": 18.0, "change": -0.5}
    assert found["YoY"] == {"previous": 4.5, "change": 1.0}
    assert found["rolling"] == {"mean": 6.0, "periods": 3, "of": 3}
    assert found["zscore"]["score"] == pytest.approx((9 - 7) / 4.58257569)
    assert found["percentile"] == {"rank": pytest.approx(200 / 3), "periods": 3}
    assert found["budget_vs_actual"] == {"budget": 6.0, "difference": 3.0, "change": 0.5}


def test_delivering_again_supersedes_and_keeps_what_was_delivered(engine: Engine) -> None:
    engine.run(kpi(), run_id=1)
    engine.database.fill(*GOOD_DAY, ("2013-10-29", "2013-10-30T09:30Z", "LGA", 33.0))
    engine.run(kpi(), run_id=2)
    assert engine.delivered()["ALL"] == 15.0
    assert engine.database.execute("results", "SELECT COUNT(*) FROM kpi_result") == [(6,)]


def test_entities_returned_twice_are_an_error_that_names_them(engine: Engine) -> None:
    twice = "SELECT 'ALL' AS entity, 1 AS value, 1 AS rows_processed UNION ALL SELECT 'ALL' AS entity, 2 AS value, 1 AS rows_processed"
    outcome = engine.run(kpi(expression={"sql": twice}))
    assert outcome.error_code is ErrorCode.SQL_ERROR
    assert "ALL more than once" in str(outcome.error_message)


def test_the_logs_are_written_in_three_calls(engine: Engine) -> None:
    engine.run(kpi())
    assert engine.logs.calls == 3


def test_a_crash_on_the_last_attempt_falls_back_too(engine: Engine) -> None:
    of = kpi(error_policy={"on_failure": "fallback"})
    engine.past(of, {2: 8.5})
    failure = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.INTERNAL, error_message="killed")
    outcome = Deliverer(engine.results, engine.logs, FixedClock()).fall_back(make_run(of), of, failure)
    assert (outcome.status, outcome.value) == (RunStatus.PARTIAL, 8.5)

"""KPIs over KPIs: formulas and composites on the delivered results of their upstreams, and the wall between tenants."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.domain.errors import ErrorCode
from lambdas.domain.model import LogTable, RunStatus
from tests.unit.lambdas.memory import DAY, formula_kpi, kpi, make_run
from tests.unit.lambdas.rig import Engine


def upstreams(engine: Engine, a: float = 6.0, b: float = 3.0, *, entity: str = "ALL", **flags: Any) -> None:
    engine.past(kpi(id="SKY-AA-01"), {0: a}, run_id=1, entity=entity, **flags)
    engine.past(kpi(id="SKY-BB-01"), {0: b}, run_id=2, entity=entity, **flags)


def test_a_formula_is_computed_from_the_delivered_values_of_its_upstreams(engine: Engine) -> None:
    upstreams(engine)
    outcome = engine.run(formula_kpi(), run_id=9000)
    assert (outcome.status, outcome.value, outcome.rows_processed) == (RunStatus.SUCCESS, 2.0, 2)
    sourcing = {str(row["source_object"]): row for row in engine.logs.rows(LogTable.SOURCING)}
    assert sourcing["SKY-AA-01"]["source_type"] == "kpi"
    assert sourcing["SKY-AA-01"]["source_version"] == "1.0.0"


def test_a_formula_joins_its_upstreams_by_entity(engine: Engine) -> None:
    upstreams(engine)
    engine.past(kpi(id="SKY-AA-01"), {0: 10.0}, run_id=3, entity="JFK")
    engine.run(formula_kpi(), run_id=9000)
    found = {row[0] for row in engine.database.execute("results", "SELECT entity FROM kpi_result WHERE kpi_id = 'SKY-RT-01'")}
    assert found == {"ALL"}, "JFK has no denominator, so it has no ratio"


def test_the_latest_delivery_of_an_upstream_counts(engine: Engine) -> None:
    upstreams(engine)
    engine.past(kpi(id="SKY-AA-01"), {0: 30.0}, run_id=7)
    assert engine.run(formula_kpi(), run_id=9000).value == 10.0


def test_an_upstream_that_delivered_nothing_skips_the_run(engine: Engine) -> None:
    outcome = engine.run(formula_kpi())
    assert outcome.error_code is ErrorCode.VALIDATION_FAIL_PRE
    assert "SKY-AA-01 has no delivered result" in str(outcome.error_message)


def test_an_upstream_that_breached_its_sla_fails_readiness(engine: Engine) -> None:
    upstreams(engine, sla={"freshness": "breach"})
    assert "breached its SLA: freshness" in str(engine.run(formula_kpi(), run_id=9000).error_message)


def test_a_zero_denominator_is_caught_before_the_division(engine: Engine) -> None:
    upstreams(engine, b=0.0)
    rule = {"id": "positive", "check": "upstream_range", "source": "b", "min": 0, "exclusive_min": True}
    assert engine.run(formula_kpi(pre_validation=[rule]), run_id=9000).status is RunStatus.SKIPPED


def test_a_composite_scales_and_weighs_and_keeps_null_null(engine: Engine) -> None:
    weights = {"a": {"weight": 0.75, "floor": 0, "ceiling": 12}, "b": {"weight": 0.25, "floor": 4, "ceiling": 0}}
    upstreams(engine)
    assert engine.run(formula_kpi(expression={"weights": weights}), run_id=9000).value == pytest.approx(0.75 * 50 + 0.25 * 25)
    engine.database.execute("results", "UPDATE kpi_result SET value = NULL WHERE kpi_id = 'SKY-AA-01'")
    assert engine.run(formula_kpi(expression={"weights": weights}), run_id=9001).value is None


@pytest.mark.parametrize(("right", "status"), [("a - b - 1", RunStatus.SUCCESS), ("a - b", RunStatus.FAILED)])
def test_an_equality_over_kpis_must_hold(engine: Engine, right: str, status: RunStatus) -> None:
    upstreams(engine)
    rule = {"id": "cross", "check": "cross_kpi", "left": "value", "right": right, "tolerance": 1e-9}
    of = formula_kpi(post_validation=[rule | {"kpis": {"a": "SKY-AA-01", "b": "SKY-BB-01"}}])
    assert engine.run(of, run_id=9000).status is status


def test_a_formula_cannot_leave_its_tenant(engine: Engine) -> None:
    upstreams(engine)
    outcome = engine.run(formula_kpi("CAST(set_config('kpi.tenant_id', 'acme', false) AS double precision) + a + b"), run_id=9000)
    assert outcome.error_code is ErrorCode.SQL_ERROR
    assert "set_config" in str(outcome.error_message)


def test_one_tenant_never_sees_the_results_of_another(engine: Engine) -> None:
    upstreams(engine)
    stranger = make_run(kpi(id="SKY-AA-01"), tenant_id="acme")
    assert engine.results.upstream(stranger, formula_kpi().kpi_sources, DAY) == []
    assert engine.results.rows("acme", "SELECT * FROM kpi_result", {}) == []
    assert len(engine.results.rows("skyway", "SELECT * FROM kpi_result", {})) == 2

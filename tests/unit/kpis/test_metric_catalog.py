"""Which CloudWatch metrics may be named, and by which dimensions; a misspelt reference is told in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.metric_catalog import CATALOG, check_reference
from kpis.metric_names import FLEET_DIMENSION_SETS, KPI_DIMENSIONS, NAMESPACE, TIER_0_METRICS, Metric

LISTED = [(namespace, metric, names) for namespace, metrics in CATALOG.items() for metric, sets in metrics.items() for names in sets]


@pytest.mark.parametrize("metric", Metric)
def test_each_metric_of_ours_has_the_series_that_functions_emit(metric: Metric) -> None:
    emitted = (KPI_DIMENSIONS,) if metric in TIER_0_METRICS else FLEET_DIMENSION_SETS
    assert all(check_reference(NAMESPACE, metric, names) is None for names in emitted)


def test_dimensions_may_come_with_their_values_and_in_any_order() -> None:
    assert check_reference(NAMESPACE, "RunsFailed", {"tenant_id": "acme", "environment": "prod"}) is None
    assert check_reference(NAMESPACE, "RunsFailed", ["environment", "tenant_id"]) is None


@given(st.sampled_from(LISTED), st.text(min_size=1, max_size=10))
def test_one_dimension_too_many_is_told(listed: tuple[str, str, frozenset[str]], more: str) -> None:
    namespace, metric, names = listed
    other = names | {more}
    problem = check_reference(namespace, metric, other)
    assert (problem is None) is (other in CATALOG[namespace][metric])
    assert problem is None or f"{namespace} {metric} has no series by " in problem


@pytest.mark.parametrize(
    ("namespace", "metric", "dimensions", "told"),
    [
        ("AWS/Lamda", "Errors", ["FunctionName"], "namespace 'AWS/Lamda' is unknown; did you mean 'AWS/Lambda'?"),
        ("Mine", "Errors", [], "namespace 'Mine' is unknown; expected one of AWS/ApiGateway"),
        ("AWS/Lambda", "Error", ["FunctionName"], "metric 'Error' does not exist in AWS/Lambda; did you mean 'Errors'?"),
        ("AWS/ApiGateway", "5XXError", ["ApiId"], "metric '5XXError' does not exist in AWS/ApiGateway"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", ["Queue"], "has no series by Queue; it has them by QueueName"),
        (NAMESPACE, "KpiVerdict", ["tenant_id", "environment"], "it has them by environment + kpi_id + tenant_id"),
        (NAMESPACE, "RunsFailed", ["tenant_id"], "it has them by no dimension, or by environment + tenant_id"),
    ],
)
def test_a_wrong_reference_is_told_with_what_there_is(namespace: str, metric: str, dimensions: list[str], told: str) -> None:
    assert told in (check_reference(namespace, metric, dimensions) or "")

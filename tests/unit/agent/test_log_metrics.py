"""Metrics from logs: each event counts once, whatever happens to the agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.agent.emf import EmfError, samples_of
from local.agent.log_metrics import LogMetrics
from local.agent.status import AgentStatus, StatusFile
from local.agent.store import Store
from tests.unit.agent.cloud import Cloud

NOW = 1_800_000_000_000
TENANT = (("environment", "prod"), ("tenant_id", "acme"))


def emf(value: Any = 1, *, timestamp: int = NOW, dimensions: Any = (("tenant_id", "environment"), ()), name: str = "RunsCompleted") -> str:
    directive = {"Namespace": "KpiObservatory", "Dimensions": dimensions, "Metrics": [{"Name": name, "Unit": "Count"}]}
    header = {"Timestamp": timestamp, "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": header, "tenant_id": "acme", "environment": "prod", name: value})


class Rig:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud = Cloud()
        self.status = StatusFile(folder / "status.json", AgentStatus(pid=1, started_at=0, written_at=0))
        self.restart()

    def restart(self) -> None:
        self.store = Store(self.folder / "agent.sqlite")
        self.metrics = LogMetrics(self.cloud, self.store, self.status)  # type: ignore[arg-type]

    def total(self, dimensions: tuple[tuple[str, str], ...] = TENANT, metric: str = "RunsCompleted") -> float:
        return sum(each.value * each.samples for each in self.store.samples("KpiObservatory", metric, dimensions, 0, NOW))

    def put(self, metric: str = "RunsCompleted") -> float:
        data = [datum for datum in self.cloud.put if datum["MetricName"] == metric and datum["Dimensions"]]
        return sum(value * count for datum in data for value, count in zip(datum["Values"], datum["Counts"], strict=True))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_an_emf_line_makes_one_sample_for_each_dimension_set():
    samples = samples_of(emf(7))
    assert [(sample.dimensions, sample.value, sample.unit) for sample in samples] == [(TENANT, 7.0, "Count"), ((), 7.0, "Count")]
    assert samples[0].timestamp == NOW / 1000


def test_an_array_of_values_is_counted_by_value():
    assert [(sample.value, sample.samples) for sample in samples_of(emf([5, 5, 6], dimensions=[[]]))] == [(5.0, 2.0), (6.0, 1.0)]


@pytest.mark.parametrize("line", ["", "START RequestId", "{", "[1]", '{"level": "INFO"}', '{"message": "about \\"_aws\\" things"}'])
def test_other_lines_make_no_metrics(line: str):
    assert samples_of(line) == []


@pytest.mark.parametrize(
    "line", [emf("many"), emf(None), emf(value=True), emf([1] * 101), emf(1, dimensions=[["region"]]), '{"_aws": {}}', '{"_aws": 1}']
)
def test_a_broken_emf_line_is_an_error_and_not_a_metric(line: str):
    with pytest.raises(EmfError):
        samples_of(line)


def test_a_broken_line_does_not_stop_the_others(rig: Rig):
    rig.cloud.log(emf("many"), NOW)
    rig.cloud.log(emf(2), NOW)
    rig.metrics.step()
    assert rig.total() == 2


def test_events_are_counted_once_over_many_rounds(rig: Rig):
    for number in range(5):
        rig.cloud.log(emf(), NOW + number)
        rig.metrics.step()
        rig.metrics.step()
    assert (rig.total(), rig.put()) == (5, 5)


def test_equal_events_of_one_millisecond_all_count(rig: Rig):
    rig.cloud.log(emf(), NOW)
    rig.metrics.step()
    rig.cloud.log(emf(), NOW)
    rig.cloud.log(emf(), NOW, stream="other")
    rig.metrics.step()
    assert rig.total() == 3


def test_an_event_that_arrives_late_still_counts(rig: Rig):
    rig.cloud.log(emf(), NOW)
    rig.metrics.step()
    rig.cloud.log(emf(), NOW - 20_000, stream="slow")
    rig.metrics.step()
    assert rig.total() == 2


def test_nothing_is_counted_twice_after_a_restart(rig: Rig):
    rig.cloud.log(emf(), NOW)
    rig.metrics.step()
    rig.restart()
    rig.metrics.step()
    assert (rig.total(), rig.put()) == (1, 1)


def test_what_was_logged_while_no_agent_ran_is_counted_after(rig: Rig):
    rig.metrics.step()
    rig.metrics.close()
    rig.cloud.log(emf(), NOW)
    rig.restart()
    rig.metrics.step()
    assert rig.total() == 1


def test_a_failure_to_send_counts_nothing_twice(rig: Rig):
    rig.cloud.log(emf(), NOW)
    rig.cloud.put_fails = True
    with pytest.raises(Exception, match="InternalFailure"):
        rig.metrics.step()
    rig.cloud.put_fails = False
    rig.restart()
    rig.metrics.step()
    assert rig.total() == 1
    assert rig.put() <= 1


def test_a_page_that_is_full_is_continued(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("local.agent.log_metrics._PAGE", 10)
    for number in range(35):
        rig.cloud.log(emf(), NOW + number // 3)
    rig.metrics.step()
    assert rig.total() == 35


def metric_filter(pattern: str, value: str = "1", dimensions: dict[str, str] | None = None) -> dict[str, Any]:
    transformation = {"metricNamespace": "KpiObservatory", "metricName": "Matches", "metricValue": value, "unit": "Count"}
    if dimensions:
        transformation["dimensions"] = dimensions  # type: ignore[assignment]
    return {
        "filterName": "f",
        "logGroupName": "/aws/lambda/kpi-local-run-close",
        "filterPattern": pattern,
        "metricTransformations": [transformation],
    }


def test_a_metric_filter_counts_what_matches(rig: Rig):
    rig.cloud.filters = [metric_filter('{ $.level = "ERROR" }')]
    rig.cloud.log('{"level": "ERROR"}', NOW)
    rig.cloud.log('{"level": "INFO"}', NOW)
    rig.metrics.step()
    assert rig.total((), "Matches") == 1


def test_a_metric_filter_reads_value_and_dimensions_from_the_event(rig: Rig):
    rig.cloud.filters = [metric_filter("{ $.ms > 10 }", "$.ms", {"tenant": "$.tenant"})]
    rig.cloud.log('{"ms": 40, "tenant": "acme"}', NOW)
    rig.cloud.log('{"ms": 50}', NOW)
    rig.metrics.step()
    assert rig.total((("tenant", "acme"),), "Matches") == 40


def test_a_filter_that_cannot_be_read_is_reported_and_the_rest_goes_on(rig: Rig):
    rig.cloud.filters = [metric_filter("[ip, user]")]
    rig.cloud.log(emf(), NOW)
    rig.metrics.step()
    rig.status.write()
    assert rig.total() == 1
    assert "[ip, user]" in (rig.folder / "status.json").read_text()

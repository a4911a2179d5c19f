"""The OpenSLO documents of a KPI are of the specification, whatever is in the KPI."""

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from kpis.artifact import Surroundings
from kpis.common import Level
from kpis.exchange.openslo import policies_of, render_all, render_kpi
from kpis.exchange.openslo_models import OBJECT, AlertPolicy, Slo, shorthand_of
from kpis.hashing import definition_hash
from kpis.schema import Dictionary, Kpi
from kpis.slo import Slo as Promise
from kpis.slo import slo_of
from tests.unit.kpis.exchange.conftest import with_text

HOSTILE = [
    "08",
    "no",
    "a: b # c",
    "{{ 7 * 7 }}",
    "two\nlines",
    "'",
    '"',
    "\\",
    "漢字 العربية",
    "</script>",
    "--- x",
    "x" * 120,
    "\u2028",
    "\ufeff",
]


def documents(kpi: Kpi, dictionary: Dictionary) -> list[Any]:
    (artifact,) = render_kpi(kpi, Surroundings(dictionary))
    return list(yaml.safe_load_all(artifact.content))


def test_every_document_of_every_kpi_is_of_the_specification(dictionary: Dictionary) -> None:
    around = Surroundings(dictionary)
    artifacts = [*render_all(around), *(artifact for kpi in dictionary.kpis for artifact in render_kpi(kpi, around))]
    found = [OBJECT.validate_python(document) for artifact in artifacts for document in yaml.safe_load_all(artifact.content)]
    names = [(each.kind, each.metadata.name) for each in found]
    assert len(set(names)) == len(names), "two documents share a name"
    services = {each.metadata.name for each in found if each.kind == "Service"}
    assert {each.spec.service for each in found if isinstance(each, Slo)} <= services


def test_the_objective_and_the_window_are_those_of_the_kpi(dictionary: Dictionary) -> None:
    for kpi in dictionary.kpis:
        slo = OBJECT.validate_python(documents(kpi, dictionary)[0])
        assert isinstance(slo, Slo)
        assert slo.spec.objectives[0].percent == slo_of(kpi).objective
        assert slo.spec.time_window[0].duration == shorthand_of(slo_of(kpi).window)
        assert slo.metadata.annotations["kpi-observatory/definition-sha256"] == definition_hash(kpi)


def test_policies_name_targets_that_are_there(dictionary: Dictionary) -> None:
    for kpi in dictionary.kpis:
        found = [OBJECT.validate_python(each) for each in documents(kpi, dictionary)]
        names = {(each.kind, each.metadata.name) for each in found}
        slo, policies = found[0], [each for each in found if isinstance(each, AlertPolicy)]
        assert isinstance(slo, Slo)
        assert {policy.metadata.name for policy in policies} == {getattr(each, "alert_policy_ref", "") for each in slo.spec.alert_policies}
        for policy in policies:
            for target in policy.spec.notification_targets:
                assert ("AlertNotificationTarget", getattr(target, "target_ref", "")) in names


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_out_as_it_is(dictionary: Dictionary, text: str) -> None:
    changed = with_text(dictionary, text)
    slo = OBJECT.validate_python(documents(changed.kpis[0], changed)[0])
    assert slo.metadata.annotations["kpi-observatory/name"] == text
    assert slo.spec.description == text  # type: ignore[union-attr]
    (artifact,) = render_all(Surroundings(changed))
    assert [each["spec"]["description"] for each in yaml.safe_load_all(artifact.content) if each["kind"] == "Service"] == [text] * 3


def test_a_text_too_long_for_the_specification_is_whole_in_an_annotation(dictionary: Dictionary) -> None:
    changed = with_text(dictionary, "p" * 3000)
    slo = OBJECT.validate_python(documents(changed.kpis[0], changed)[0])
    assert len(slo.spec.description or "") == 1050
    assert slo.metadata.annotations["kpi-observatory/purpose"] == "p" * 3000


def test_the_policies_are_the_burn_alerts_of_the_rules(dictionary: Dictionary) -> None:
    kpi = next(kpi for kpi in dictionary.kpis if kpi.criticality is Level.CRITICAL)
    policies = policies_of(kpi, Promise(objective=99.9, window="30d"))
    assert [(policy.name, policy.severity, policy.threshold) for policy in policies] == [
        ("burn-fast", "critical", 14.4),
        ("burn-medium", "critical", 6.0),
        ("burn-slow", "high", 3.0),
        ("burn-trickle", "high", 1.0),
    ]


def _slo(**changes: Any) -> dict[str, Any]:
    metric = {"metricSource": {"spec": {"query": "x"}}}
    spec = {
        "service": "s",
        "indicator": {"metadata": {"name": "i"}, "spec": {"thresholdMetric": metric}},
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.9}],
    }
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "s"}, "spec": spec | changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": [{"target": 1.0}]}, "less than 1"),
        ({"objectives": [{"target": 0.9, "targetPercent": 90}]}, "exactly one of target and targetPercent"),
        ({"budgetingMethod": "Timeslices"}, "timeSliceTarget"),
        ({"budgetingMethod": "Sometimes"}, "budgetingMethod"),
        ({"timeWindow": [{"duration": "4 weeks", "isRolling": True}]}, "duration"),
        ({"timeWindow": [{"duration": "4w", "isRolling": False}]}, "rolling"),
        ({"indicatorRef": "other"}, "not both"),
        ({"owner": "me"}, "owner"),
        ({"description": "d" * 1051}, "1050"),
    ],
)
def test_the_model_refuses_what_the_specification_does_not_allow(changes: dict[str, Any], message: str) -> None:
    OBJECT.validate_python(_slo())
    with pytest.raises(ValidationError, match=message):
        OBJECT.validate_python(_slo(**changes))

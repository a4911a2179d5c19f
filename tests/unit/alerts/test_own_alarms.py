"""The product's own alarm tests: they pass, they leave no alarm out, and they catch an alarm that was changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from alerts.specs import Comparison, CompositeAlarm, MetricAlarm, Topic
from alerts.testing import report
from alerts.testing.cases import make_cases
from alerts.testing.coverage import coverage, gaps
from alerts.testing.loader import OWN_TESTS, read_file, read_tests
from alerts.testing.runner import run_case
from alerts.testing.scaffold import scaffold
from alerts.testing.stacks import Stacks
from tests.unit.alerts.factory import changed

STACKS = Stacks()
OWN = make_cases(read_tests([OWN_TESTS]), STACKS)


def test_the_products_own_alarm_tests_pass():
    failed = [result for result in map(run_case, OWN) if not result.passed]
    assert failed == [], "\n".join(report.text_report(failed))


def test_every_deployed_alarm_is_shown_to_fire_to_stay_quiet_and_without_data():
    deployed = [STACKS.deployed(STACKS.where(name)) for name in STACKS.names()]
    covered = coverage([run_case(case) for case in OWN], deployed)
    assert len(covered) == sum(len(each.by_key) for each in deployed)
    assert [f"{gap.stack} {gap.alarm}: {', '.join(gap.missing)}; try `kpi test-alarms --scaffold`" for gap in gaps(covered)] == []


def test_coverage_names_an_alarm_that_a_new_stack_brings_and_no_test_knows():
    where = replace(STACKS.where("acme.prod"), stack="beta.prod", tenant_id="beta")
    covered = coverage([], [STACKS.deployed(where)])
    assert [str(each) for each in gaps(covered)[0].missing] == ["fires", "stays quiet", "without data"]


FLIPPED = {
    Comparison.ABOVE: Comparison.BELOW,
    Comparison.BELOW: Comparison.ABOVE,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.AT_MOST: Comparison.AT_LEAST,
}
TOUCHING = {
    Comparison.ABOVE: Comparison.AT_LEAST,
    Comparison.AT_LEAST: Comparison.ABOVE,
    Comparison.BELOW: Comparison.AT_MOST,
    Comparison.AT_MOST: Comparison.BELOW,
}
MUTATIONS: dict[str, Callable[[MetricAlarm], MetricAlarm | None]] = {
    "comparison turned round": lambda alarm: replace(alarm, comparison=FLIPPED[alarm.comparison]),
    "comparison off at the threshold": lambda alarm: replace(alarm, comparison=TOUCHING[alarm.comparison]),
    "threshold higher": lambda alarm: replace(alarm, threshold=alarm.threshold + max(1.0, alarm.threshold * 0.1)),
    "threshold lower": lambda alarm: replace(alarm, threshold=alarm.threshold - max(1.0, alarm.threshold * 0.1)),
    "one datapoint more": lambda alarm: replace(alarm, datapoints=alarm.datapoints + 1) if alarm.datapoints < alarm.periods else None,
    "one datapoint fewer": lambda alarm: replace(alarm, datapoints=alarm.datapoints - 1) if alarm.datapoints > 1 else None,
    "told to others": lambda alarm: replace(alarm, topics=tuple(each for each in Topic if each not in alarm.topics)),
}


# A window with runs has at least one: below 1 and below less than that are the same.
EQUIVALENT = {("missing-runs", "threshold lower")}


def mutants() -> Iterator[tuple[str, str, str]]:
    for stack in ("platform.local", "acme.prod", "skyway.prod"):
        for alarm in STACKS.deployed(STACKS.where(stack)).alarms.metrics:
            for name, mutate in MUTATIONS.items():
                if mutate(alarm) is not None and (alarm.key, name) not in EQUIVALENT:
                    yield stack, alarm.key, name


def failures_of(stack: str, mutant: MetricAlarm | CompositeAlarm) -> list[str]:
    """What the own tests of a stack say of an alarm that was changed."""
    concerned = [case for case in OWN if case.deployed.where.stack == stack and mutant.key in case.spec.alarms]
    ran = [run_case(replace(case, deployed=changed(case.deployed, mutant))) for case in concerned]
    return [check.expected for result in ran for check in result.failures if check.alarm == mutant.key]


@pytest.mark.parametrize(("stack", "key", "mutation"), list(mutants()))
def test_the_own_tests_catch_a_changed_alarm_and_name_it(stack: str, key: str, mutation: str):
    alarm = STACKS.deployed(STACKS.where(stack)).by_key[key]
    assert isinstance(alarm, MetricAlarm)
    mutant = MUTATIONS[mutation](alarm)
    assert mutant is not None
    assert failures_of(stack, mutant), f"{key} with its {mutation} passes every test"


COMPOSITE_MUTATIONS: dict[str, Callable[[CompositeAlarm], CompositeAlarm]] = {
    "OR for AND": lambda alarm: replace(alarm, rule=alarm.rule.replace(" AND ", " OR ")),
    "AND for OR": lambda alarm: replace(alarm, rule=alarm.rule.replace(" OR ", " AND ")),
    "told to others": lambda alarm: replace(alarm, topics=tuple(each for each in Topic if each not in alarm.topics)),
    "no suppressor": lambda alarm: replace(alarm, suppressor=None),
}


def composite_mutants() -> Iterator[tuple[str, str, str]]:
    for stack in ("platform.local", "acme.prod"):
        for alarm in STACKS.deployed(STACKS.where(stack)).alarms.composites:
            for name, mutate in COMPOSITE_MUTATIONS.items():
                if mutate(alarm) != alarm:
                    yield stack, alarm.key, name


@pytest.mark.parametrize(("stack", "key", "mutation"), list(composite_mutants()))
def test_the_own_tests_catch_a_changed_composite_and_name_it(stack: str, key: str, mutation: str):
    alarm = STACKS.deployed(STACKS.where(stack)).by_key[key]
    assert isinstance(alarm, CompositeAlarm)
    assert failures_of(stack, COMPOSITE_MUTATIONS[mutation](alarm)), f"{key} with {mutation} passes every test"


# The scaffold.


def test_the_scaffold_writes_tests_that_pass_and_cover_simple_alarms():
    deployed = STACKS.deployed(STACKS.where("platform.prod"))
    text = scaffold(coverage([], [deployed]), STACKS)
    read, found = read_file("scaffold.yaml", text.encode())
    assert found == []
    ran = [run_case(case) for case in make_cases(read, STACKS)]
    assert all(result.passed for result in ran)
    left = {gap.alarm for gap in gaps(coverage(ran, [deployed]))}
    assert left <= {"missing-runs", "page"}
    assert all(f"# {key}: a test that shows that it" in text for key in left)


def test_the_scaffold_is_empty_when_nothing_is_missing():
    assert scaffold([], STACKS) == ""

"""Unit tests for alarms: the notation, the files, what a failure says, and that the product's own tests bite."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from alerts.specs import MetricAlarm
from alerts.testing import report
from alerts.testing.cases import Case, make_cases
from alerts.testing.loader import OWN_TESTS, AlarmTestsError, read_file, read_tests
from alerts.testing.runner import CaseResult, run_case
from alerts.testing.series import NotationError, SeriesName, read_series, read_values, written
from alerts.testing.stacks import Stacks
from cli.test_alarms import command
from tests.unit.alerts.factory import changed

STACKS = Stacks()
OWN = make_cases(read_tests([OWN_TESTS]), STACKS)
EXAMPLES = "3, _, 0x5, 1+2x3, 9-3x2, _x10 or 1@20"
BREACH = 'series: \'KpiObservatory/SlaBreaches{tenant_id="acme",environment="prod"}\''


def cases(tests: str, alarms: str = "{stacks: [acme.prod]}") -> list[Case]:
    read, problems = read_file("t.yaml", f"alarms: {alarms}\ninterval: 5m\ntests:\n{tests}".encode())
    assert problems == []
    return make_cases(read, STACKS)


def results(tests: str, alarms: str = "{stacks: [acme.prod]}") -> list[CaseResult]:
    return [run_case(case) for case in cases(tests, alarms)]


def problems(text: str) -> list[str]:
    read, found = read_file("t.yaml", text.encode())
    if not found:
        with pytest.raises(AlarmTestsError) as caught:
            make_cases(read, STACKS)
        found = list(caught.value.diagnostics)
    return [str(each) for each in sorted(found)]


def numbers(text: str) -> list[float | None]:
    return [None if each is None else each.value for each in read_values(text)]


# The notation.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", [3]),
        ("0x2", [0, 0, 0]),
        ("1+2x3", [1, 3, 5, 7]),
        ("9-3x2", [9, 6, 3]),
        ("-2+4x3", [-2, 2, 6, 10]),
        ("_", [None]),
        ("_x3 1", [None, None, None, 1]),
        ("1.5 2e3", [1.5, 2000]),
        ("20000000", [20000000]),
    ],
)
def test_values_are_written_as_promtool_writes_them(text: str, expected: list[float | None]):
    assert numbers(text) == expected


def test_a_value_may_have_been_seen_many_times_in_its_interval():
    (sample, again) = read_values("0.2@20x1")
    assert sample == again
    assert sample is not None
    assert (sample.value, sample.samples) == (0.2, 20)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stale", "CloudWatch knows no stale marker"),
        ("1+2", "'1+2' is not a value"),
        ("x3", "'x3' is not a value"),
        ("", "there are no values"),
        ("1@0", "seen at least once"),
        ("0x99999999", "more than 100000 values"),
        ("0x" + "9" * 5000, "more than 100000 values"),
        ("nan", "'nan' is not a value"),
    ],
)
def test_values_that_mean_nothing_are_refused_by_name(text: str, says: str):
    with pytest.raises(NotationError, match=re.escape(says)):
        read_values(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_values_and_series(text: str):
    for read in (read_values, read_series):
        with suppress(NotationError):
            read(text)


@given(
    st.from_regex(r"[A-Za-z][A-Za-z/]{0,20}[A-Za-z]", fullmatch=True),
    st.from_regex(r"[0-9A-Za-z.]{1,20}", fullmatch=True),
    st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True), st.text(max_size=30), max_size=4),
)
def test_a_series_is_read_as_it_was_written(namespace: str, metric: str, dimensions: dict[str, str]):
    expected = SeriesName(namespace, metric, frozenset(dimensions.items()))
    assert read_series(written(namespace, metric, dimensions)) == expected


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reading_of_a_file(data: bytes):
    read, found = read_file("t.yaml", data)
    assert read or found


# What is wrong with a file is said all at once, with its line.


def test_every_problem_of_a_file_is_told_with_its_line():
    text = (
        "alarms: {stacks: [acme.prod]}\ntests:\n  - name: a\n    expct: []\n    input_series:\n      - {series: 'N/M', values: '1 oops'}\n"
    )
    assert problems(text) == [
        "t.yaml:4: unknown-field: 'tests.0.expct' is not a field; did you mean 'expect'?",
        f"t.yaml:6: invalid-value: 'tests.0.input_series.0.values': 'oops' is not a value; expected such as {EXAMPLES}",
    ]


def test_a_test_that_expects_nothing_is_an_error_and_no_success():
    (problem,) = problems("alarms: {stacks: [acme.prod]}\ntests:\n  - name: empty\n")
    assert problem.startswith("t.yaml:3: no-expectations: 'tests.0': it expects nothing, and zero checks are no success")


def test_unknown_alarms_and_series_that_no_alarm_reads_are_named_with_the_nearest_there_is():
    text = f"""
alarms: {{stacks: [acme.prod]}}
tests:
  - name: a
    input_series:
      - {{{BREACH.replace("SlaBreaches", "SlaBreach")}, values: '1'}}
    expect: [{{alarm: sla-breach, at: 5m, state: OK}}]
    never: [nothing-like-it]
"""
    found = problems(text)
    assert found[0].startswith("t.yaml:6: unread-series: test 'a': no alarm of acme.prod reads KpiObservatory/SlaBreach{")
    assert "did you mean 'KpiObservatory/SlaBreaches{" in found[0]
    assert found[1] == "t.yaml:7: unknown-alarm: test 'a': acme.prod has no alarm 'sla-breach'; did you mean 'sla-breaches'?"
    assert found[2] == "t.yaml:8: unknown-alarm: test 'a': acme.prod has no alarm 'nothing-like-it'"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alarms: {stacks: [nobody.prod]}\ntests: [{name: a, never: [x]}]", "unknown-stack: stack 'nobody.prod' has no file"),
        ("alarms: {}\ntests: [{name: a, never: [x]}]", "say either 'stacks'"),
        ("alarms: {stacks: [acme.prod]}\ntests: []", "'tests' is []"),
        ("", "the file is empty"),
        ("alarms: {stacks: [acme.prod]}\ntests: [{name: a, until: 1h, expect: [{alarm: x, at: 2h, state: OK}]}]", "is after the test"),
        (
            "alarms: {stacks: [acme.prod]}\ntests: [{name: a, evaluate_from: 1h, expect: [{alarm: x, at: 30m, state: OK}]}]",
            "is before the alarms exist",
        ),
        ("alarms: {stacks: [acme.prod]}\ntests: [{name: a, never: [x]}, {name: a, never: [x]}]", "duplicate-test"),
        (
            "alarms: {stacks: [acme.prod]}\ntests: [{name: a, input_series: [{series: 'N/M{a=\"${moon}\"}', values: 1}], never: [x]}]",
            "${moon} is not known",
        ),
    ],
)
def test_a_file_that_cannot_be_run_says_why(text: str, says: str):
    assert any(says in problem for problem in problems(text)), problems(text)


def test_no_file_and_no_matching_test_are_errors(tmp_path: Path):
    with pytest.raises(AlarmTestsError, match="zero tests are no success"):
        read_tests([tmp_path])
    with pytest.raises(AlarmTestsError, match="no test matches 'zzz'"):
        make_cases(read_tests([OWN_TESTS]), STACKS, "zzz")


# What a test checks.


def test_a_failure_shows_what_was_expected_what_came_the_values_and_the_reason():
    (result,) = results(
        f"  - name: loud\n    input_series:\n      - {{{BREACH}, values: '0 0 0'}}\n"
        "    expect:\n      - {alarm: sla-breaches, at: 11m, state: ALARM, actions: [ops]}\n"
    )
    text = "\n".join(report.text_report([result]))
    assert "t.yaml:4: loud [acme.prod]" in text
    assert "sla-breaches (line 8)" in text
    assert "expected: ALARM telling ops at 11m" in text
    assert "got:      OK telling cfo-office, ops" in text
    assert "because:  since 0s: Threshold Crossed: 1 out of the last 1 datapoints [0] was not greater than the threshold" in text
    assert "it judged 0 0 0 at 11m" in text
    assert text.endswith("0 passed, 1 failed, 1 checks")


@pytest.mark.parametrize(
    "wrong",
    [
        "expect: [{alarm: sla-breaches, at: 6m, state: OK}]",
        "expect: [{alarm: sla-breaches, at: 6m, state: ALARM, actions: [ops]}]",
        "expect: [{alarm: sla-breaches, at: 6m, state: ALARM, actions: []}]",
        "never: [sla-breaches]",
        "transitions: [{alarm: sla-breaches, at: 0m, from: INSUFFICIENT_DATA, to: OK}]",
        "transitions: [{alarm: sla-breaches, at: 0m, from: INSUFFICIENT_DATA, to: OK}, {alarm: sla-breaches, at: 7m, from: OK, to: ALARM}]",
    ],
)
def test_each_kind_of_expectation_can_fail(wrong: str):
    (result,) = results(f"  - name: a\n    input_series:\n      - {{{BREACH}, values: '0 1'}}\n    {wrong}\n")
    assert [check.alarm for check in result.failures] == ["sla-breaches"]


def test_the_listed_transitions_are_all_there_may_be():
    (result,) = results(
        f"  - name: a\n    input_series:\n      - {{{BREACH}, values: '0 1'}}\n    transitions:\n"
        "      - {alarm: sla-breaches, at: 1m, from: INSUFFICIENT_DATA, to: OK}\n"
        "      - {alarm: sla-breaches, at: 6m, from: OK, to: ALARM, actions: [cfo-office, ops]}\n"
    )
    assert result.failures[0].got.startswith("INSUFFICIENT_DATA -> OK at 0s; OK -> ALARM at 6m telling cfo-office, ops")


def test_muted_alarms_change_state_and_tell_nobody():
    tests = f"""
  - name: a
    input_series: [{{{BREACH}, values: '0x2 1 0'}}]
    mutes: [{{name: night, alarms: [sla-breaches], from: 10m, to: 1h}}]
    expect: [{{alarm: sla-breaches, at: 16m, state: ALARM, actions: []}}]
"""
    (muted,) = results(tests)
    (told,) = results(tests.replace("    mutes", "    #"))
    assert muted.passed
    assert not told.passed


def test_a_deployment_without_a_stack_file_can_be_tested():
    (result,) = results("  - name: a\n    until: 1h\n    never: [log-tamper]\n", "{deployment: nowhere}")
    assert result.case.deployed.by_key["log-tamper"].name == "kpi-nowhere-log-tamper"
    assert result.passed


def test_an_alarm_that_cannot_be_evaluated_fails_its_test_by_name():
    (case,) = cases("  - name: a\n    until: 5m\n    never: [validation-hard-stops]\n")
    alarm = case.deployed.by_key["validation-hard-stops"]
    assert isinstance(alarm, MetricAlarm)
    queries = tuple(replace(each, expression="SEARCH('x', 'Sum', 300)") if each.expression else each for each in alarm.queries)
    result = run_case(replace(case, deployed=changed(case.deployed, replace(alarm, queries=queries))))
    assert not result.passed
    assert "SEARCH" in result.failures[0].why


# The command.

APP = typer.Typer()
APP.command()(command)


def test_the_command_reports_and_fails_like_a_test_runner(tmp_path: Path):
    file = tmp_path / "t.yaml"
    file.write_text(
        "alarms: {stacks: [acme.prod]}\ntests:\n  - name: <hostile> & ]]>\n    until: 5m\n"
        "    expect: [{alarm: sla-breaches, at: 5m, state: ALARM}]\n"
    )
    junit = tmp_path / "junit.xml"
    done = CliRunner().invoke(APP, [str(file), "--json", "--junit", str(junit)])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert (document["ok"], document["tests"], document["failed"]) == (False, 1, 1)
    assert document["results"][0]["checks"][0]["alarm"] == "sla-breaches"
    suite = ET.fromstring(junit.read_bytes())  # noqa: S314 - written by ourselves a moment ago
    assert suite.attrib["failures"] == "1"
    assert [case.attrib["line"] for case in suite.iter("testcase")] == ["3"]
    assert "expected ALARM at 5m, got OK" in next(suite.iter("failure")).attrib["message"]


def test_the_command_tells_every_problem_and_runs_nothing(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("alarms: {stacks: [acme.prod]}\ntests: [{name: a}]\n")
    (tmp_path / "b.yaml").write_text("{")
    done = CliRunner().invoke(APP, [str(tmp_path)])
    assert done.exit_code == 1
    assert "no-expectations" in done.stdout
    assert "yaml-syntax" in done.stdout
    assert "2 problems; nothing was run" in done.stdout


def test_the_command_filters_by_alarm_and_shows_coverage():
    done = CliRunner().invoke(APP, ["--filter", "dead-letters"])
    assert done.exit_code == 0
    assert "6 passed, 0 failed" in done.stdout
    narrow = CliRunner().invoke(APP, ["--filter", "dead-letters", "--coverage", "--stack", "platform.local"])
    assert narrow.exit_code == 1
    assert "platform.local page: no test shows that it fires, stays quiet, copes without data" in narrow.stdout
    assert "dead-letters: no test" not in narrow.stdout

from __future__ import annotations

import pytest

from alerts.composite_rule import evaluate_rule, named_alarms
from alerts.simulator import State, UnsupportedError, judge_composite

STATES = {"a": State.ALARM, "b": State.OK, "c d": State.INSUFFICIENT_DATA}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('ALARM("a")', True),
        ("ALARM(b)", False),
        ('OK("b") AND ALARM("a")', True),
        ('ALARM("b") OR INSUFFICIENT_DATA("c d")', True),
        ('NOT ALARM("a") OR ALARM("b")', False),
        ('ALARM("a") OR ALARM("b") AND ALARM("b")', True),
        ('(ALARM("a") OR ALARM("b")) AND ALARM("b")', False),
        ("NOT (TRUE AND FALSE)", True),
        ('ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a")', True),
    ],
)
def test_a_rule_holds_by_the_states_it_names(rule: str, expected: bool):
    assert evaluate_rule(rule, STATES) is expected


@pytest.mark.parametrize("rule", ['ALARM("gone")', "ALARM(a", "a", "ALARM(a) ALARM(b)", "", "NOT", "ALARM(a) XOR ALARM(b)", "(ALARM(a)"])
def test_what_is_no_rule_is_refused(rule: str):
    with pytest.raises(UnsupportedError, match="alarm rule"):
        evaluate_rule(rule, STATES)


def test_a_composite_alarms_when_its_rule_holds():
    assert judge_composite("ALARM(a)", STATES).state is State.ALARM
    assert judge_composite("ALARM(b)", STATES).state is State.OK


def test_the_names_of_a_rule_come_in_order():
    assert named_alarms("ALARM(\"x\") AND (OK(y) OR INSUFFICIENT_DATA('z'))") == ("x", "y", "z")

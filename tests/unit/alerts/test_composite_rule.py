from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.simulator import State, UnsupportedError, judge_composite
from alerts.simulator.composite import evaluate_rule, named_alarms

STATES = {"a": State.ALARM, "b": State.OK, "c d": State.INSUFFICIENT_DATA}
NAMES = list(STATES)


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
        ("not (true and false)", True),
        ('ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:a")', True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ('AT_LEAST(1, ALARM, (a, b, "c d"))', True),
        ('AT_LEAST(2, ALARM, (a, b, "c d"))', False),
        ('AT_LEAST(2, NOT ALARM, (a, b, "c d"))', True),
        ('AT_LEAST(33%, ALARM, (a, b, "c d"))', True),
        ('AT_LEAST(34%, ALARM, (a, b, "c d"))', False),
        ('NOT AT_LEAST(100%, NOT OK, (a, b, "c d")) AND OK(b)', True),
        ("AT_LEAST(1, ALARM, ('arn:aws:cloudwatch:us-east-1:123456789012:alarm:a'))", True),
    ],
)
def test_a_rule_holds_by_the_states_it_names(rule: str, expected: bool):
    assert evaluate_rule(rule, STATES) is expected


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ('ALARM("gone")', "gone"),
        ("ALARM(a", "missing"),
        ("a", "'a' is in the wrong place"),
        ("ALARM(a) ALARM(b)", "more after its end"),
        ("", "ends too early"),
        ("NOT", "ends too early"),
        ("ALARM(a) XOR ALARM(b)", "more after its end"),
        ("(ALARM(a)", "missing"),
        ("ALARM()", "alarm's name"),
        ("ALARM(a,b)", "missing"),
        ('ALARM("a)', "not understood"),
        ("AT_LEAST(0, ALARM, (a))", "out of range"),
        ("AT_LEAST(3, ALARM, (a, b))", "out of range"),
        ("AT_LEAST(101%, ALARM, (a))", "out of range"),
        ("AT_LEAST(half, ALARM, (a))", "half"),
        ("AT_LEAST(1, BROKEN, (a))", "BROKEN"),
        ("AT_LEAST(1, ALARM, a)", "missing"),
        ("AT_LEAST(1, ALARM, ())", "alarm's name"),
        ("AT_LEAST(1, ALARM, (a, gone))", "gone"),
        ("FALSE AND ALARM(gone)", "gone"),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, named: str):
    with pytest.raises(UnsupportedError, match="alarm rule") as refused:
        evaluate_rule(rule, STATES)
    assert named in str(refused.value)


def test_a_composite_alarms_when_its_rule_holds():
    assert judge_composite("ALARM(a)", STATES).state is State.ALARM
    assert judge_composite("ALARM(b)", STATES).state is State.OK


def test_the_names_of_a_rule_come_in_order_and_once():
    rule = "ALARM(\"x\") AND (OK(y) OR INSUFFICIENT_DATA('z')) AND AT_LEAST(1, ALARM, (x, w))"
    assert named_alarms(rule) == ("x", "y", "z", "w")


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), st.data())
def test_at_least_counts(names: list[str], data: st.DataObject):
    wanted = data.draw(st.integers(1, len(names)))
    listed = ", ".join(f'"{name}"' for name in names)
    count = sum(STATES[name] is State.ALARM for name in names)
    assert evaluate_rule(f"AT_LEAST({wanted}, ALARM, ({listed}))", STATES) is (count >= wanted)
    assert evaluate_rule(f"AT_LEAST(1, ALARM, ({listed}))", STATES) is evaluate_rule(
        " OR ".join(f'ALARM("{name}")' for name in names), STATES
    )


WORDS = st.sampled_from(["ALARM", "OK", "(", ")", "a", '"c d"', "AND", "OR", "NOT", "TRUE", "AT_LEAST", "50%", "1", ",", "'"])


@given(st.text(max_size=40) | st.lists(WORDS, max_size=12).map(" ".join))
def test_any_text_is_a_rule_or_refused_by_name(text: str):
    try:
        evaluate_rule(text, STATES)
    except UnsupportedError as error:
        said = str(error)
    else:
        said = "alarm rule"
    assert said.startswith("alarm rule")


@pytest.mark.parametrize("text", ["(" * 5_000, "NOT " * 5_000 + "TRUE"])
def test_a_rule_that_is_nested_too_deeply_is_refused(text: str):
    with pytest.raises(UnsupportedError, match="nested too deeply"):
        evaluate_rule(text, STATES)

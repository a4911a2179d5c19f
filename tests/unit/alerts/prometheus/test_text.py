"""Text of a definition in Prometheus's files: always valid YAML, never a template, never part of an expression."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.prometheus import Links, render_kpi
from alerts.prometheus.expressions import expression_problem, expressions_of
from alerts.prometheus.facts import shape_of, texts_of
from alerts.prometheus.rules import render_rules, render_rules_directly
from alerts.prometheus.tests import render_tests, render_tests_directly
from alerts.prometheus.text import duration, literal, number, quoted
from kpis.prometheus_names import label_value
from tests.unit.alerts.prometheus.definitions import around, kpi

# What the dictionary accepts as text: anything but control characters, except line ends and tabs.
WRITTEN = st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("\n\t{}\"'\\<>%#:-"), min_size=1, max_size=120)
ANY = st.text(st.characters(blacklist_categories=("Cs",)))
_PRINTED = re.compile(r'\{\{"(\{+)"\}\}')


def expanded(template: str) -> str:
    """What Go's text/template makes of text that only holds actions printing braces; anything else in it is an error."""
    assert "{" not in _PRINTED.sub("", template), f"{template!r} holds an action"
    return _PRINTED.sub(r"\1", template)


def rules_of(content: bytes) -> list[dict[str, Any]]:
    return [rule for group in yaml.load(content, Loader=yaml.CSafeLoader)["groups"] for rule in group["rules"]]


@settings(deadline=None)  # the first example reads the dictionary and compiles the templates
@given(name=WRITTEN, purpose=WRITTEN, technical=WRITTEN, business=WRITTEN)
def test_any_text_of_a_definition_comes_out_intact(name: str, purpose: str, technical: str, business: str) -> None:
    found = kpi(name=name, purpose=purpose, owners={"technical": technical, "business": business})
    plain, hostile = (rules_of(next(render_kpi(each, around(each))).content) for each in (kpi(), found))
    assert [rule["expr"] for rule in hostile] == [rule["expr"] for rule in plain]
    for rule in hostile:
        if "alert" in rule:
            assert expanded(rule["labels"]["owner"]) == technical
            assert expanded(rule["annotations"]["business_owner"]) == business
            assert expanded(rule["annotations"]["summary"].replace("{{ $labels.tenant_id }}/{{ $labels.environment }}", "")).startswith(
                name
            )
            assert expanded(rule["annotations"]["description"].replace("{{ $value | humanizePercentage }}", "")).endswith(purpose)
        elif rule["record"] == "kpi:slo:info":
            assert rule["labels"]["owner"] == technical


@given(ANY)
def test_a_quoted_text_is_one_line_of_yaml_with_the_same_meaning(text: str) -> None:
    line = quoted(text)
    assert len(line.splitlines()) == 1
    assert yaml.load(f"key: {line}\n", Loader=yaml.CSafeLoader) == {"key": text}


@given(ANY, ANY)
def test_literal_text_stays_text_whatever_stands_next_to_it(text: str, after: str) -> None:
    assert expanded(literal(text) + literal(after)) == text + after


@given(ANY)
def test_a_label_value_is_one_string_of_promql(text: str) -> None:
    expression = f"kpi_value{{owner={label_value(text)}}}"
    assert len(expression.splitlines()) == 1
    assert expression_problem(expression) is None


def test_numbers_are_written_as_people_write_them() -> None:
    assert [number(value) for value in (0.001, 13.44, 28.0, 1, 0.1 + 0.2)] == ["0.001", "13.44", "28", "1", "0.3"]
    assert [duration(value) for value in (90_000, 3600, 59, 0, 90_061)] == ["1d 1h", "1h", "59s", "0s", "1d 1h 1m 1s"]


def test_every_expression_of_a_real_rule_file_is_promql() -> None:
    found = kpi()
    expressions = list(expressions_of(next(render_kpi(found, around(found))).content))
    assert len(expressions) == 24
    assert [name for name, expression in expressions if expression_problem(expression)] == []
    assert expression_problem("sum by (a (kpi_value)") is not None


@settings(deadline=None)
@given(name=WRITTEN | ANY.filter(bool), owner=WRITTEN, marks=st.sampled_from(["", "@@name:plain@@", "@@purpose:literal@@"]))
def test_filling_a_stencil_writes_what_rendering_the_template_writes(name: str, owner: str, marks: str) -> None:
    shape = shape_of(kpi())
    plain = texts_of(kpi(), around(kpi()), Links())
    texts = replace(plain, name=name + marks, purpose=marks + name, owner=owner, business_owner=marks or owner, runbook_url=f"{name}/{{x")
    assert render_rules(shape, texts).decode() == render_rules_directly(shape, texts)
    assert render_tests(shape, texts).decode() == render_tests_directly(shape, texts)

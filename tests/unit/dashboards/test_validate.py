from __future__ import annotations

import json
from typing import Any

from dashboards.validate import problems


def text(x: int = 0, y: int = 0, width: int = 6, height: int = 3) -> dict[str, Any]:
    return {"type": "text", "x": x, "y": y, "width": width, "height": height, "properties": {"markdown": "hello"}}


def graph(*metrics: list[Any], **properties: Any) -> dict[str, Any]:
    known = {"title": "t", "region": "us-east-1", "metrics": list(metrics), **properties}
    return {"type": "metric", "x": 0, "y": 0, "width": 6, "height": 3, "properties": known}


def check(*widgets: dict[str, Any], **more: Any) -> str:
    return "\n".join(problems(json.dumps({"widgets": list(widgets), **more})))


def test_widgets_side_by_side_are_fine():
    assert check(text(), text(x=6), text(y=3, width=24)) == ""


def test_an_overlap_names_both_widgets():
    assert "widgets.1: overlaps widgets.0" in check(text(), text(x=5))


def test_a_widget_beyond_the_last_column_is_found():
    assert "widgets.0: x 20 and width 6 go beyond 24 columns" in check(text(x=20))


def test_more_than_500_widgets_are_too_many():
    assert "at most 500" in check(*(text(y=3 * number) for number in range(501)))


def test_more_than_500_metrics_in_a_widget_are_too_many():
    assert "at most 500" in check(graph(*([["AWS/Lambda", f"m{number}"] for number in range(501)])))


def test_more_than_2500_metrics_in_a_dashboard_are_too_many():
    metrics = [["AWS/Lambda", f"m{number}"] for number in range(500)]
    widgets = [{**graph(*metrics), "y": 3 * number} for number in range(6)]
    assert "3000 metrics; CloudWatch takes at most 2500" in check(*widgets)


def test_a_misspelt_property_is_found():
    assert "widgets.0.metric.properties.titel" in check(graph(["AWS/Lambda", "Errors"], titel="x"))


def test_an_unknown_kind_of_widget_is_found():
    assert "widgets.0" in check({**text(), "type": "picture"})


def test_a_dimension_without_a_value_is_found():
    assert "pairs of dimension and value" in check(graph(["AWS/Lambda", "Errors", "FunctionName"]))


def test_an_id_used_twice_is_found():
    assert "id 'm' is used twice" in check(graph(["AWS/Lambda", "Errors", {"id": "m"}], ["AWS/Lambda", "Duration", {"id": "m"}]))


def test_an_unknown_statistic_is_found():
    assert "stat" in check(graph(["AWS/Lambda", "Errors"], stat="mean"))


def test_a_variable_that_names_no_property_is_found():
    variable = {"type": "property", "inputType": "select", "id": "tenant"}
    assert "variables.0: a property variable needs 'property'" in check(text(), variables=[variable])


def test_what_is_no_json_is_found():
    assert problems("{") != []

"""A dashboard beyond a quota becomes several: nothing lost, nothing twice, in order, with links between."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dashboards
from dashboards.model import Scene
from dashboards.render import render_every_kpi_dashboards
from dashboards.split import Quotas, fits, parts_of
from dashboards.validate import DashboardError, Known, problems
from tests.unit.alerts.factory import many, row, summary
from tests.unit.dashboards.test_rendered_dashboards import DIGEST, WHERE

SCENE = Scene(**WHERE, digest=DIGEST)


def address(name: str) -> str:
    return f"https://console.example/#dashboards/dashboard/{name}"


def text(y: int, x: int = 0, width: int = 24, markdown: str = "m") -> dict[str, Any]:
    return {"type": "text", "x": x, "y": y, "width": width, "height": 2, "properties": {"markdown": markdown}}


def graph(y: int, count: int, **options: Any) -> dict[str, Any]:
    metrics = [["AWS/Lambda", "Errors", "FunctionName", f"f{number}", *([options] if options else [])] for number in range(count)]
    return {"type": "metric", "x": 0, "y": y, "width": 24, "height": 2, "properties": {"region": "r", "title": "t", "metrics": metrics}}


def every(count: int, tier: int) -> tuple[dashboards.Dashboard, ...]:
    return dashboards.render_every_kpi(many(count, tier=tier), "cfo", **WHERE, digest=DIGEST)


def test_a_dashboard_within_the_quotas_stays_whole_under_its_name():
    (only,) = every(499, 2)
    assert only.name == "kpi-local-every-cfo"
    assert len(json.loads(only.body)["widgets"]) == 500


@pytest.mark.parametrize("tier", [0, 2])
def test_one_widget_too_many_makes_two_dashboards_that_cloudwatch_takes(tier: int):
    parts = every(500, tier)
    assert [each.name for each in parts] == ["kpi-local-every-cfo-1", "kpi-local-every-cfo-2"]
    assert [each.key for each in parts] == ["every-cfo-1", "every-cfo-2"]
    assert [problems(each.body, Known(dashboards={part.name for part in parts} | KNOWN)) for each in parts] == [[], []]


KNOWN = {f"kpi-local-{view}" for view in ("executive", "ops", "dev", "data")}


def test_every_kpi_is_on_exactly_one_part_and_in_order():
    titles = [
        widget["properties"]["title"].split()[0]
        for part in every(2_000, 0)
        for widget in json.loads(part.body)["widgets"]
        if widget["type"] == "metric"
    ]
    assert titles == [f"CFO-N-{number:05d}" for number in range(2_000)]


def test_every_part_links_to_all_others_and_carries_the_heading():
    parts = every(1_200, 2)
    for at, part in enumerate(parts, start=1):
        heading, navigation = (widget["properties"]["markdown"] for widget in json.loads(part.body)["widgets"][:2])
        assert DIGEST in heading
        assert navigation.startswith(f"Part {at} of {len(parts)}: ")
        others = {each.name for each in parts} - {part.name}
        assert all(f"dashboard/{name})" in navigation for name in others)
        assert f"dashboard/{part.name})" not in navigation


def test_the_same_dictionary_is_cut_in_the_same_places():
    assert every(1_200, 2) == every(1_200, 2)


def test_a_part_keeps_only_variables_it_uses():
    rows = [row(id=f"CFO-A-{number:03d}", tier=0) for number in range(3)] + [row(id=f"CFO-B-{number:03d}", tier=2) for number in range(9)]
    parts = render_every_kpi_dashboards(summary(*rows), SCENE, "cfo", quotas=Quotas(widgets=6))
    kept = [[each["id"] for each in json.loads(part.body).get("variables", [])] for part in parts]
    assert kept == [["tenant", "environment"], [], []]


def test_a_body_of_too_many_bytes_is_cut():
    body = {"widgets": [text(2 * at, markdown="x" * 5_000) for at in range(20)]}
    parts = parts_of(body, "d", address, Quotas(body_bytes=60_000))
    assert len(parts) > 1
    assert all(len(json.dumps(part)) <= 60_000 for _, part in parts)


def test_a_graph_with_too_many_metrics_becomes_several_below_each_other():
    body = {"widgets": [text(0), graph(2, 7), text(4, markdown="after")]}
    ((name, whole),) = parts_of(body, "d", address, Quotas(metrics_a_widget=3))
    graphs = [widget for widget in whole["widgets"] if widget["type"] == "metric"]
    assert name == "d"
    assert [len(each["properties"]["metrics"]) for each in graphs] == [3, 3, 1]
    assert [each["properties"]["title"] for each in graphs] == ["t (1 of 3)", "t (2 of 3)", "t (3 of 3)"]
    assert problems(json.dumps(whole)) == []


def test_a_graph_that_metric_math_holds_together_is_refused_instead_of_cut():
    body = {"widgets": [text(0), graph(2, 501, id="m")]}
    ((_, whole),) = parts_of(body, "d", address)
    assert any("at most 500" in each for each in problems(json.dumps(whole)))


def test_too_many_metrics_over_all_widgets_are_cut():
    body = {"widgets": [text(0), *(graph(2 + 2 * at, 500) for at in range(7))]}
    parts = parts_of(body, "d", address)
    assert [sum(len(each["properties"]["metrics"]) for each in part["widgets"] if each["type"] == "metric") for _, part in parts] == [
        2500,
        1000,
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(1, 24), min_size=1, max_size=4), min_size=1, max_size=30), st.integers(6, 12))
def test_however_a_dashboard_is_cut_every_part_is_valid_and_nothing_is_lost(rows: list[list[int]], limit: int):
    widgets = [text(0, markdown="heading")]
    for at, row_ in enumerate(rows):
        x = 0
        for number, width in enumerate(row_):
            if x + width <= 24:
                widgets.append(text(2 + 2 * at, x, width, f"{at}.{number}"))
                x += width
    quotas = Quotas(widgets=limit)
    parts = parts_of({"widgets": widgets}, "d", address, quotas)
    assert all(problems(json.dumps(part)) == [] and fits(part, 0, quotas) for _, part in parts)
    seen = [widget["properties"]["markdown"] for _, part in parts for widget in part["widgets"]]
    kept = [each for each in seen if each != "heading" and not each.startswith("Part ")]
    assert kept == [widget["properties"]["markdown"] for widget in widgets[1:]]


def test_a_pack_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(DashboardError, match="pack 'cf' is not in the dictionary; expected one of cfo"):
        dashboards.render_every_kpi(many(3), "cf", **WHERE, digest=DIGEST)

"""A wrong dashboard is caught by name: by our own checks, and where it is a matter of types by Grafana's SDK."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana import GrafanaError, problems, render_all
from dashboards.grafana.environment import environment
from dashboards.grafana.promql import expression_problems
from dashboards.grafana.stencil import Stencil, json_mark, text_mark
from kpis.artifact import Surroundings
from kpis.checks import check_packs
from tests.unit.dashboards.grafana.sdk import complaints

Json = dict[str, Any]
Change = Callable[[Json], None]


@pytest.fixture(scope="module")
def around() -> Surroundings:
    return Surroundings(check_packs(Path("kpis/packs"), root=Path()).dictionary)


@pytest.fixture(scope="module")
def executive(around: Surroundings) -> Json:
    return next(json.loads(artifact.content) for artifact in render_all(around) if artifact.path.endswith("/executive.json"))


def put(path: str, value: Any) -> Change:
    def change(document: Json) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        found: Any = document
        for part in parents:
            found = found[part]
        found[last] = value

    return change


def drop(path: str) -> Change:
    def change(document: Json) -> None:
        *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
        found: Any = document
        for part in parents:
            found = found[part]
        del found[last]

    return change


OURS: dict[str, tuple[Change, str]] = {
    "a panel off the grid": (put("panels/0/gridPos", {"x": 20, "y": 0, "w": 6, "h": 6}), "goes beyond the 24 columns"),
    "a panel over another": (put("panels/1/gridPos/x", 3), "panels.1 overlaps panels.0"),
    "an empty panel": (put("panels/1/gridPos/h", 0), "is empty"),
    "a fraction of a column": (put("panels/1/gridPos/x", 6.5), "expected whole numbers"),
    "two panels of one id": (put("panels/1/id", 1), "that no other panel has"),
    "two queries of one name": (put("panels/6/targets/1/refId", "A"), "that no other target of the panel has"),
    "a panel of an unknown type": (put("panels/0/type", "graph"), "panels.0.type 'graph'"),
    "a panel without a query": (put("panels/0/targets", []), "panels.0.targets: none"),
    "a fixed data source": (put("panels/0/datasource/uid", "P1809F7CD0C75ACF3"), "panels.0.datasource"),
    "a query of another data source": (put("panels/0/targets/0/datasource/uid", "other"), "panels.0.targets.0.datasource"),
    "a query that is both": (put("panels/0/targets/0/instant", value=True), "either instant or range"),
    "PromQL that does not parse": (put("panels/0/targets/0/expr", "avg(kpi_sla_ok{"), "is not PromQL"),
    "a metric nobody has": (put("panels/0/targets/0/expr", "avg(kpi_slo_ok)"), "metric kpi_slo_ok is not one of"),
    "a label the metric does not have": (put("panels/0/targets/0/expr", 'kpi_sla_ok{status="x"}'), "kpi_sla_ok has no label status"),
    "a legend of a label nobody has": (put("panels/5/targets/0/legendFormat", "{{tenant}}"), "legend names the label tenant"),
    "a variable that is not defined": (
        put("panels/0/targets/0/expr", 'kpi_sla_ok{tenant_id="$tenants"}'),
        "$tenants is used but not defined",
    ),
    "a variable nobody uses": (put("templating/list/3/name", "package"), "$package is defined but not used"),
    "a variable defined twice": (put("templating/list/3/name", "tenant_id"), "tenant_id is used twice"),
    "a variable before the one it uses": (
        lambda document: document["templating"]["list"].insert(1, document["templating"]["list"].pop(3)),
        "$tenant_id is defined after it",
    ),
    "a variable of a label nobody has": (put("templating/list/1/query/query", "label_values(kpi_sla_ok, tenant)"), "label tenant"),
    "thresholds that fall": (put("panels/0/fieldConfig/defaults/thresholds/steps/1/value", 2), "do not rise"),
    "thresholds without a base": (put("panels/0/fieldConfig/defaults/thresholds/steps/0/value", 0), "the first step has no value"),
    "a panel without a unit": (drop("panels/0/fieldConfig/defaults/unit"), "unit is missing"),
    "a column overridden twice": (put("panels/7/fieldConfig/overrides/1/matcher/options", "KPI"), "KPI is overridden twice"),
    "a link to nowhere": (put("panels/9/fieldConfig/defaults/links/0/url", ""), "a link needs title and url"),
    "a link that runs a script": (put("panels/9/fieldConfig/defaults/links/0/url", "javascript:alert(1)"), "leads to javascript"),
    "an unencrypted link": (put("links/1/url", "http://portal"), "leads to http://portal"),
    "an annotation of an unknown metric": (put("annotations/list/0/expr", "ALARMS"), "annotations.list.0.expr: metric ALARMS"),
    "a uid that is too long": (put("uid", "x" * 41), "expected 1 to 40"),
    "a uid with a slash": (put("uid", "kpis/ops"), "expected 1 to 40"),
    "no title": (put("title", ""), "title is missing"),
    "an older schema": (put("schemaVersion", 36), "schemaVersion 36"),
    "no hash": (put("description", "A dashboard"), "does not name the definitions' sha256"),
}
SDK: dict[str, tuple[Change, str]] = {
    "a number for a title": (put("title", 5), "dashboard.title: 5 is not a str"),
    "text for a position": (put("panels/0/gridPos/x", "0"), "grid_pos.x"),
    "a flag for a number": (put("panels/0/gridPos/w", value=True), "grid_pos.w: True is not a int"),
    "a panel of an unknown type": (put("panels/0/type", "pie"), "panel type 'pie' is not known"),
    "a query of an unknown data source": (put("panels/0/datasource/type", "promtheus"), "unknown data source"),
    "a variable of an unknown type": (put("templating/list/1/type", "queries"), "'queries' is not one of"),
    "an unknown way to sort": (put("templating/list/1/sort", 99), "99 is not one of"),
    "a color mode nobody knows": (put("panels/0/fieldConfig/defaults/color/mode", "traffic-light"), "traffic-light"),
    "a stat option nobody knows": (put("panels/0/options/graphMode", "bars"), "'bars' is not one of"),
    "a misspelt option": (put("panels/0/options/textmode", "auto"), "options.textmode: lost"),
    "a misspelt field": (put("panels/0/descripton", "x"), "panels[0].descripton: lost"),
    "a misspelt style of a graph": (put("panels/5/fieldConfig/defaults/custom/lineWith", 2), "custom.lineWith: lost"),
    "a style of a graph nobody knows": (put("panels/5/fieldConfig/defaults/custom/drawStyle", "dots"), "'dots' is not one of"),
    "a list that is none": (put("panels/0/targets", {"refId": "A"}), "does not load"),
    "a transformation with a number for a name": (put("panels/7/transformations/0/id", 7), "transformations[0].id_val: 7 is not a str"),
}


@pytest.mark.parametrize("name", OURS)
def test_our_checks_catch(executive: Json, name: str) -> None:
    change, expected = OURS[name]
    document = copy.deepcopy(executive)
    assert problems(document) == []
    change(document)
    assert any(expected in problem for problem in problems(document)), problems(document)


@pytest.mark.parametrize("name", SDK)
def test_the_sdk_catches(executive: Json, name: str) -> None:
    change, expected = SDK[name]
    document = copy.deepcopy(executive)
    assert complaints(document) == []
    change(document)
    assert any(expected in complaint for complaint in complaints(document)), complaints(document)


def test_a_template_that_makes_a_broken_dashboard_stops_the_render_and_is_named(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(environment().globals, "sla_steps", [(None, "red"), (2, "green"), (1, "yellow")])
    environment().cache.clear()  # type: ignore[union-attr]
    try:
        with pytest.raises(GrafanaError, match=r"kpi\.json\.j2.*\n- panels\.2.*do not rise"):
            list(render_all(around))
    finally:
        monkeypatch.undo()
        environment().cache.clear()  # type: ignore[union-attr]


def test_grafanas_own_variables_are_known_and_need_no_definition(executive: Json) -> None:
    for interval in ("$__rate_interval", "${__interval}", "$__range"):
        assert expression_problems(f"increase(kpi_runs_total[{interval}])") == ()
    assert "${__value.raw}" in json.dumps(executive)
    assert problems(executive) == []


def test_a_mark_of_a_whole_value_inside_a_string_is_refused() -> None:
    with pytest.raises(ValueError, match="stands inside a string"):
        Stencil.cut(json.dumps({"title": f"KPI {json_mark('title')}"}))


def test_a_part_of_a_string_that_would_end_it_is_refused() -> None:
    stencil = Stencil.cut(json.dumps({"url": f"/d/{text_mark('kpi_id')}"}))
    assert stencil.fill({"kpi_id": "CFO-1"}) == b'{"url": "/d/CFO-1"}'
    with pytest.raises(ValueError, match="cannot stand inside a string"):
        stencil.fill({"kpi_id": '", "admin": true, "x": "'})


def test_a_value_that_looks_like_a_mark_stays_a_value() -> None:
    stencil = Stencil.cut(json.dumps({"a": json_mark("a"), "b": json_mark("b")}))
    filled = json.loads(stencil.fill({"a": json_mark("b"), "b": "x"}))
    assert filled == {"a": json_mark("b"), "b": "x"}


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="title"):
        Stencil.cut(json.dumps({"title": json_mark("title")})).fill({})

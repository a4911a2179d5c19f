"""What the validator finds: each wrong thing is named, and a right body has no problem."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.validate import Known, problems

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:kpi-local-widgets"
ERRORS = ["AWS/Lambda", "Errors", "FunctionName", "f"]
KPI = ["KpiObservatory", "RunsFailed"]
WORDS = ("widgets", "type", "properties", "metrics", "id", "expression", "view", "yAxis", "left", "alarms", "markdown", "pattern", "search")


def widget(kind: str, at: tuple[int, int, int, int] = (0, 0, 6, 3), **properties: Any) -> dict[str, Any]:
    return dict(zip(("x", "y", "width", "height"), at, strict=True)) | {"type": kind, "properties": properties}


def text(markdown: str = "hello", **place: int) -> dict[str, Any]:
    return widget("text", markdown=markdown) | place


def graph(*metrics: list[Any], **properties: Any) -> dict[str, Any]:
    return widget("metric", title="t", region="us-east-1", metrics=list(metrics), **properties)


def custom(**properties: Any) -> dict[str, Any]:
    return widget("custom", **({"endpoint": FUNCTION, "params": {"widget": "top-failing"}, "updateOn": {"refresh": True}} | properties))


def variable(**changes: Any) -> dict[str, Any]:
    known = {"type": "pattern", "pattern": "hell", "id": "v", "inputType": "input", "defaultValue": "x"}
    return {key: value for key, value in (known | changes).items() if value is not None}


def check(*widgets: dict[str, Any], known: Known | None = None, **more: Any) -> str:
    return "\n".join(problems(json.dumps({"widgets": list(widgets), **more}), known or Known()))


GOOD = [
    text(),
    graph(ERRORS, stat="p95", period=60, view="timeSeries", stacked=True),
    graph(["AWS/Lambda", "Errors", "FunctionName", "f"], ["...", "g"], [".", "Duration", ".", "."]),
    graph([{"expression": "SEARCH('{KpiObservatory,tenant_id,environment} MetricName=\"RunsFailed\" tenant_id=\"acme\"', 'Sum', 300)"}]),
    graph([{"expression": 'SELECT SUM(RunsFailed) FROM SCHEMA("KpiObservatory", tenant_id, environment)'}]),
    graph([*KPI, {"id": "a", "visible": False}], [{"expression": "IF(a > 3, FILL(a, REPEAT), 0) / PERIOD(a)", "id": "b"}]),
    graph(KPI, view="gauge", yAxis={"left": {"min": 0, "max": 10}}),
    widget("alarm", alarms=[f"{ARN}a"], title="t", sortBy="timestamp", states=["ALARM"]),
    widget("log", query="SOURCE '/aws/lambda/f' | fields @message", region="us-east-1", view="bar"),
    custom(),
    widget(
        "explorer",
        metrics=[{"metricName": "Duration", "resourceType": "AWS::Lambda::Function", "stat": "p95"}],
        labels=[{"key": "project", "value": "x"}],
        region="us-east-1",
        widgetOptions={"view": "timeSeries", "rowsPerPage": 2, "widgetsPerRow": 2},
    ),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda each: each["type"])
def test_what_cloudwatch_takes_and_shows_has_no_problem(good: dict[str, Any]):
    assert check(good) == ""


WRONG = [
    ("a misspelt property", graph(ERRORS, titel="x"), "properties.titel: unknown property of a metric widget; did you mean 'title'?"),
    ("an unknown kind of widget", text() | {"type": "picture"}, "type: is 'picture'; expected one of alarm, custom"),
    ("an unknown part", text() | {"colour": "red"}, "widgets.0.colour: unknown part of a widget"),
    ("a widget without place", {"type": "text", "properties": {"markdown": "m"}}, "widgets.0.x: is None"),
    ("an unknown statistic", graph(ERRORS, stat="mean"), "properties.stat: is 'mean'; expected a statistic"),
    ("a period between minutes", graph(ERRORS, period=90), "properties.period: is 90; expected 1, 5, 10, 20, 30 or a multiple of 60"),
    ("a period of more than a day", graph(ERRORS, period=172800), "multiple of 60 up to 86400"),
    ("a color by name", graph([*ERRORS, {"color": "red"}]), "metrics.0.color: is 'red'; expected a color such as #d62728"),
    ("a gauge without ends", graph(KPI, view="gauge"), "a gauge needs min and max"),
    ("a metric without region", widget("metric", metrics=[KPI]), "properties.region: missing; a metric widget needs it"),
    ("a dimension without value", graph(["AWS/Lambda", "Errors", "FunctionName"]), "pairs of dimension and value"),
    ("a wrong dimension", graph(["AWS/Lambda", "Errors", "Function", "f"]), "AWS/Lambda Errors has no series by Function; it has them"),
    ("a metric that does not exist", graph(["KpiObservatory", "RunsFaild"]), "metric 'RunsFaild' does not exist"),
    ("a namespace that does not exist", graph(["KpiObservatry", "RunsFailed"]), "namespace 'KpiObservatry' is unknown; did you mean"),
    ("an id used twice", graph([*KPI, {"id": "m"}], [*ERRORS, {"id": "m"}]), "id 'm' is used twice in the widget"),
    ("an id with a capital", graph([*KPI, {"id": "M"}]), "starts with a lower-case letter"),
    ("an unknown id", graph([*KPI, {"id": "a"}], [{"expression": "a / b", "id": "c"}]), "expression c uses id 'b', which no metric"),
    ("expressions in a circle", graph(KPI, *([{"expression": e, "id": i}] for e, i in (("b", "a"), ("a", "b")))), "circle: a -> b -> a"),
    ("a hidden metric for nothing", graph(KPI, [*ERRORS, {"id": "m", "visible": False}]), "metric m is hidden and no expression uses it"),
    ("nothing visible", graph([*KPI, {"visible": False}]), "every metric is hidden, so the widget shows nothing"),
    ("an unknown function", graph([*KPI, {"id": "a"}], [{"expression": "MEDIAN(a)"}]), "function 'MEDIAN' does not exist in metric math"),
    ("unequal brackets", graph([*KPI, {"id": "a"}], [{"expression": "SUM(a"}]), "unequal numbers of opening and closing brackets"),
    ("no metric math", graph([*KPI, {"id": "a"}], [{"expression": "a ; b"}]), "cannot be read from '; b' on"),
    (
        "a search in a wrong dimension",
        graph([{"expression": "SEARCH('{KpiObservatory,tenant} MetricName=\"RunsFailed\"', 'Sum', 300)"}]),
        "KpiObservatory RunsFailed has no series by tenant",
    ),
    (
        "a search by what is no dimension",
        graph([{"expression": 'SEARCH(\'{KpiObservatory,tenant_id,environment} MetricName="RunsFailed" kpi_id="x"\', \'Sum\', 300)'}]),
        "filters by kpi_id, which is not among its dimensions",
    ),
    ("an expression beside a metric", graph([*KPI, {"expression": "SUM(METRICS())"}]), "or an expression alone"),
    ("options before the end", graph(["AWS/Lambda", {"label": "x"}, "Errors"]), "options belong at the end"),
    ("a log query without source", widget("log", query="fields @message", region="r"), "starts with SOURCE and a log group"),
    ("an alarm that is no ARN", widget("alarm", alarms=["a"]), "expected the ARN of an alarm at 0"),
    ("a function that is no ARN", custom(endpoint="widgets"), "endpoint: is 'widgets'; expected the ARN of a Lambda function"),
    ("a refresh that is no choice", custom(updateOn={"refresh": "yes"}), "expected true or false as refresh"),
    ("a link into nowhere", text("[x](docs/runbooks/y.md)"), "link 'docs/runbooks/y.md' leads nowhere from the console"),
    ("a link to a script", text("[x](javascript:x)"), "link 'javascript:x' leads nowhere from the console"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "message"), [pair[1:] for pair in WRONG], ids=[pair[0] for pair in WRONG])
def test_what_is_wrong_is_found_by_name(wrong: dict[str, Any], message: str):
    assert message in check(wrong)


def test_widgets_side_by_side_are_fine():
    assert check(text(), text(x=6), text(y=3, width=24)) == ""


def test_an_overlap_names_both_widgets():
    assert "widgets.1: overlaps widgets.0" in check(text(), text(x=5))


def test_a_widget_beyond_the_last_column_is_found():
    assert "widgets.0: x 20 and width 6 go beyond 24 columns" in check(text(x=20))


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 20), st.integers(1, 24), st.integers(1, 8)), max_size=8))
def test_an_overlap_is_found_exactly_when_two_widgets_share_a_cell(boxes: list[tuple[int, int, int, int]]):
    inside = [box for box in boxes if box[0] + box[2] <= 24]
    cells = [(x, y) for left, top, wide, high in inside for x in range(left, left + wide) for y in range(top, top + high)]
    found = check(*(widget("text", box, markdown="m") for box in inside))
    assert ("overlaps" in found) == (len(cells) != len(set(cells)))


def test_five_hundred_widgets_are_fine_and_one_more_is_not():
    widgets = [text(y=3 * number) for number in range(501)]
    assert check(*widgets[:500]) == ""
    assert "501; CloudWatch takes at most 500 a dashboard" in check(*widgets)


def many_metrics(count: int) -> list[list[Any]]:
    return [["AWS/Lambda", "Errors", "FunctionName", f"f{number}"] for number in range(count)]


def test_five_hundred_metrics_in_a_widget_are_fine_and_one_more_is_not():
    assert check(graph(*many_metrics(500))) == ""
    assert "at most 500" in check(graph(*many_metrics(501)))


def test_2500_metrics_in_a_dashboard_are_fine_and_one_more_is_not():
    widgets = [{**graph(*many_metrics(500)), "y": 3 * number} for number in range(5)]
    assert check(*widgets) == ""
    assert "2,501 metrics; CloudWatch takes at most 2,500" in check(*widgets, {**graph(KPI), "y": 30})


def test_25_variables_are_fine_and_one_more_is_not():
    variables = [variable(id=f"v{number}") for number in range(26)]
    assert check(text(), variables=variables[:25]) == ""
    assert "variables: 26; CloudWatch takes at most 25" in check(text(), variables=variables)


def test_a_body_that_is_too_large_is_found():
    assert "bytes; at most 1,000,000" in check(*(text("x" * 9_000, y=3 * number) for number in range(120)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (variable(pattern=None, type="property"), "a property variable needs 'property' and not the other"),
        (variable(pattern="nobody"), "no widget uses the pattern 'nobody' of variable 'v'"),
        (variable(type="property", pattern=None, property="tenant_id"), "no widget uses the property 'tenant_id'"),
        (variable(inputType="select"), "a select needs values or a search"),
        (variable(search="{KpiObservatory,tenant_id} x"), "search and populateFrom go together"),
        (variable(search='{KpiObservatory,tenant_id} MetricName="RunsFailed"', populateFrom="tenant_id"), "has no series by tenant_id"),
        (variable(inputTyp="input"), "variables.0.inputTyp: unknown property"),
    ],
)
def test_a_variable_that_cannot_work_is_found(wrong: dict[str, Any], message: str):
    assert message in check(text(), variables=[wrong])


def test_two_variables_with_one_id_are_found():
    assert "variables.1: id 'v' is used twice" in check(text(), variables=[variable(), variable()])


def test_an_alarm_the_stack_does_not_have_is_found():
    shown = widget("alarm", alarms=[f"{ARN}there", f"{ARN}gone"])
    assert check(shown, known=Known(alarms={"there", "gone"})) == ""
    assert check(shown, known=Known(alarms={"there"})) == "widgets.0.properties.alarms: the stack has no alarm 'gone'"


def test_a_function_the_stack_does_not_have_is_found():
    assert check(custom(), known=Known(functions={"kpi-local-widgets"})) == ""
    assert "the stack has no function 'kpi-local-widgets'" in check(custom(), known=Known(functions={"other"}))


@pytest.mark.parametrize("markdown", ["[runbook](https://x.example/docs/runbooks/gone.md#fix)", "`docs/runbooks/gone.md`"])
def test_a_dead_runbook_is_found_whether_linked_or_named(markdown: str):
    assert check(text(markdown), known=Known(runbook=lambda _: True)) == ""
    assert "runbook 'docs/runbooks/gone.md' does not exist" in check(text(markdown), known=Known(runbook=lambda _: False))


def test_a_link_to_a_dashboard_that_does_not_exist_is_found():
    markdown = "[ops](https://r.console.aws.amazon.com/cloudwatch/home?region=r#dashboards/dashboard/kpi-ops)"
    assert check(text(markdown), known=Known(dashboards={"kpi-ops"})) == ""
    assert "link to dashboard 'kpi-ops', which the stack does not have" in check(text(markdown), known=Known(dashboards=set()))


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"widgets": 1}', '{"widgets": [1, null]}', '{"widgets": [{"type": []}]}'])
def test_what_is_no_dashboard_at_all_is_found_and_breaks_nothing(body: str):
    assert problems(body) != []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["text", "metric", "log", "alarm", "custom", "explorer"]))
def test_no_json_breaks_the_validator(anything: Any, kind: str):
    known = Known(alarms=set(), functions=set(), dashboards=set(), runbook=lambda _: False)
    for body in (anything, {"widgets": anything}, {"widgets": [{"type": kind, "properties": anything}], "variables": anything}):
        assert isinstance(problems(json.dumps(body), known), list)
    for metrics in (anything, [anything], [[anything]]):
        found = widget("metric", region="r", metrics=metrics)
        assert isinstance(problems(json.dumps({"widgets": [found], "variables": [anything]}), known), list)

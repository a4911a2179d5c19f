"""The checks bite: every real dashboard, with one thing made wrong wherever it can be, is refused and the thing is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboards.validate import Known, problems
from tests.unit.dashboards.test_rendered_dashboards import ALL, PLATFORM_ALARMS, TENANT_ALARMS

Body = dict[str, Any]
KNOWN = Known(alarms={*PLATFORM_ALARMS, *TENANT_ALARMS}, functions={"kpi-local-widgets"}, runbook=lambda path: not path.endswith("gone.md"))


def widgets(body: Body, *kinds: str) -> list[Body]:
    return [each for each in body["widgets"] if not kinds or each["type"] in kinds]


def wrong_dimension(body: Body) -> Iterator[tuple[Body, str]]:
    for lines in (each["properties"]["metrics"] for each in widgets(body, "metric")):
        for line in lines:
            if len(line) > 3:
                line[2] = f"{line[2]}x"
                yield body, f"{line[0]} {line[1]} has no series by"
                line[2] = line[2][:-1]


def wrong_metric(body: Body) -> Iterator[tuple[Body, str]]:
    for lines in (each["properties"]["metrics"] for each in widgets(body, "metric")):
        for line in lines:
            if len(line) > 1:
                line[1] = f"{line[1]}x"
                yield body, f"metric '{line[1]}' does not exist in {line[0]}"
                line[1] = line[1][:-1]


def unknown_id(body: Body) -> Iterator[tuple[Body, str]]:
    for lines in (each["properties"]["metrics"] for each in widgets(body, "metric")):
        named = [line[-1] for line in lines if isinstance(line[-1], dict) and line[-1].get("visible") is False]
        for options in named:
            own, options["id"] = options["id"], "renamed"
            yield body, "uses id"
            options["id"] = own


def off_the_grid(body: Body) -> Iterator[tuple[Body, str]]:
    for widget in widgets(body):
        x, widget["x"] = widget["x"], 25 - widget["width"]
        yield body, "go beyond 24 columns"
        widget["x"] = x


def overlapping(body: Body) -> Iterator[tuple[Body, str]]:
    for above, below in zip(body["widgets"], body["widgets"][1:], strict=False):
        place = below["x"], below["y"]
        below["x"], below["y"] = min(above["x"], 24 - below["width"]), above["y"]
        yield body, "overlaps"
        below["x"], below["y"] = place


def dead_runbook(body: Body) -> Iterator[tuple[Body, str]]:
    for properties in (each["properties"] for each in widgets(body, "text")):
        if "kpi-cfo.md" in properties["markdown"]:
            before = properties["markdown"]
            properties["markdown"] = before.replace("kpi-cfo.md", "gone.md")
            yield body, "runbook 'docs/runbooks/gone.md' does not exist"
            properties["markdown"] = before


def renamed_alarm(body: Body) -> Iterator[tuple[Body, str]]:
    for alarms in (each["properties"]["alarms"] for each in widgets(body, "alarm")):
        for at, arn in enumerate(alarms):
            alarms[at] = f"{arn}-old"
            yield body, f"the stack has no alarm '{arn.split(':alarm:')[1]}-old'"
            alarms[at] = arn


def other_function(body: Body) -> Iterator[tuple[Body, str]]:
    for properties in (each["properties"] for each in widgets(body, "custom")):
        properties["endpoint"] += "-old"
        yield body, "the stack has no function 'kpi-local-widgets-old'"
        properties["endpoint"] = properties["endpoint"][:-4]


def misspelt_property(body: Body) -> Iterator[tuple[Body, str]]:
    for properties in (each["properties"] for each in widgets(body)):
        for name in list(properties):
            properties[f"{name}s"] = properties.pop(name)
            yield body, f"{name}s: unknown property"
            properties[name] = properties.pop(f"{name}s")


def unused_variable(body: Body) -> Iterator[tuple[Body, str]]:
    for variable in body.get("variables", []):
        before, variable["pattern"] = variable["pattern"], "kpi-variable-nobody"
        yield body, "no widget uses the pattern 'kpi-variable-nobody'"
        variable["pattern"] = before


def odd_period(body: Body) -> Iterator[tuple[Body, str]]:
    for properties in (each["properties"] for each in widgets(body, "metric", "explorer")):
        before, properties["period"] = properties["period"], 61
        yield body, "period: is 61"
        properties["period"] = before


def one_more_than_the_quotas(body: Body) -> Iterator[tuple[Body, str]]:
    bottom = max(each["y"] + each["height"] for each in body["widgets"])
    kept = list(body["widgets"])
    note = {"type": "text", "x": 0, "width": 1, "height": 1, "properties": {"markdown": "m"}}
    body["widgets"] = kept + [note | {"y": bottom + at} for at in range(501 - len(kept))]
    yield body, "501; CloudWatch takes at most 500"
    body["widgets"] = kept
    for properties in (each["properties"] for each in widgets(body, "metric")):
        before = properties["metrics"]
        properties["metrics"] = [*before, *[["KpiObservatory", "RunsFailed"]] * (501 - len(before))]
        yield body, "at most 500"
        properties["metrics"] = before
    if body.get("variables"):
        before = body["variables"]
        body["variables"] = [before[0] | {"id": f"v{at}"} for at in range(26)]
        yield body, "26; CloudWatch takes at most 25"
        body["variables"] = before


MUTATIONS = (
    wrong_dimension, wrong_metric, unknown_id, off_the_grid, overlapping, dead_runbook, renamed_alarm, other_function, misspelt_property,
    unused_variable, odd_period, one_more_than_the_quotas,
)  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.__name__)
def test_a_dashboard_with_one_thing_wrong_is_refused_by_name(mutation: Callable[[Body], Iterator[tuple[Body, str]]]):
    tried = 0
    for dashboard in ALL:
        body = json.loads(dashboard.body)
        for mutated, message in mutation(body):
            found = problems(json.dumps(mutated), KNOWN)
            assert any(message in each for each in found), (dashboard.name, message, found)
            tried += 1
        assert json.dumps(body, sort_keys=True) == json.dumps(json.loads(dashboard.body), sort_keys=True), "the mutation was not undone"
    assert tried >= 2

from __future__ import annotations

import json

import dashboards
from dashboards.artifacts import render_stack
from dashboards.model import Scene
from tests.unit.alerts.factory import many, row, summary
from tests.unit.dashboards.test_rendered_dashboards import DIGEST, WHERE

SCENE = Scene(**WHERE, digest=DIGEST)


def test_the_files_of_a_stack_hold_what_the_stack_declares():
    declared = dashboards.render_platform(summary(row()), **WHERE, digest=DIGEST, packs=True)
    files = list(render_stack(summary(row()), SCENE, "platform.local", packs=True))
    assert [each.path for each in files] == [f"cloudwatch/platform.local/dashboards/{each.name}.json" for each in declared]
    assert [json.loads(each.content) for each in files] == [json.loads(each.body) for each in declared]


def test_a_tenant_stack_is_told_by_its_name():
    (only,) = render_stack(summary(row()), SCENE, "acme.prod")
    assert only.path == "cloudwatch/acme.prod/dashboards/kpi-local-acme-prod-overview.json"
    assert b'"acme"' in only.content


def test_a_dashboard_of_every_kpi_comes_in_as_many_files_as_the_quotas_ask_for():
    files = [each.path.rsplit("/", 1)[1] for each in render_stack(many(1_100), SCENE, "platform.local", every_kpi=["cfo"])]
    assert files[4:] == ["kpi-local-every-cfo-1.json", "kpi-local-every-cfo-2.json", "kpi-local-every-cfo-3.json"]

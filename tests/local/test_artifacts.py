"""What `make up` publishes of the artifact set, read back from its bucket, and the alarms and dashboards it deployed."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from artifacts.manifest import Manifest, sha256
from tests.local.conftest import Stack

pytestmark = pytest.mark.local
ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "dist" / "artifacts"


def published(stack: Stack) -> dict[str, bytes]:
    """The files of the set that `current.json` names."""
    client, bucket = stack.client("s3"), stack.outputs["artifactsBucket"]

    def read(key: str) -> bytes:
        content: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    key = json.loads(read("rendered/current.json"))["key"]
    with tarfile.open(fileobj=io.BytesIO(read(key))) as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: content.read() for name, content in found.items() if content is not None}


def test_the_published_set_is_the_rendered_one_and_its_manifest_proves_every_byte(stack: Stack) -> None:
    files = published(stack)
    manifest = Manifest.model_validate_json(files.pop("manifest.json"))
    assert manifest == Manifest.model_validate_json((OUT / "manifest.json").read_bytes())
    assert {name: sha256(content) for name, content in files.items()} == manifest.files()


@pytest.mark.parametrize("part", ["cloudwatch", "docs", "grafana", "lineage", "openlineage", "openslo", "prometheus", "sql", "views"])
def test_every_kind_of_artifact_is_in_the_set(stack: Stack, part: str) -> None:
    assert any(name.startswith(f"{part}/") for name in published(stack))


def rendered(stack_name: str, kind: str) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_bytes()) for path in (OUT / "cloudwatch" / stack_name / kind).glob("*.json")}


@pytest.mark.parametrize("name", ["platform.local", "acme.prod", "skyway.prod", "discco.prod"])
def test_the_deployed_dashboards_are_the_rendered_ones(stack: Stack, name: str) -> None:
    client = stack.client("cloudwatch")
    for board, body in rendered(name, "dashboards").items():
        deployed = json.loads(client.get_dashboard(DashboardName=board)["DashboardBody"])
        # Addresses that exist only after their resources are put in by the program.
        assert len(deployed["widgets"]) == len(body["widgets"])
        assert [widget["type"] for widget in deployed["widgets"]] == [widget["type"] for widget in body["widgets"]]
        assert deployed.get("variables") == body.get("variables")


@pytest.mark.parametrize("name", ["platform.local", "acme.prod", "skyway.prod", "discco.prod"])
def test_the_deployed_alarms_are_the_rendered_ones(stack: Stack, name: str) -> None:
    client = stack.client("cloudwatch")
    wanted = {request["AlarmName"]: request for request in rendered(name, "alarms").values()}
    assert wanted
    found: dict[str, Any] = {}
    for page in client.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        found |= {alarm["AlarmName"]: alarm for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"])}
    for alarm, request in wanted.items():
        same = (
            "Threshold",
            "ComparisonOperator",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "TreatMissingData",
            "AlarmRule",
            "AlarmDescription",
        )
        assert {key: found[alarm].get(key) for key in same if key in request} == {key: request[key] for key in same if key in request}

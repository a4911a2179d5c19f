"""After `up`, every stack's preview is empty; one changed input is a one-resource diff; drift is found."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.local.conftest import Stack

pytestmark = pytest.mark.local

STACKS = ("platform.local", "skyway.prod", "discco.prod", "acme.prod")


def pulumi(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    return subprocess.run(command, cwd=stack.settings.root, env=stack.settings.process_env(), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", STACKS)
def test_the_preview_right_after_up_is_empty(stack: Stack, name: str) -> None:
    done = pulumi(stack, "preview", "-s", name, "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_untouched_rebuild_of_the_function_packages_changes_nothing(stack: Stack) -> None:
    packages = stack.settings.local_dir / "packages"
    before = {path.name: path.read_bytes() for path in packages.glob("*.zip")}
    assert before, f"packages are expected in {packages}"
    shutil.rmtree(packages)
    done = pulumi(stack, "preview", "-s", "platform.local", "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr
    rebuilt = {path.name: path.read_bytes() for path in packages.glob("*.zip")}
    assert rebuilt
    assert rebuilt.items() <= before.items(), "a rebuild gives the very same bytes"


def changed(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stdout + done.stderr
    return [step for step in json.loads(done.stdout)["steps"] if step["op"] not in ("same", "refresh")]


def test_changing_one_input_shows_a_one_resource_diff(stack: Stack, tmp_path: Any) -> None:
    source = stack.settings.root / "stacks" / "Pulumi.platform.local.yaml"
    document = yaml.safe_load(source.read_text())
    document["config"].setdefault("kpi-observatory:api", {})
    document["config"]["kpi-observatory:api"]["throttleRate"] = 77
    copy = tmp_path / source.name
    copy.write_text(yaml.safe_dump(document))
    steps = changed(pulumi(stack, "preview", "-s", "platform.local", "--config-file", str(copy), "--json"))
    assert [(step["op"], step["newState"]["type"]) for step in steps] == [("update", "aws:apigatewayv2/stage:Stage")]


def test_a_resource_changed_behind_its_back_is_found_by_refresh_and_put_back_by_up(stack: Stack) -> None:
    sqs = stack.client("sqs")
    prefix = stack.outputs["prefix"]
    url = sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"][0]
    asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    try:
        found = changed(pulumi(stack, "preview", "-s", "platform.local", "--refresh", "--json"))
        assert [step["newState"]["type"] for step in found] == ["aws:sqs/queue:Queue"]
        assert pulumi(stack, "up", "-s", "platform.local", "--refresh", "--yes", "--skip-preview").returncode == 0
        now = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"]
        assert now == asked
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": asked})

"""`kpi diff` as a reviewer types it: a real repository, the committed stacks, all three forms and the exit code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.diff import command
from tests.unit.artifacts.conftest import Workshop

APP = typer.Typer()
APP.command()(command)


def git(folder: Path, *arguments: str) -> None:
    settings = ["-c", "user.name=Author", "-c", "user.email=author@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(workshop: Workshop) -> Workshop:
    """The shop's packs, committed."""
    folder = workshop.shop.write()
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "The shop's KPIs")
    return workshop


def diff(repository: Workshop, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(APP, ["HEAD", str(repository.shop.folder / "packs"), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def test_nothing_changed_says_so_and_exits_with_0(repository: Workshop):
    code, text = diff(repository, "--exit-code")
    assert code == 0
    assert text == "nothing changed since HEAD\n"


def test_a_kpi_that_becomes_tier_0_shows_its_new_alarm_and_what_it_costs(repository: Workshop):
    repository.shop["SH-RV-01"].update(tier=0)
    repository.shop.write()
    code, text = diff(repository, "--exit-code", "--format", "json")
    assert code == 1
    found = json.loads(text)
    assert [change["kpi_id"] for change in found["kpis"]] == ["SH-RV-01"]
    assert {(change["stack"], change["kind"]) for change in found["alarms"]} == {("acme.prod", "added"), ("skyway.prod", "added")}
    assert all(cost["after"] > cost["before"] for cost in found["costs"])
    assert {cost["stack"] for cost in found["costs"]} == {"acme.prod", "skyway.prod"}
    assert found["affected"] == ["SH-AV-01", "SH-IX-01"]
    assert any(change["path"] == "prometheus/rules/SH-RV-01.yaml" for change in found["files"])


def test_text_and_markdown_tell_the_same_change(repository: Workshop):
    repository.shop["SH-RV-01"]["purpose"] = "What was sold, all told"
    repository.shop.write()
    for style in ("text", "markdown"):
        _, text = diff(repository, "--format", style)
        assert "What was sold, all told" in text
        assert "major" in text


def test_a_revision_that_is_none_is_refused_by_name(repository: Workshop):
    done = CliRunner().invoke(APP, ["no-such-branch", str(repository.shop.folder / "packs")])
    assert "no-such-branch" in str(done.exception)
    assert "is not a revision" in str(done.exception)

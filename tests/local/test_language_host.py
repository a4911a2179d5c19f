"""Our Python language host under the real engine: the price of building on a private module of the SDK is this test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.settings import LocalSettings, load_settings

pytestmark = pytest.mark.local

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "program").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\nmain: program/\n")
    return tmp_path


@pytest.fixture
def pulumi(project: Path) -> Run:
    """The literal command of this checkout on a project and backend of its own."""
    settings: LocalSettings = load_settings()
    environment = {**settings.process_env(), "PULUMI_BACKEND_URL": f"file://{project / 'state'}"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert run("stack", "init", "tiny.local").returncode == 0
    return run


def program(project: Path, text: str) -> None:
    (project / "program" / "__main__.py").write_text(f"import pulumi\n{text}\n")


def test_a_program_gets_its_stack_and_config_and_leaves_its_outputs_without_any_warning(project: Path, pulumi: Run) -> None:
    program(project, "pulumi.export('said', pulumi.Config().require('word') + ' from ' + pulumi.get_stack())")
    pulumi("config", "set", "word", "hello")
    done = pulumi("up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr
    assert pulumi("stack", "output", "said").stdout.strip() == "hello from tiny.local"
    assert pulumi("preview", "--expect-no-changes").returncode == 0


def test_a_secret_of_the_config_stays_one(project: Path, pulumi: Run) -> None:
    program(project, "pulumi.export('word', pulumi.Config().require_secret('word'))")
    pulumi("config", "set", "--secret", "word", "hush-hush")
    assert pulumi("up", "--yes", "--skip-preview").returncode == 0
    assert "hush-hush" not in pulumi("stack", "output").stdout
    assert "hush-hush" not in next((project / "state").rglob("tiny.local.json")).read_text()


def test_a_failing_program_is_told_once_with_its_own_lines_only(project: Path, pulumi: Run) -> None:
    program(project, "print({}['missing'])")
    done = pulumi("preview")
    diagnostics = done.stdout.partition("Diagnostics:")[2]
    assert done.returncode != 0
    assert diagnostics.count("KeyError: 'missing'") == 1
    assert '__main__.py", line 2' in diagnostics
    assert "language_host" not in diagnostics


def test_a_mistake_inside_apply_fails_the_update(project: Path, pulumi: Run) -> None:
    program(project, "pulumi.Output.from_input(1).apply(lambda _: {}['in apply'])")
    done = pulumi("preview")
    assert done.returncode != 0
    assert "KeyError: 'in apply'" in done.stdout

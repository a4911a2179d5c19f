"""Bad input through the doors a user has: a clear error, and nothing changes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.local.conftest import Stack

pytestmark = pytest.mark.local


def kpi(stack: Stack, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    env = {**stack.settings.process_env(), **environment}
    return subprocess.run([str(stack.settings.root / "bin" / "kpi"), *arguments], capture_output=True, text=True, env=env, check=False)


def preview(stack: Stack, name: str, config: Path) -> subprocess.CompletedProcess[str]:
    """The literal `pulumi preview` with another config file."""
    command = ["pulumi", "preview", "-s", name, "--config-file", str(config), "--non-interactive", "--color", "never"]
    return subprocess.run(command, cwd=stack.settings.root, capture_output=True, text=True, env=stack.settings.process_env(), check=False)


@pytest.fixture
def config(stack: Stack, tmp_path: Path) -> Path:
    """A copy of Acme's stack config, to spoil."""
    copy = tmp_path / "Pulumi.acme.prod.yaml"
    shutil.copy(stack.settings.root / "stacks" / "Pulumi.acme.prod.yaml", copy)
    return copy


@pytest.fixture(autouse=True)
def _state_is_untouched(stack: Stack) -> Iterator[None]:
    """Whatever is refused leaves Pulumi's state as it was."""
    state = stack.settings.state_dir / ".pulumi" / "stacks" / "kpi-observatory"
    before = {path.name: path.read_bytes() for path in state.glob("*.json")}
    yield
    assert {path.name: path.read_bytes() for path in state.glob("*.json")} == before


def change(config: Path, **values: object) -> None:
    document = yaml.safe_load(config.read_text())
    document["config"] |= {f"kpi-observatory:{key}": value for key, value in values.items()}
    config.write_text(yaml.safe_dump(document))


def test_an_unknown_stack_config_key_is_refused_with_the_nearest_one(stack: Stack, config: Path) -> None:
    change(config, timezon="Europe/Berlin")
    done = preview(stack, "acme.prod", config)
    assert done.returncode != 0
    assert "timezon" in done.stdout + done.stderr
    assert "timezone" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_all_wrong_config_values_are_told_at_once(stack: Stack, config: Path) -> None:
    change(config, currency="dollars", replayYear="soon")
    done = preview(stack, "acme.prod", config)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "currency" in said
    assert "replayYear" in said
    assert "EUR" in said, "the expected form is told"
    assert "Traceback" not in said


def test_a_broken_pack_is_refused_with_file_and_line(stack: Stack, tmp_path: Path) -> None:
    packs = tmp_path / "packs"
    shutil.copytree(stack.settings.root / "kpis" / "packs", packs)
    broken = packs / "cfo" / "broken.yaml"
    broken.write_text("kind: kpi\nid: [unclosed\n")
    done = kpi(stack, "check", str(packs))
    assert done.returncode == 1
    assert f"{broken.name}:" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_stack_that_would_replace_a_wrong_type_is_refused(stack: Stack, config: Path) -> None:
    change(config, logRetentionDays="forever")
    done = preview(stack, "acme.prod", config)
    assert done.returncode != 0
    assert "logRetentionDays" in done.stdout + done.stderr


def test_a_taken_port_is_named_and_nothing_is_started(stack: Stack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        before = json.loads(kpi(stack, "services", "--json").stdout)
        done = kpi(stack, "up", KPI_GATEWAY_PORT=str(port))
        assert done.returncode == 3
        assert str(port) in done.stdout + done.stderr
        assert json.loads(kpi(stack, "services", "--json").stdout) == before


def test_an_unknown_kpi_cannot_be_run(stack: Stack) -> None:
    done = kpi(stack, "run", "acme", "CFO-XX-99")
    assert done.returncode in (1, 2)
    assert "CFO-XX-99" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr

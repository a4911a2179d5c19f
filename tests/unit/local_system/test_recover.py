"""How what the emulator holds and what Pulumi's state says are brought together after a crash."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest

from cli import recover
from cli.errors import KpiError
from local.emulator import control
from local.emulator.control import Memory
from local.settings import LocalSettings
from local.steps import Steps


@pytest.fixture
def held(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """An emulator that holds the marker object and nothing else."""
    objects: dict[str, bytes] = {}

    def request(_settings: LocalSettings, method: str, path: str, body: bytes | None = None) -> str | None:
        if method == "PUT":
            objects[path] = body or b""
        return objects[path].decode() if path in objects else None

    monkeypatch.setattr(control, "_request", request)
    settings.emulator_dir.mkdir()
    return objects


def add_stack(settings: LocalSettings, name: str = "platform.local", pending: int = 0) -> Path:
    path = settings.state_dir / ".pulumi" / "stacks" / "kpi-observatory" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"pending_operations": [{}] * pending}}}))
    return path


def steps() -> Steps:
    return Steps(out=io.StringIO())


@pytest.mark.usefixtures("held")
def test_a_first_start_has_nothing_to_remember(settings: LocalSettings) -> None:
    assert recover.restore_memory(settings, steps(), crashed=False) is Memory.NEW
    assert recover.restore_memory(settings, steps(), crashed=False) is Memory.INTACT


@pytest.mark.usefixtures("held")
def test_after_a_crash_the_stacks_are_to_be_refreshed(settings: LocalSettings) -> None:
    control.mark(settings)
    assert recover.restore_memory(settings, steps(), crashed=True) is Memory.STALE


def test_an_emulator_that_lost_everything_starts_from_an_empty_state_and_keeps_the_old_one(
    settings: LocalSettings, held: dict[str, bytes]
) -> None:
    control.mark(settings)
    add_stack(settings)
    held.clear()
    told = steps()
    assert recover.restore_memory(settings, told, crashed=False) is Memory.LOST
    assert list(settings.state_dir.iterdir()) == []
    assert list(settings.local_dir.glob("state.before-reset/**/platform.local.json"))
    assert isinstance(told.out, io.StringIO)
    assert "deploying everything again" in told.out.getvalue()
    assert recover.restore_memory(settings, steps(), crashed=False) is Memory.INTACT


def test_another_emulators_content_is_not_taken_for_ours(settings: LocalSettings, held: dict[str, bytes]) -> None:
    control.mark(settings)
    held[f"/{control.GENERATION_BUCKET}/generation"] = b"another"
    assert control.memory(settings, crashed=False) is Memory.LOST


def test_interrupted_operations_are_counted(settings: LocalSettings) -> None:
    assert recover.pending_operations(settings, "platform.local") == 0
    add_stack(settings, pending=2)
    assert recover.pending_operations(settings, "platform.local") == 2


def lock(settings: LocalSettings, pid: int) -> Path:
    path = settings.state_dir / ".pulumi" / "locks" / "organization" / "kpi-observatory" / "platform.local" / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"pid": pid}))
    return path


def test_the_lock_of_a_running_engine_is_respected(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(settings, os.getpid())
    monkeypatch.setattr(recover, "_is_pulumi", lambda _pid: True)
    with pytest.raises(KpiError, match=f"another pulumi command .process {os.getpid()}. works on this stack"):
        recover.release_locks(settings, steps(), "platform.local")


def test_the_lock_of_an_engine_that_is_gone_is_released_by_pulumi_itself(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(settings, 2**22 + 1)  # beyond the largest pid
    commands: list[list[str]] = []
    monkeypatch.setattr(recover.stacks, "pulumi_step", lambda _settings, _steps, arguments: commands.append(arguments))
    recover.release_locks(settings, steps(), "platform.local")
    assert commands == [["cancel", "-s", "platform.local", "--yes"]]


def test_a_lock_whose_pid_now_belongs_to_something_else_is_released(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(settings, os.getppid())
    monkeypatch.setattr(recover, "_is_pulumi", lambda _pid: False)
    commands: list[list[str]] = []
    monkeypatch.setattr(recover.stacks, "pulumi_step", lambda _settings, _steps, arguments: commands.append(arguments))
    recover.release_locks(settings, steps(), "platform.local")
    assert len(commands) == 1

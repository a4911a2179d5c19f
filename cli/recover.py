"""Puts right what `kill -9`, a reboot or a full disk left behind, and says what it does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

from cli import stack as stacks
from cli.errors import KpiError
from local.emulator import control as emulator
from local.emulator.control import Memory
from local.settings import LocalSettings
from local.steps import Steps
from local.watch import start_time


def locks(settings: LocalSettings, stack: str) -> list[Path]:
    """The lock files of a stack in the file backend; a running `pulumi` holds one."""
    folder = settings.state_dir / ".pulumi" / "locks" / "organization" / "kpi-observatory" / stack
    return sorted(folder.glob("*.json"))


def release_locks(settings: LocalSettings, steps: Steps, stack: str) -> None:
    """Cancel the update of an engine that is gone.

    Raises:
        KpiError: when the engine still runs.
    """
    found = locks(settings, stack)
    if not found:
        return
    for lock in found:
        pid = _lock_holder(lock)
        if pid is not None and start_time(pid) is not None and _is_pulumi(pid):
            raise KpiError(
                stack, f"another pulumi command (process {pid}) works on this stack", next=f"wait for it, or stop it: kill {pid}"
            )
    steps.say(f"    {stack}: the engine was killed in the middle of an update; releasing its lock")
    stacks.pulumi_step(settings, steps, ["cancel", "-s", stack, "--yes"])


def pending_operations(settings: LocalSettings, stack: str) -> int:
    """How many operations the state still lists as under way."""
    path = stacks.state_file(settings, stack)
    if not path.exists():
        return 0
    document = cast("dict[str, Any]", json.loads(path.read_text()))
    latest: dict[str, Any] = document.get("checkpoint", {}).get("latest") or {}
    operations: list[Any] = latest.get("pending_operations") or []
    return len(operations)


def settle(settings: LocalSettings, steps: Steps, stack: str) -> None:
    """Compare the state of an interrupted update with what exists, and forget creates of which the outcome is unknown.

    The provider's journal makes the next `up` take such a resource up again instead of failing on its name.
    """
    count = pending_operations(settings, stack)
    if count:
        steps.say(f"    {stack}: {count} operation(s) were interrupted; comparing the state with what exists")
        stacks.pulumi_step(settings, steps, ["refresh", "-s", stack, "--yes", "--skip-preview", "--clear-pending-creates"])


def restore_memory(settings: LocalSettings, steps: Steps, *, crashed: bool) -> Memory:
    """Bring Pulumi's state and the running emulator together again.

    Nothing of what was deployed left: start from an empty state. A crash: the caller has to refresh.
    """
    found = emulator.memory(settings, crashed=crashed)
    if found is Memory.LOST:
        kept = reset_state(settings)
        steps.say("    the emulator holds nothing of what was deployed (it was killed before it could write, or reset):")
        steps.say(f"    deploying everything again from an empty state; the old one is kept in {kept}")
    elif found is Memory.STALE:
        steps.say("    the emulator had crashed; it is back with what it had last written. Refreshing every stack before the update")
    if found in (Memory.LOST, Memory.NEW):
        emulator.mark(settings)
    return found


def reset_state(settings: LocalSettings) -> Path | None:
    """Start from an empty Pulumi state; the one before is kept beside it."""
    kept = settings.state_dir.with_name("state.before-reset")
    shutil.rmtree(kept, ignore_errors=True)
    shutil.rmtree(settings.local_dir / "provider", ignore_errors=True)
    if not settings.state_dir.exists():
        return None
    settings.state_dir.replace(kept)
    settings.state_dir.mkdir()
    return kept


def _lock_holder(lock: Path) -> int | None:
    try:
        return int(json.loads(lock.read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_pulumi(pid: int) -> bool:
    # A reused pid belongs to something else; where the command line cannot be read, believe the lock.
    try:
        return b"pulumi" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True

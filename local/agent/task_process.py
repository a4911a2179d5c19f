"""Processes that stand for containers: started in a session of their own, recognised again after the agent died."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from local import watch
from local.agent.store import TaskRow
from local.settings import LocalSettings

TASK_VARIABLE = "KPI_AGENT_TASK"
"""Carries the task's ARN in the process's environment: finds a process that started just before the agent was killed."""


def output_file(settings: LocalSettings, task: TaskRow) -> Path:
    """Where the process writes until the agent has forwarded it."""
    return settings.agent_dir / "tasks" / f"{task.id}.log"


def start(settings: LocalSettings, task: TaskRow) -> subprocess.Popen[bytes]:
    """Start the task's process; its output goes to a file, so that the agent's death does not break it."""
    path = output_file(settings, task)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as output:
        return subprocess.Popen(
            [str(settings.python), *task.command],
            cwd=settings.root,
            env=environment(settings, task, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def environment(settings: LocalSettings, task: TaskRow, base: Mapping[str, str]) -> dict[str, str]:
    """The container's environment on top of what reaches the emulator and nothing else."""
    return {
        **settings.process_env(base),
        **task.environment,
        **settings.aws_env(),
        TASK_VARIABLE: task.arn,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(settings.root),
    }


def is_same_process(pid: int | None, started: str | None) -> bool:
    """Whether the process that was recorded still runs (a reused pid does not count)."""
    return pid is not None and started is not None and watch.start_time(pid) == started


def find(arn: str) -> int | None:
    """The process of a task by its environment; the first one started, since children inherit the mark."""
    pids = [pid for pid, values in watch.process_environments() if values.get(TASK_VARIABLE) == arn and pid != os.getpid()]
    return min(pids, default=None)


def end(pid: int, number: signal.Signals) -> None:
    """Signal a task's whole session."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)

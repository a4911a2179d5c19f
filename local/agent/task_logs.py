"""Forwards what a task's process writes to the log stream its definition names."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from local.agent.store import TaskRow

_CHUNK_BYTES = 512 * 1024
_LINE_BYTES = 250_000
_EVENTS = 5_000


def forward(logs: Any, task: TaskRow, path: Path, *, final: bool) -> int:
    """Send the whole lines written since the task's `log_offset`; with `final` also an unfinished last line. Gives the new offset."""
    if task.log_group is None or task.log_stream is None or not path.exists():
        return task.log_offset
    with path.open("rb") as file:
        file.seek(task.log_offset)
        content = file.read(_CHUNK_BYTES)
    cut = content.rfind(b"\n") + 1
    if (len(content) < _CHUNK_BYTES and final) or (not cut and len(content) == _CHUNK_BYTES):
        cut = len(content)
    lines = content[:cut].splitlines(keepends=True)[:_EVENTS]
    if not lines:
        return task.log_offset
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line.rstrip()[:_LINE_BYTES].decode(errors="replace")} for line in lines if line.strip()]
    if events:
        logs.put_log_events(logGroupName=task.log_group, logStreamName=task.log_stream, logEvents=events)
    return task.log_offset + sum(len(line) for line in lines)


def open_stream(logs: Any, task: TaskRow) -> None:
    """Make the task's log stream, and the group where the definition names one that does not exist."""
    if task.log_group is None:
        return
    for make, names in (
        (logs.create_log_group, {"logGroupName": task.log_group}),
        (logs.create_log_stream, {"logGroupName": task.log_group, "logStreamName": task.log_stream}),
    ):
        try:
            make(**names)
        except logs.exceptions.ResourceAlreadyExistsException:
            continue

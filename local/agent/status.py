"""What the agent says of itself: one small JSON file, replaced atomically, read by `kpi status`."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from local import watch
from local.settings import LocalSettings

FRESH_SECONDS = 10.0
"""An agent that has not written for this long does not do its job."""


@dataclass(frozen=True)
class AgentStatus:
    """Counts are since the agent started; times are seconds since the epoch.

    `unsupported_alarms` maps the name of an alarm that is never evaluated here to the reason.
    """

    pid: int
    started_at: float
    written_at: float
    tasks_waiting: int = 0
    tasks_running: int = 0
    tasks_finished: int = 0
    tasks_failed: int = 0
    metrics_forwarded: int = 0
    emf_rejected: int = 0
    alarms_evaluated: int = 0
    alarms_in_alarm: tuple[str, ...] = ()
    alarm_transitions: int = 0
    unsupported_alarms: dict[str, str] = field(default_factory=dict[str, str])
    last_error: str | None = None
    last_error_at: float | None = None


class StatusFile:
    """The agent's status in memory, written to disk by `write`. Safe to use from several threads."""

    def __init__(self, path: Path, status: AgentStatus) -> None:
        self._path = path
        self._status = status
        self._lock = threading.Lock()

    def set(self, **values: Any) -> None:
        """Replace fields."""
        with self._lock:
            self._status = replace(self._status, **values)

    def add(self, **counts: int) -> None:
        """Add to counters."""
        with self._lock:
            self._status = replace(self._status, **{name: getattr(self._status, name) + count for name, count in counts.items()})

    def error(self, text: str) -> None:
        """Remember the latest error."""
        self.set(last_error=text, last_error_at=time.time())

    def recovered(self, text: str) -> None:
        """Forget an error that is over, unless another came after it."""
        with self._lock:
            if self._status.last_error == text:
                self._status = replace(self._status, last_error=None, last_error_at=None)

    def write(self) -> None:
        """Replace the file."""
        with self._lock:
            self._status = replace(self._status, written_at=time.time())
            document = asdict(self._status)
        draft = self._path.with_suffix(".tmp")
        draft.write_text(json.dumps(document, indent=2) + "\n")
        draft.replace(self._path)


def status_path(settings: LocalSettings) -> Path:
    """Where the agent of a checkout writes."""
    return settings.agent_dir / "status.json"


def read_status(settings: LocalSettings) -> AgentStatus | None:
    """The last status written, or None before the first start or when the file is damaged."""
    try:
        document = cast("dict[str, Any]", json.loads(status_path(settings).read_text()))
        document["alarms_in_alarm"] = tuple(cast("list[str]", document["alarms_in_alarm"]))
        return AgentStatus(**document)
    except (FileNotFoundError, json.JSONDecodeError, TypeError, KeyError):
        return None


def is_alive(settings: LocalSettings) -> bool:
    """Whether the agent of this checkout runs and works."""
    status = read_status(settings)
    return status is not None and time.time() - status.written_at < FRESH_SECONDS and watch.start_time(status.pid) is not None

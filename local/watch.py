"""The watcher of one background service: `watch.py RECORD STOP_SECONDS FINGERPRINT -- COMMAND…`.

It starts the command, records both processes, forwards SIGTERM, and when the command ends for whatever reason it ends
everything the command has started. Standard library only and no imports of ours: it stays small because it lives as long as
the service. On an orderly end it removes the record; after a crash the record stays, so that the next start knows.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType

MARKER = "KPI_SERVICE"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_STAT_STATE = 0
_STAT_START_TIME = 19
_POLL_SECONDS = 0.05


def start_time(pid: int) -> str | None:
    """When a process started, in a form that a reused pid does not share; None when there is no such (non-zombie) process."""
    if sys.platform == "linux":
        try:
            # The name in parentheses may hold anything; the fields after the last one are fixed.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[_STAT_STATE] in "ZX" else f"{boot}:{fields[_STAT_START_TIME]}"
    found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout.split(
        maxsplit=1
    )
    return found[1].strip() if len(found) > 1 and not found[0].startswith("Z") else None


def process_environments() -> Iterator[tuple[int, dict[str, str]]]:
    """The environment of every process of this user that can be read."""
    if sys.platform != "linux":
        yield from _process_environments_ps()
        return
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            content = (entry / "environ").read_bytes()
        except OSError:
            continue
        pairs = (item.partition("=") for item in content.decode(errors="replace").split("\0"))
        yield int(entry.name), {name: value for name, separator, value in pairs if separator}


def _process_environments_ps() -> Iterator[tuple[int, dict[str, str]]]:
    listing = subprocess.run(["ps", "-E", "-ww", "-o", "pid=,command="], capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        pid, _, rest = line.strip().partition(" ")
        found = rest.partition(f" {MARKER}=")[2]
        if found:
            yield int(pid), {MARKER: found.split(" ")[0]}


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _write_record(path: Path, child: int, fingerprint: str) -> None:
    document = {
        "watcher_pid": os.getpid(),
        "watcher_started": start_time(os.getpid()),
        "child_pid": child,
        "child_started": start_time(child),
        "fingerprint": fingerprint,
    }
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(document))
    draft.replace(path)


def _marked(value: str) -> list[int]:
    return [pid for pid, environment in process_environments() if environment.get(MARKER) == value and pid != os.getpid()]


def _end_rest(value: str) -> None:
    """Kill what the service left: its descendants inherit the marker wherever they moved."""
    for _ in range(20):
        pids = _marked(value)
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # As subreaper we are the parent of orphans: collect them, or they stay as zombies.
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(_POLL_SECONDS)


def main(arguments: list[str]) -> int:
    record, stop_seconds, fingerprint = Path(arguments[0]), float(arguments[1]), arguments[2]
    command = arguments[4:]
    stopping: list[float] = []

    def request_stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.append(time.monotonic())

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # If the watcher itself is killed, the kernel asks the service to end in order.
    child = subprocess.Popen(command, preexec_fn=lambda: _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM))  # noqa: PLW1509
    _write_record(record, child.pid, fingerprint)
    asked = False
    while child.poll() is None:
        if stopping and not asked:
            asked = True
            child.terminate()
        if stopping and time.monotonic() - stopping[0] > stop_seconds:
            child.kill()
        time.sleep(_POLL_SECONDS)
    _end_rest(os.environ.get(MARKER, ""))
    if stopping:
        record.unlink(missing_ok=True)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

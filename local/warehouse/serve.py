"""Run PostgreSQL in the foreground: `serve.py DATA_DIR PORT POSTGRES_BINARY [SYSTEM_USER]`.

Clears what a killed server left behind, starts the server on 127.0.0.1 only, and turns SIGTERM into PostgreSQL's fast shutdown
(its own reading of SIGTERM waits for every client). Standard library only: it stays small because it lives as long as the server.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_CLEAR_SECONDS = 10.0
_FAST_SECONDS = 8.0


def main(arguments: list[str]) -> int:
    data, port, binary = Path(arguments[0]), arguments[1], arguments[2]
    user = arguments[3] if len(arguments) > 3 else None  # noqa: PLR2004 - the optional fourth argument
    clear_leftovers(data)
    command = [binary, "-D", str(data), "-p", port, "-h", "127.0.0.1", "-c", "unix_socket_directories="]
    server = subprocess.Popen(
        command,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd=data,
        preexec_fn=_die_with_parent,  # noqa: PLW1509
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stopping.set())
    threading.Thread(target=_stop_when_asked, args=(server, stopping), daemon=True).start()
    return server.wait()


def _stop_when_asked(server: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    """Fast shutdown, and the immediate one when that hangs (as after the crash of a child); the next start then replays its log."""
    stopping.wait()
    server.send_signal(signal.SIGINT)
    time.sleep(_FAST_SECONDS)
    server.send_signal(signal.SIGQUIT)


def clear_leftovers(data: Path) -> None:
    """End the processes of a killed server and remove its lock file, so that the next server can start.

    The lock file names a process id which may belong to somebody else by now; PostgreSQL would refuse to start then.
    """
    deadline = time.monotonic() + _CLEAR_SECONDS
    while leftovers := list(server_processes(data)):
        # Children end by themselves within a second of their postmaster's death; a stuck one is killed.
        if time.monotonic() > deadline - _CLEAR_SECONDS + 2:
            for pid in leftovers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise SystemExit(f"{data}: processes {leftovers} of an earlier PostgreSQL server do not end; end them and start again")
        time.sleep(0.1)
    if sys.platform == "linux":
        (data / "postmaster.pid").unlink(missing_ok=True)


def server_processes(data: Path) -> Iterator[int]:
    """The PostgreSQL processes that work in this data directory (Linux; elsewhere PostgreSQL's own check must do)."""
    if sys.platform != "linux":
        return
    where = data.resolve()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            # A server process of ours has the data directory as working directory and runs a binary called postgres.
            if (entry / "exe").readlink().name == "postgres" and (entry / "cwd").readlink() == where:
                yield int(entry.name)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

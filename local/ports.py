"""TCP ports on 127.0.0.1: whether one can be listened on, whether that will change by itself, and who holds it."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

# A connection that was closed keeps its own port for a minute (RFC 9293 3.6.1, the TIME-WAIT state), and nobody can listen on it.
SETTLE_SECONDS = 65.0
_POLL_SECONDS = 0.1
_CONNECT_SECONDS = 1.0


def is_free(port: int) -> bool:
    """Whether a listener could be opened now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def becomes_free(port: int, seconds: float = SETTLE_SECONDS) -> bool:
    """Whether a listener can be opened, waiting while only a connection that somebody made holds the port.

    The system gives outgoing connections any port of its range (32768-60999 on Linux), also one that a service is about to use.
    A port that somebody listens on is not waited for.
    """
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if has_listener(port) or time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def has_listener(port: int) -> bool:
    """Whether somebody accepts connections."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
        caller.settimeout(_CONNECT_SECONDS)
        # A full queue of a busy listener answers late or not at all; only a refusal says that nobody listens.
        return caller.connect_ex(("127.0.0.1", port)) == 0 or bool(_listening_inodes(port))


def holder(port: int) -> str:
    """The process that listens on a port, as far as this user may know."""
    inodes = _listening_inodes(port)
    for entry in Path("/proc").glob("[0-9]*") if inodes else ():
        if inodes & _open_files(entry):
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {entry.name} ({command[:80]})"
    return "another process"


def _open_files(process: Path) -> set[str]:
    found: set[str] = set()
    # Processes of others may not be looked into, and files are closed while we look.
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()))
    return found


def _listening_inodes(port: int) -> set[str]:
    found: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            # Field 1 is the local address, 3 the state (0A: listening), 9 the socket's inode.
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found

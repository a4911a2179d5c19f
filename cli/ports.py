"""Chooses the ports of a checkout: what was asked for or saved must be free or ours, a default may move to the next free one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from cli.errors import KpiError
from local.settings import (
    GATEWAY_PORT_VARIABLE,
    WAREHOUSE_PORT_VARIABLE,
    LocalSettings,
    requested_ports,
    saved_ports,
)

_VARIABLES = {"gateway_port": GATEWAY_PORT_VARIABLE, "warehouse_port": WAREHOUSE_PORT_VARIABLE}
_PURPOSES = {"gateway_port": "the embedded AWS endpoint", "warehouse_port": "the embedded PostgreSQL"}
_CANDIDATES = 100


def choose_ports(
    root: Path, environ: Mapping[str, str], *, ours: Callable[[LocalSettings, str], bool], say: Callable[[str], None]
) -> LocalSettings:
    """The settings to start with.

    `ours` tells whether the port of a field is already held by this checkout's own running service.

    Raises:
        KpiError: when a port that was asked for or saved is taken by something else; nothing has been changed then.
    """
    settings = LocalSettings(root)
    requested, saved = requested_ports(environ), saved_ports(root)
    taken_here: set[int] = set()
    for field, purpose in _PURPOSES.items():
        fixed = requested.get(field, saved.get(field))
        port: int = getattr(settings, field) if fixed is None else fixed
        candidate = replace(settings, **{field: port})
        if port in taken_here:
            raise KpiError(f"port {port}", "asked for twice", "two different ports", f"set another {_VARIABLES[field]}")
        if not ours(candidate, field) and not is_free(port):
            if fixed is not None:
                raise _taken(port, field, "requested" if field in requested else "saved in .local/settings.json")
            found = next_free(port + 1, taken_here)
            say(f"port {port} ({purpose}) is taken by {holder(port)}: using {found} instead (saved in .local/settings.json)")
            candidate = replace(settings, **{field: found})
        settings = candidate
        taken_here.add(getattr(settings, field))
    return settings


def is_free(port: int) -> bool:
    """Whether a listener could be opened on 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def next_free(first: int, excluded: set[int]) -> int:
    for port in range(first, first + _CANDIDATES):
        if port not in excluded and is_free(port):
            return port
    raise KpiError(f"ports {first}-{first + _CANDIDATES - 1}", "all taken", next="choose one: make up GATEWAY_PORT=… WAREHOUSE_PORT=…")


def holder(port: int) -> str:
    """The process that listens on a port, as far as this user may know."""
    inodes = _listening_inodes(port)
    for entry in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            links = {str(link.readlink()) for link in (entry / "fd").iterdir()}
            if links & inodes:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                return f"process {entry.name} ({command[:80]})"
        except OSError:
            continue
    return "another process"


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


def _taken(port: int, field: str, origin: str) -> KpiError:
    option = _VARIABLES[field].removeprefix("KPI_")
    return KpiError(
        f"port {port}",
        f"taken by {holder(port)}; it was {origin} for {_PURPOSES[field]}",
        "a free port on 127.0.0.1",
        f"stop that process, or choose another port: make up {option}=<port>. Nothing was changed.",
    )

"""Chooses the ports of a checkout: what was asked for or saved must be free or ours, a default may move to the next free one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from cli.errors import KpiError
from local.ports import becomes_free, holder, is_free
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
        if not ours(candidate, field) and not (is_free(port) if fixed is None else becomes_free(port)):
            if fixed is not None:
                raise _taken(port, field, "requested" if field in requested else "saved in .local/settings.json")
            found = next_free(port + 1, taken_here)
            say(f"port {port} ({purpose}) is taken by {holder(port)}: using {found} instead (saved in .local/settings.json)")
            candidate = replace(settings, **{field: found})
        settings = candidate
        taken_here.add(getattr(settings, field))
    return settings


def next_free(first: int, excluded: set[int]) -> int:
    for port in range(first, first + _CANDIDATES):
        if port not in excluded and is_free(port):
            return port
    raise KpiError(f"ports {first}-{first + _CANDIDATES - 1}", "all taken", next="choose one: make up GATEWAY_PORT=… WAREHOUSE_PORT=…")


def _taken(port: int, field: str, origin: str) -> KpiError:
    option = _VARIABLES[field].removeprefix("KPI_")
    return KpiError(
        f"port {port}",
        f"taken by {holder(port)}; it was {origin} for {_PURPOSES[field]}",
        "a free port on 127.0.0.1",
        f"stop that process, or choose another port: make up {option}=<port>. Nothing was changed.",
    )

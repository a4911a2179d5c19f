"""Background services of the embedded system: started detached, watched, found again, stopped without orphans.

Plug in by describing a process as a `Service`; `start`, `stop` and `status` do the rest. Each service runs under a small
watcher (`local/watch.py`) that ends everything the service started when the service dies. Every process of a service carries
`KPI_SERVICE=<checkout>:<name>` in its environment, which is how orphans are recognised even after `kill -9` of the watcher.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from local import ports, watch
from local.settings import LocalSettings

MARKER = watch.MARKER
LOG_LIMIT_BYTES = 20_000_000
_POLL_SECONDS = 0.05
_TAIL_LINES = 15
_PATIENCE_SECONDS = 15.0


@dataclass(frozen=True)
class Service:
    """One background process.

    Attributes:
        name: unique in a checkout; names the record and the log.
        command: argument vector; it must stay in the foreground.
        env: additions to the caller's environment (without anything that reaches a real AWS account).
        ready: answers quickly whether the service does its job now.
        cwd: working directory; the checkout when absent.
        ready_seconds: how long a start may take before it counts as failed.
        stop_seconds: how long SIGTERM may take before SIGKILL.
        ports: TCP ports on 127.0.0.1 it listens on.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    ready_seconds: float = 30.0
    stop_seconds: float = 15.0
    ports: tuple[int, ...] = ()


class ServiceState(Enum):
    """What `status` found."""

    RUNNING = "running"
    UNREADY = "unready"
    STOPPED = "stopped"
    CRASHED = "crashed"


@dataclass(frozen=True)
class ServiceStatus:
    """State of one service; `pid` is the service's own process, `log` where its output goes."""

    name: str
    state: ServiceState
    pid: int | None = None
    log: Path | None = None
    detail: str = ""


class ServiceError(RuntimeError):
    """A service did not start or stop; the message ends with the tail of its log."""


def log_path(settings: LocalSettings, name: str) -> Path:
    return settings.log_dir / f"{name}.log"


def record_path(settings: LocalSettings, name: str) -> Path:
    return settings.run_dir / f"{name}.json"


def marker_value(settings: LocalSettings, name: str) -> str:
    """The value of KPI_SERVICE in every process of a service of this checkout."""
    return f"{settings.local_dir.resolve()}:{name}"


def fingerprint(service: Service) -> str:
    """Changes when the service would be started differently, so that `start` knows to restart it."""
    content = json.dumps([service.command, sorted(service.env.items()), str(service.cwd)], sort_keys=True)
    return sha256(content.encode()).hexdigest()


def start(settings: LocalSettings, service: Service) -> ServiceStatus:
    """Start a service, or leave it when it runs already as described. Returns when it is ready.

    One that runs and does not answer gets some time before it is replaced: on a busy machine it may only be slow.

    Raises:
        ServiceError: when it ends early or is not ready in time; nothing of it is left running then.
    """
    current = status(settings, service)
    if _record(settings, service.name).get("fingerprint") == fingerprint(service):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while current.state is ServiceState.UNREADY and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            current = status(settings, service)
        if current.state is ServiceState.RUNNING:
            return current
    stop(settings, service)
    for port in service.ports:
        if not ports.becomes_free(port):
            raise ServiceError(f"{service.name}: port {port} is taken by {ports.holder(port)}; stop that process, or choose another port")
    _launch(settings, service)
    return _wait_ready(settings, service)


def stop(settings: LocalSettings, service: Service) -> bool:
    """Stop a service and everything it started: SIGTERM, then SIGKILL after `stop_seconds`. False when nothing ran."""
    record = _record(settings, service.name)
    found = False
    watcher = _alive(record, "watcher")
    child = _alive(record, "child")
    for pid in filter(None, (watcher, None if watcher else child)):
        found = True
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        _wait_gone(pid, service.stop_seconds + 2)
    found = kill_orphans(settings, service.name) or found
    record_path(settings, service.name).unlink(missing_ok=True)
    return found


def status(settings: LocalSettings, service: Service) -> ServiceStatus:
    """What runs now, without changing anything."""
    log = log_path(settings, service.name)
    record = _record(settings, service.name)
    child = _alive(record, "child")
    # Without its watcher the service is about to end, and nobody would clean up after it.
    if child is None or _alive(record, "watcher") is None:
        state = ServiceState.CRASHED if record else ServiceState.STOPPED
        return ServiceStatus(service.name, state, log=log, detail=f"ended unexpectedly; see {log}" if record else "")
    state = ServiceState.RUNNING if service.ready() else ServiceState.UNREADY
    return ServiceStatus(service.name, state, pid=child, log=log)


def kill_orphans(settings: LocalSettings, name: str | None = None) -> bool:
    """Kill every process that a service of this checkout left behind (all services without a name). False when none."""
    prefix = marker_value(settings, "" if name is None else name)
    found = False
    for _ in range(3):  # a dying process may fork once more
        pids = [pid for pid, value in marked_processes() if (value.startswith(prefix) if name is None else value == prefix)]
        if not pids:
            break
        found = True
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in pids:
            _wait_gone(pid, 2)
    return found


def marked_processes() -> Iterator[tuple[int, str]]:
    """Every live process of this user with a KPI_SERVICE marker, except the caller's own ancestors."""
    mine = {os.getpid()}
    for pid, environment in watch.process_environments():
        value = environment.get(MARKER)
        if value and pid not in mine:
            yield pid, value


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, empty when there is none."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def _record(settings: LocalSettings, name: str) -> dict[str, Any]:
    try:
        document: Any = json.loads(record_path(settings, name).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}


def _alive(record: Mapping[str, Any], role: str) -> int | None:
    """The recorded process if it still is the same one: a reused pid has another start time."""
    pid, started = record.get(f"{role}_pid"), record.get(f"{role}_started")
    if isinstance(pid, int) and started is not None and watch.start_time(pid) == started:
        return pid
    return None


def _launch(settings: LocalSettings, service: Service) -> None:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    log = log_path(settings, service.name)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    record = record_path(settings, service.name)
    command = [
        *(sys.executable, str(Path(watch.__file__)), str(record), str(service.stop_seconds), fingerprint(service), "--"),
        *service.command,
    ]
    environment = {**settings.process_env(), **service.env, MARKER: marker_value(settings, service.name)}
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%Y-%m-%dT%H:%M:%S%z')} starting {service.name}\n".encode())
        output.flush()
        subprocess.Popen(
            command,
            cwd=service.cwd or settings.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait_ready(settings: LocalSettings, service: Service) -> ServiceStatus:
    deadline = time.monotonic() + service.ready_seconds
    began = time.monotonic()
    while time.monotonic() < deadline:
        current = status(settings, service)
        if current.state is ServiceState.RUNNING:
            return current
        # The record appears when the watcher has started the child; a child that is gone after that has failed.
        if current.state is ServiceState.CRASHED or (current.state is ServiceState.STOPPED and time.monotonic() - began > 10):  # noqa: PLR2004
            break
        time.sleep(_POLL_SECONDS)
    stop(settings, service)
    log = log_path(settings, service.name)
    raise ServiceError(f"{service.name}: not ready after {time.monotonic() - began:.0f} s; the end of {log}:\n{tail(log)}")


def _wait_gone(pid: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and watch.start_time(pid) is not None:
        time.sleep(_POLL_SECONDS)

"""Background services are started once, found again, and leave nothing behind, however they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from local import ports, processes
from local.processes import Service, ServiceError, ServiceState
from local.settings import LocalSettings

# Starts a child in a session of its own that ignores SIGTERM, as a badly behaved Lambda worker would.
STUBBORN_CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
PARENT = (
    f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {STUBBORN_CHILD!r}], start_new_session=True); time.sleep(300)"
)


def service(code: str = PARENT, *, ready: Callable[[], bool] = lambda: True, seconds: float = 5) -> Service:
    return Service("worker", (sys.executable, "-c", code), ready, ready_seconds=seconds, stop_seconds=1)


def running(settings: LocalSettings) -> list[int]:
    return [pid for pid, value in processes.marked_processes() if value == processes.marker_value(settings, "worker")]


def eventually(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


def record(settings: LocalSettings) -> dict[str, int]:
    return json.loads(processes.record_path(settings, "worker").read_text())


def test_a_second_start_finds_the_running_service(settings: LocalSettings) -> None:
    first = processes.start(settings, service())
    assert processes.start(settings, service()).pid == first.pid


def test_a_service_waits_for_a_port_that_a_passing_connection_holds(settings: LocalSettings, passing_connection: socket.socket) -> None:
    port = passing_connection.getsockname()[1]
    code = f"import socket, time; s = socket.socket(); s.bind(('127.0.0.1', {port})); s.listen(); time.sleep(300)"
    closing = threading.Timer(0.3, passing_connection.close)
    closing.start()
    listens = replace(service(code), ports=(port,))
    assert processes.start(settings, listens).state is ServiceState.RUNNING
    closing.join()
    assert eventually(lambda: ports.has_listener(port))


def test_a_service_whose_port_somebody_else_listens_on_is_not_started(settings: LocalSettings, taken: int) -> None:
    with pytest.raises(ServiceError, match=rf"worker: port {taken} is taken by process {os.getpid()} .*choose another port"):
        processes.start(settings, replace(service(), ports=(taken,)))
    assert running(settings) == []


def test_a_running_service_that_is_only_slow_to_answer_is_left_alone(settings: LocalSettings) -> None:
    first = processes.start(settings, service())
    answers = iter([False, False, True, True])
    assert processes.start(settings, service(ready=lambda: next(answers))).pid == first.pid


def test_a_running_service_that_never_answers_is_replaced(settings: LocalSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_PATIENCE_SECONDS", 0.2)
    first = processes.start(settings, service())
    replaced = processes.start(settings, service(ready=lambda: recorded_pid(settings) != first.pid))
    assert replaced.pid != first.pid


def recorded_pid(settings: LocalSettings) -> int:
    return record(settings)["child_pid"]


def test_a_service_described_differently_is_restarted(settings: LocalSettings) -> None:
    first = processes.start(settings, service())
    assert processes.start(settings, service("import time; time.sleep(300)")).pid != first.pid


def test_stop_ends_the_service_and_what_it_started(settings: LocalSettings) -> None:
    processes.start(settings, service())
    assert eventually(lambda: len(running(settings)) == 3), "watcher, service and its child"
    assert processes.stop(settings, service())
    assert running(settings) == []
    assert processes.status(settings, service()).state is ServiceState.STOPPED
    assert not processes.stop(settings, service())


def test_children_do_not_survive_a_killed_service(settings: LocalSettings) -> None:
    pid = processes.start(settings, service()).pid
    assert pid is not None
    assert eventually(lambda: len(running(settings)) == 3)
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: running(settings) == [])
    assert processes.status(settings, service()).state is ServiceState.CRASHED


def test_what_a_killed_watcher_leaves_is_ended_by_the_next_start(settings: LocalSettings) -> None:
    processes.start(settings, service())
    assert eventually(lambda: len(running(settings)) == 3)
    before = set(running(settings))
    os.kill(record(settings)["watcher_pid"], signal.SIGKILL)
    assert eventually(lambda: processes.status(settings, service()).state is ServiceState.CRASHED)
    processes.start(settings, service())
    assert eventually(lambda: len(running(settings)) == 3)
    assert not before & set(running(settings))


def test_a_reused_pid_is_not_mistaken_for_the_service(settings: LocalSettings) -> None:
    settings.run_dir.mkdir()
    stranger = {
        "child_pid": os.getpid(),
        "child_started": "another boot:1",
        "watcher_pid": os.getpid(),
        "watcher_started": "another boot:1",
    }
    processes.record_path(settings, "worker").write_text(json.dumps(stranger))
    assert processes.status(settings, service()).state is ServiceState.CRASHED
    processes.stop(settings, service())  # and it is not killed either: this test goes on


def test_a_service_that_ends_at_once_is_an_error_with_its_last_words(settings: LocalSettings) -> None:
    with pytest.raises(ServiceError, match="no such luck"):
        processes.start(settings, service("raise SystemExit('no such luck')", ready=lambda: False))
    assert running(settings) == []


def test_a_service_that_never_gets_ready_is_stopped(settings: LocalSettings) -> None:
    with pytest.raises(ServiceError, match="worker: not ready after"):
        processes.start(settings, service(ready=lambda: False, seconds=0.5))
    assert running(settings) == []


def test_two_checkouts_do_not_see_each_other(settings: LocalSettings, tmp_path: Path) -> None:
    other = LocalSettings(tmp_path / "other")
    other.local_dir.mkdir(parents=True)
    pid = processes.start(settings, service()).pid
    assert not processes.kill_orphans(other)
    assert processes.status(settings, service()).pid == pid

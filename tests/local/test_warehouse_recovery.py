"""PostgreSQL after `kill -9` of each of its processes: the next start recovers, with everything that was committed.

It runs a server of its own beside the shared stack, on a free port and in a temporary checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from local import processes, warehouse
from local.processes import ServiceState
from local.settings import LocalSettings
from local.warehouse import server
from local.warehouse.serve import server_processes

pytestmark = pytest.mark.local


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def settings() -> Iterator[LocalSettings]:
    root = Path(tempfile.mkdtemp(prefix="kpi-warehouse-"))
    # PostgreSQL runs as another account when the tests run as root.
    root.chmod(0o755)
    own = LocalSettings(root, warehouse_port=free_port())
    warehouse.start(own)
    with server.connect(own) as connection:
        connection.execute("CREATE TABLE kept (x int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    yield own
    warehouse.stop(own)
    shutil.rmtree(root, ignore_errors=True)


def postmaster(settings: LocalSettings) -> list[int]:
    return [int((server.data_dir(settings) / "postmaster.pid").read_text().split()[0])]


def children(settings: LocalSettings) -> list[int]:
    return [pid for pid in server_processes(server.data_dir(settings)) if pid not in postmaster(settings)]


def launcher(settings: LocalSettings) -> list[int]:
    pid = warehouse.status(settings).pid
    assert pid is not None
    return [pid]


def watcher(settings: LocalSettings) -> list[int]:
    return [json.loads(processes.record_path(settings, server.NAME).read_text())["watcher_pid"]]


def everything(settings: LocalSettings) -> list[int]:
    return [*watcher(settings), *launcher(settings), *server_processes(server.data_dir(settings))]


@pytest.mark.parametrize("victims", [postmaster, launcher, watcher, children, everything])
def test_the_next_start_recovers_with_what_was_committed(settings: LocalSettings, victims: Callable[[LocalSettings], list[int]]) -> None:
    warehouse.start(settings)
    for pid in victims(settings):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert warehouse.start(settings).state is ServiceState.RUNNING
    deadline = time.monotonic() + 20
    while not server.is_ready(settings) and time.monotonic() < deadline:  # PostgreSQL restarts itself when a child was killed
        time.sleep(0.1)
    with server.connect(settings) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (1,)


def test_a_lock_file_that_names_a_stranger_does_not_stop_the_start(settings: LocalSettings) -> None:
    warehouse.stop(settings)
    lock = server.data_dir(settings) / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{lock.parent}\n0\n{settings.warehouse_port}\n\n127.0.0.1\n0 0\nready\n")
    assert warehouse.start(settings).state is ServiceState.RUNNING


def test_a_stop_leaves_no_process_behind(settings: LocalSettings) -> None:
    warehouse.start(settings)
    assert warehouse.stop(settings)
    assert list(server_processes(server.data_dir(settings))) == []
    assert warehouse.status(settings).state is ServiceState.STOPPED


def test_a_port_that_is_taken_is_named_in_the_error(settings: LocalSettings) -> None:
    warehouse.stop(settings)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", settings.warehouse_port))
        taken.listen()
        with pytest.raises(processes.ServiceError, match=str(settings.warehouse_port)):
            warehouse.start(settings)
    assert list(server_processes(server.data_dir(settings))) == []


def test_a_half_made_cluster_is_made_anew() -> None:
    root = Path(tempfile.mkdtemp(prefix="kpi-warehouse-"))
    root.chmod(0o755)
    own = LocalSettings(root, warehouse_port=free_port())
    try:
        server.data_dir(own).mkdir(parents=True)
        (server.data_dir(own) / "PG_VERSION").write_text("18\n")
        assert warehouse.start(own).state is ServiceState.RUNNING
    finally:
        warehouse.stop(own)
        shutil.rmtree(root, ignore_errors=True)

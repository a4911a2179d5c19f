"""A checkout of its own for every test."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import processes
from local.settings import LocalSettings


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[LocalSettings]:
    """Settings of an empty checkout; whatever a test starts there has ended afterwards."""
    own = LocalSettings(tmp_path)
    own.local_dir.mkdir()
    yield own
    processes.kill_orphans(own)


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def passing_connection() -> Iterator[socket.socket]:
    """An outgoing connection, which holds a port of its own that nobody listens on, and leaves it when it is closed."""
    with socket.socket() as listener, socket.socket() as caller:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        caller.connect(listener.getsockname())
        # Reset at the end, so that the port is not kept for the minute of an orderly end.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        yield caller

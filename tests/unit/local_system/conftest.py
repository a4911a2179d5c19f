"""A checkout of its own for every test."""

from __future__ import annotations

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

"""The running stack and the report, for every bench."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.settings import load_settings
from tests.bench.report import Report
from tests.local.conftest import Stack, stack

__all__ = ["Stack", "stack"]


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """Figures of this session; shown and saved at its end, also when a bench failed."""
    collected = Report(load_settings().local_dir / "bench" / "report.json")
    yield collected
    if collected.figures:
        collected.save()
        collected.show()

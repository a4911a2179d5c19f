"""How long `make up` takes: the first one, as it recorded itself, and one that finds everything done."""

from __future__ import annotations

import subprocess
import time

import pytest

from cli import timings
from local.settings import LocalSettings
from tests.bench.report import Report
from tests.local.conftest import Stack

pytestmark = pytest.mark.bench

BENCH = "up"
REPEATS = 3
SLOW_STEP_SECONDS = 1.0


def make_up(settings: LocalSettings) -> float:
    """Seconds of one `make up`, as a person waits for it."""
    began = time.perf_counter()
    done = subprocess.run(["make", "up"], cwd=settings.root, capture_output=True, text=True, check=False, timeout=900)
    seconds = time.perf_counter() - began
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return seconds


def test_a_second_up_is_quick(stack: Stack, report: Report) -> None:
    make_up(stack.settings)  # not measured: takes up what was edited since the last one
    seconds = [make_up(stack.settings) for _ in range(REPEATS)]
    known = timings.read(stack.settings)
    first = known.get(timings.Kind.FIRST)
    report.add(
        BENCH,
        "first make up",
        first["seconds"] if first else None,
        "s",
        of=f"recorded {first['at']}" if first else "brought up before timings were kept",
    )
    for step in first["steps"] if first else []:
        if step["seconds"] >= SLOW_STEP_SECONDS:
            report.add(BENCH, f"  of it {step['name']}", step["seconds"], "s")
    report.median(BENCH, "second make up", seconds, "s", aim="< 60 s")
    for step in known[timings.Kind.REPEATED]["steps"]:
        if step["seconds"] >= SLOW_STEP_SECONDS:
            report.add(BENCH, f"  of it {step['name']}", step["seconds"], "s", of="the last one")
    assert all(step["note"] != "failed" for step in known[timings.Kind.REPEATED]["steps"])

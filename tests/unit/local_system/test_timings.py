"""What `kpi up` remembers of its own duration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cli import timings
from cli.timings import Kind
from local.settings import LocalSettings
from local.steps import Steps, Timing

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def steps(seconds: float) -> Steps:
    return Steps(timings=[Timing("engine", seconds), Timing("status", 1.0, "unchanged")])


def test_the_first_up_is_kept_and_only_the_last_of_those_after_it(tmp_path: Path) -> None:
    settings = LocalSettings(tmp_path)
    settings.local_dir.mkdir()
    timings.record(settings, steps(180.0), Kind.FIRST, NOW)
    for seconds in (20.0, 19.0):
        timings.record(settings, steps(seconds), Kind.REPEATED, NOW)
    known = timings.read(settings)
    assert {kind: each["seconds"] for kind, each in known.items()} == {"first": 181.0, "repeated": 20.0}
    assert known["first"]["at"] == "2026-01-02T03:04:05+00:00"
    assert known["first"]["steps"][0] == {"name": "engine", "seconds": 180.0, "note": ""}


def test_a_record_that_is_missing_or_broken_is_as_good_as_none(tmp_path: Path) -> None:
    settings = LocalSettings(tmp_path)
    settings.local_dir.mkdir()
    assert timings.read(settings) == {}
    for text in ("{", "[]"):
        timings.timings_file(settings).write_text(text)
        assert timings.read(settings) == {}

"""How long `kpi up` took, kept in `.local/timings.json`: the first time, and the last time after it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

from local.settings import LocalSettings
from local.steps import Steps


class Kind(StrEnum):
    """Which `kpi up` it was: one that deployed from nothing, or one that found the stacks deployed."""

    FIRST = "first"
    REPEATED = "repeated"


def timings_file(settings: LocalSettings) -> Path:
    return settings.local_dir / "timings.json"


def record(settings: LocalSettings, steps: Steps, kind: Kind, now: datetime) -> None:
    """Keep the step timings of an `up` that went through, in seconds, in place of the last one of its kind."""
    document = read(settings)
    document[kind.value] = {
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "seconds": round(sum(timing.seconds for timing in steps.timings), 1),
        "steps": [asdict(timing) for timing in steps.timings],
    }
    timings_file(settings).write_text(json.dumps(document, indent=2) + "\n")


def read(settings: LocalSettings) -> dict[str, Any]:
    """What is recorded, by kind; empty before the first `up`, and when the file is not readable (it is only a record)."""
    try:
        document: Any = json.loads(timings_file(settings).read_text())
    except (OSError, json.JSONDecodeError):
        return {}
    return cast("dict[str, Any]", document) if isinstance(document, dict) else {}

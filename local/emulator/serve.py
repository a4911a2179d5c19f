"""Runs the emulator with its state written to disk while it runs; started with the emulator's own Python.

MiniStack writes its state when it is asked to stop. Here it is also written every `KPI_FLUSH_SECONDS` and on SIGUSR1, so that
`kill -9` loses at most that much. A file is written only when its content has changed, and always atomically.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

# MiniStack lives in the emulator's environment only, and these parts of it are private: its version is pinned.
app: Any = importlib.import_module("ministack.app")
persistence: Any = importlib.import_module("ministack.core.persistence")
amend: Any = importlib.import_module("amend")  # its neighbour: this file runs as a script

logger = logging.getLogger("kpi.flush")
_ATTEMPTS = 5


class Flusher:
    """Writes the state of every service that has changed since the last time."""

    def __init__(self, directory: Path, done: Path) -> None:
        self._directory = directory
        self._done = done
        self._written: dict[str, str] = {}

    def flush(self) -> None:
        """Write what has changed, then touch the `done` file, whose time tells callers that a flush they asked for has ended."""
        self._directory.mkdir(parents=True, exist_ok=True)
        states: dict[str, Callable[[], Any]] = app._build_persistence_save_dict()  # noqa: SLF001
        incomplete = [name for name, get_state in states.items() if not self._flush_service(name, get_state)]
        if not incomplete:
            self._done.touch()

    def _flush_service(self, name: str, get_state: Callable[[], Any]) -> bool:
        for attempt in range(_ATTEMPTS):
            try:
                text = self._encode(name, get_state())
            except RuntimeError:  # a request changed the state while it was copied
                time.sleep(0.05 * (attempt + 1))
                continue
            except TypeError:
                # One service with something JSON cannot say must not cost the others their record.
                logger.exception("the state of %s cannot be written; what was written before stays", name)
                return False
            self._write(name, text)
            return True
        logger.warning("%s kept changing; its state stays as flushed before", name)
        return False

    @staticmethod
    def _encode(name: str, state: Any) -> str | None:
        if state is None:
            return None
        version = persistence._state_format_version(name)  # noqa: SLF001
        return json.dumps({"__ministack_format__": version, "payload": state}, default=persistence._json_default)  # noqa: SLF001

    def _write(self, name: str, text: str | None) -> None:
        if text is None:
            return
        key = sha256(text.encode()).hexdigest()
        path = self._directory / f"{name}.json"
        if self._written.get(name) == key and path.exists():
            return
        draft = path.with_suffix(".flush")
        draft.write_text(text)
        draft.replace(path)
        self._written[name] = key


def flush_forever(flusher: Flusher, asked: threading.Event, seconds: float) -> None:
    while True:
        asked.wait(seconds)
        asked.clear()
        try:
            flusher.flush()
        except OSError:
            logger.exception("the emulator's state could not be written")


def clear(left: list[Path]) -> None:
    """Delete what Lambda workers of an emulator that was killed have left; each had its function's code unpacked."""
    for path in left:
        shutil.rmtree(path, ignore_errors=True)


def main() -> None:
    left = list(Path(os.environ["TMPDIR"]).glob("ministack-lambda-*"))
    # Beside the start, not before it: it can be gigabytes of small files.
    threading.Thread(target=clear, args=(left,), daemon=True).start()
    asked = threading.Event()
    signal.signal(signal.SIGUSR1, lambda _signal, _frame: asked.set())
    flusher = Flusher(Path(os.environ["STATE_DIR"]), Path(os.environ["KPI_FLUSH_DONE"]))
    arguments = (flusher, asked, float(os.environ.get("KPI_FLUSH_SECONDS", "30")))
    threading.Thread(target=flush_forever, args=arguments, daemon=True).start()
    amend.amend()
    app.main()


if __name__ == "__main__":
    sys.exit(main())

"""Runs the agent's jobs side by side, each in a thread of its own with its own pace."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from local.agent.status import StatusFile

log = logging.getLogger("kpi.agent")
_AFTER_ERROR_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 3.0


@dataclass(frozen=True)
class Job:
    """`step` is called every `pause` seconds until the agent stops, then `close` once."""

    name: str
    step: Callable[[], None]
    pause: float
    close: Callable[[], None]


def run_jobs(jobs: list[Job], stop: threading.Event, status: StatusFile) -> None:
    """Run the jobs until `stop` is set, then wait for their end."""
    threads = [threading.Thread(target=_run, args=(job, stop, status), name=job.name) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _run(job: Job, stop: threading.Event, status: StatusFile) -> None:
    pause, said = job.pause, ""
    while not stop.wait(pause):
        try:
            job.step()
            if said:
                status.recovered(said)
                log.info("%s: works again", job.name)
            pause, said = job.pause, ""
        # Whatever one step meets (the emulator restarting, a message nobody foresaw), the next must still be tried.
        except Exception as error:
            pause = min(max(pause * 2, _AFTER_ERROR_SECONDS), _LONGEST_PAUSE_SECONDS)
            text = f"{job.name}: {type(error).__name__}: {error}"
            status.error(text)
            if text != said:
                log.warning("%s; trying again every %.0f s", text, _LONGEST_PAUSE_SECONDS, exc_info=log.isEnabledFor(logging.DEBUG))
            said = text
    try:
        job.close()
    except Exception as error:  # noqa: BLE001 - the other jobs must get their end too
        log.warning("%s: while stopping: %s: %s", job.name, type(error).__name__, error)

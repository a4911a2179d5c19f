"""`python -m local.agent`: runs until SIGTERM."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
import threading
import time

from local.agent.alarms import AlarmEvaluator
from local.agent.clients import Clients
from local.agent.log_metrics import LogMetrics
from local.agent.loops import Job, run_jobs
from local.agent.service_metrics import ServiceMetrics
from local.agent.status import AgentStatus, StatusFile, status_path
from local.agent.store import Store
from local.agent.tasks import TaskRunner
from local.settings import LocalSettings, load_settings

_TASKS_PAUSE = 0.15
_METRICS_PAUSE = 2.0
_ALARMS_PAUSE = 5.0
_SERVICE_METRICS_PAUSE = 20.0
_STATUS_PAUSE = 1.0


def main() -> int:
    """Run the agent; 0 after SIGTERM, 1 when another agent of this checkout runs."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    settings = load_settings()
    settings.agent_dir.mkdir(parents=True, exist_ok=True)
    with (settings.agent_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"agent: another agent of this checkout is running (lock {settings.agent_dir / 'lock'}); run `make down` first",
                file=sys.stderr,
            )
            return 1
        return _run(settings)


def _run(settings: LocalSettings) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    now = time.time()
    status = StatusFile(status_path(settings), AgentStatus(pid=os.getpid(), started_at=now, written_at=now))
    database = settings.agent_dir / "agent.sqlite"
    tasks = TaskRunner(settings, Clients(settings.endpoint_url), Store(database), status)
    tasks.recover()
    metrics = LogMetrics(Clients(settings.endpoint_url), Store(database), status)
    alarms = AlarmEvaluator(Clients(settings.endpoint_url), Store(database), status)
    services = ServiceMetrics(Clients(settings.endpoint_url))
    jobs = [
        Job("tasks", tasks.step, _TASKS_PAUSE, tasks.close),
        Job("metrics", metrics.step, _METRICS_PAUSE, metrics.close),
        Job("alarms", alarms.step, _ALARMS_PAUSE, alarms.close),
        Job("service metrics", services.step, _SERVICE_METRICS_PAUSE, lambda: None),
        Job("status", status.write, _STATUS_PAUSE, status.write),
    ]
    status.write()
    run_jobs(jobs, stop, status)
    return 0


if __name__ == "__main__":
    sys.exit(main())

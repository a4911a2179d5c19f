"""The heavy lane: `python -m lambdas.run_heavy` in a Fargate task, which answers the state machine through its task token."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from typing import Any, Self

from lambdas.adapters.telemetry import request_log
from lambdas.adapters.wiring import RunWiring
from lambdas.domain.model import Run
from lambdas.domain.redact import message_of

HEARTBEAT_SECONDS = 20.0
_MAX_CAUSE = 30_000
logger = logging.getLogger("kpi.run-heavy")


class Heartbeat:
    """Tells Step Functions that the task lives, from a thread of its own, until stopped."""

    def __init__(self, client: Any, token: str, seconds: float = HEARTBEAT_SECONDS) -> None:
        self._client = client
        self._token = token
        self._seconds = seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def _beat(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._client.send_task_heartbeat(taskToken=self._token)
            except Exception as error:  # noqa: BLE001 - a missed beat is not the end; the state machine decides
                logger.warning("heartbeat not delivered: %s", message_of(error))


def main() -> int:
    """Run what KPI_RUN_INPUT says and report to KPI_TASK_TOKEN; the exit code is 0 when the report was delivered."""
    started = time.perf_counter()
    wiring = RunWiring()
    token = os.environ["KPI_TASK_TOKEN"]
    states = wiring.clients("stepfunctions")
    try:
        run = Run.model_validate(json.loads(os.environ["KPI_RUN_INPUT"]))
        with Heartbeat(states, token):
            outcome = wiring.runner(run).run(run)
    except Exception as error:
        logger.exception("the task could not run its input")
        states.send_task_failure(taskToken=token, error=type(error).__name__, cause=message_of(error)[:_MAX_CAUSE])
        return 1
    states.send_task_success(taskToken=token, output=outcome.model_dump_json())
    request_log("run-heavy", started, run_id=str(run.run_id), tenant_id=run.tenant_id, kpi_id=run.kpi_id, status=outcome.status.value)
    return 0


if __name__ == "__main__":
    sys.exit(main())

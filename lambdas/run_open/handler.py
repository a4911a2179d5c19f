"""Open: the first state of a run."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.telemetry import request_log
from lambdas.adapters.wiring import RunWiring
from lambdas.domain.model import RunRequest


@cache
def _wiring() -> RunWiring:
    return RunWiring()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """`{"input": run request, "execution_id": ARN}` to `{"run": opened run, "lane": light|heavy}`."""
    started = time.perf_counter()
    request = RunRequest.model_validate(event["input"])
    opened = _wiring().opener.open(request, event.get("execution_id"))
    run = opened.run
    request_log("run-open", started, run_id=str(run.run_id), tenant_id=run.tenant_id, kpi_id=run.kpi_id, period=run.period.text)
    return opened.as_json()

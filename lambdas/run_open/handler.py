"""Open: the first state of a run."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.telemetry import request_log
from lambdas.adapters.wiring import RunWiring
from lambdas.domain.model import RunRequest
from lambdas.domain.opening import Opened


@cache
def _wiring() -> RunWiring:
    return RunWiring()


def _told(opened: Opened) -> dict[str, Any]:
    """What the log says of pauses (skipped because of one, overriding one, the first run after one) and of canaries."""
    run, outcome = opened.run, opened.outcome
    found = {
        "status": outcome.status.value if outcome else None,
        "error_code": outcome.error_code if outcome else None,
        "despite_pause": run.despite_pause,
        "enforce_post": run.enforce_post or None,
        "canary": run.canary.canary_id if run.canary else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """`{"input": run request, "execution_id": ARN}` to `{"run": opened run, "lane": light|heavy}`; a paused run has its `outcome` too."""
    started = time.perf_counter()
    request = RunRequest.model_validate(event["input"])
    opened = _wiring().opener.open(request, event.get("execution_id"))
    run = opened.run
    request_log(
        "run-open", started, run_id=str(run.run_id), tenant_id=run.tenant_id, kpi_id=run.kpi_id, period=run.period.text, **_told(opened)
    )
    return opened.as_json()

"""Close: the last state of an attempt."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.telemetry import request_log
from lambdas.adapters.wiring import RunWiring
from lambdas.domain.model import Outcome, Run


@cache
def _wiring() -> RunWiring:
    return RunWiring()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """`{"run": …, "outcome": …}` or `{"run": …, "error": {"Error", "Cause"}}` to the closed attempt and the decision on another."""
    started = time.perf_counter()
    run = Run.model_validate(event["run"])
    outcome = Outcome.model_validate(event["outcome"]) if "outcome" in event and "error" not in event else None
    closed = _wiring().closer.close(run, outcome, event.get("error"))
    request_log(
        "run-close",
        started,
        run_id=str(run.run_id),
        tenant_id=run.tenant_id,
        kpi_id=run.kpi_id,
        status=closed.outcome.status.value,
        retry=closed.next_request is not None,
    )
    return closed.as_json()

"""The light lane: the runner in a Lambda function."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from lambdas.adapters.telemetry import request_log
from lambdas.adapters.wiring import RunWiring
from lambdas.domain.model import Run


@cache
def _wiring() -> RunWiring:
    return RunWiring()


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """An opened run to its outcome."""
    started = time.perf_counter()
    run = Run.model_validate(event)
    outcome = _wiring().runner(run).run(run)
    request_log(
        "run-light",
        started,
        run_id=str(run.run_id),
        tenant_id=run.tenant_id,
        kpi_id=run.kpi_id,
        status=outcome.status.value,
        error_code=outcome.error_code,
        sql_ms=round(outcome.sql_ms, 1),
    )
    return outcome.model_dump(mode="json")

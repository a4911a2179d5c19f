"""Invoked by the stacks (`aws.lambda.Invocation`) and by operators: {"action": "import" | "onboard" | "plan" | "offboard", ...}."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from lambdas.control.environment import client, environment, table
from lambdas.control.partiql import insert
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.reconciler.model import REQUEST
from lambdas.reconciler.service import Reconciler
from lambdas.reconciler.stores import CatalogTable, Schedules


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Parse, do, answer with counts. A wrong request or a failed pass raises, so that the deployment that asked for it fails."""
    began = time.perf_counter()
    try:
        request = REQUEST.validate_python({key: value for key, value in event.items() if key != "tf"})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise KpiError(ErrorCode.INVALID_INPUT, f"the reconciler cannot read this request: {problems}") from None
    answer = reconciler().handle(request)
    line = {
        "level": "info",
        "message": "reconciled",
        "request_id": getattr(context, "aws_request_id", None),
        "milliseconds": round((time.perf_counter() - began) * 1000, 1),
        "answer": answer,
    }
    print(json.dumps(line))
    return answer


def reconciler() -> Reconciler:
    """The reconciler of this deployment."""
    env = environment()
    return Reconciler(
        s3=client("s3"),
        catalog=CatalogTable(table(env.catalog_table)),
        schedules_of=lambda group: Schedules(client("scheduler"), group, env.state_machine_arn, env.scheduler_role_arn),
        insert_audit=lambda row: insert(client("dynamodb"), env.audit_table, row),
        now=lambda: datetime.now(UTC),
    )

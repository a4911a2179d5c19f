"""The governance worker: new audit events, steps of the state machine `kpi-change`, and what time asks for."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import Any

from pydantic import ValidationError

from lambdas.adapters.items import from_item
from lambdas.adapters.telemetry import configure_logging, request_log
from lambdas.domain.audit.event import AuditEvent
from lambdas.governance.wiring import GovernanceWiring

logger = logging.getLogger("kpi.governance")
_EVENT = "event#"


@cache
def _wiring() -> GovernanceWiring:
    configure_logging()
    return GovernanceWiring()


def audit_events(records: list[dict[str, Any]]) -> list[AuditEvent]:
    """The events among stream records, in order. Rows of ids, rows of other forms, and changes of rows are none.

    A row that says it is an event and cannot be read as one is logged and left out: it would hold up all events behind it, and
    the next checkpoint refuses to be signed over it anyway.
    """
    inserted = [record["dynamodb"] for record in records if record["eventName"] == "INSERT"]
    images = [from_item(data["NewImage"]) for data in inserted if data["Keys"]["sk"]["S"].startswith(_EVENT)]
    found = (_read(image) for image in images)
    return [event for event in found if event is not None]


def _read(image: dict[str, Any]) -> AuditEvent | None:
    try:
        return AuditEvent.model_validate_json(str(image.get("event", "")))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in error.errors(include_url=False)[:3]]
        # The traceback would repeat the row, which may be anything.
        logger.error("%s of %s is no audit event: %s", image.get("sk"), image.get("pk"), "; ".join(problems))  # noqa: TRY400
        return None


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A batch of the audit table's stream, or one action; answers what was done."""
    started = time.perf_counter()
    if "Records" in event:
        found = audit_events(event["Records"])
        _wiring().teller.handle(found)
        request_log("governance", started, action="tell", events=len(found))
        return {"told": len(found)}
    report = _wiring().governance.handle(event)
    request: dict[str, Any] = event.get("request") or {}
    request_log("governance", started, action=event.get("action"), tenant_id=request.get("tenant_id"), request_id=request.get("request_id"))
    return report

"""Errors as RFC 9457 problem+json with stable codes. No stack trace leaves."""

from __future__ import annotations

import json
from typing import Any

from lambdas.domain.errors import ErrorCode

CONTENT_TYPE = "application/problem+json"
OUR_FAULT = 500
STATUS = {
    ErrorCode.INVALID_INPUT: 400,
    ErrorCode.POLICY_DENY: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.RATE_LIMIT: 429,
}
TITLES = {
    ErrorCode.INVALID_INPUT: "The request is not valid",
    ErrorCode.POLICY_DENY: "Not allowed",
    ErrorCode.NOT_FOUND: "Not found",
    ErrorCode.CONFLICT: "The object has changed",
    ErrorCode.RATE_LIMIT: "Too many requests",
}


def problem(code: ErrorCode, detail: str, trace_id: str) -> dict[str, Any]:
    """The fields of a problem."""
    status = STATUS.get(code, 500)
    return {
        "type": f"urn:kpi-observatory:problem:{code.value}",
        "title": TITLES.get(code, "Something went wrong on our side"),
        "status": status,
        "code": code.value,
        "detail": detail if status < OUR_FAULT else f"quote the trace id {trace_id} to the operators",
        "trace_id": trace_id,
    }


def body(code: ErrorCode, detail: str, trace_id: str) -> tuple[int, str]:
    """Status and JSON text of a problem."""
    found = problem(code, detail, trace_id)
    return int(found["status"]), json.dumps(found)

"""Errors as problem+json (RFC 9457) with a stable code and the trace id; never a stack trace."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from lambdas.domain.errors import ErrorCode

STATUS: Mapping[ErrorCode, int] = {
    ErrorCode.INVALID_INPUT: 400,
    ErrorCode.POLICY_DENY: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.CONFLICT: 409,
    ErrorCode.RATE_LIMIT: 429,
    ErrorCode.UNAVAILABLE: 503,
    ErrorCode.TIMEOUT: 504,
}
_TITLES = {
    400: "The request is not valid",
    403: "Not allowed",
    404: "Not found",
    409: "Conflict",
    429: "Too many requests",
    500: "Something failed on our side",
    503: "Not available",
    504: "It took too long",
}


def problem(code: ErrorCode, detail: str, trace_id: str, *, errors: list[dict[str, Any]] | None = None) -> Response[str]:
    """A problem document as a response."""
    status = STATUS.get(code, 500)
    body: dict[str, Any] = {
        "type": f"urn:kpi-observatory:problem:{code.value.lower().replace('_', '-')}",
        "title": _TITLES[status],
        "status": status,
        "code": code.value,
        "detail": detail,
        "trace_id": trace_id,
    }
    if errors:
        body["errors"] = errors
    return Response(status_code=status, content_type="application/problem+json", body=json.dumps(body))

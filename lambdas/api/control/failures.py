"""Errors as answers: a problem document with a stable code, and when to come back where time cures it. Never a stack trace."""

from __future__ import annotations

import logging
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import ValidationError

from lambdas.api.problems import problem
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.errors import RetryLaterError

logger = logging.getLogger("kpi.api")
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # A drawing opened on its own runs nothing and loads nothing.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}
"""What every answer has, whatever became of the call."""
SHOWN = 20
"""Fields a problem lists."""
_NAME = 120
"""Characters of a field's name that a problem repeats; callers make names up."""


def failed(error: Exception, trace_id: str) -> Response[str]:
    """The answer to a call that failed. What is not known is logged and answered without a word about it."""
    answer = _answer(error, trace_id)
    answer.headers.update(HEADERS)
    return answer


def _answer(error: Exception, trace_id: str) -> Response[str]:
    if isinstance(error, RetryLaterError):
        answer = problem(error.code, error.message, trace_id)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    if isinstance(error, KpiError) and error.code is not ErrorCode.INTERNAL:
        return problem(error.code, error.message, trace_id)
    if isinstance(error, ValidationError):
        return _invalid(error, trace_id)
    logger.error("request failed, trace id %s", trace_id, exc_info=error)
    return problem(ErrorCode.INTERNAL, "the request could not be answered; the trace id finds it in the logs", trace_id)


def _invalid(error: ValidationError, trace_id: str) -> Response[str]:
    # Only places and rules are told: an input may be long, or a secret sent to the wrong place.
    found = error.errors(include_url=False, include_input=False, include_context=False)
    errors: list[dict[str, Any]] = [{"field": _place(each["loc"]), "message": each["msg"]} for each in found[:SHOWN]]
    fields = ", ".join(sorted({str(each["field"]) for each in errors}))
    return problem(ErrorCode.INVALID_INPUT, f"{len(found)} parts of the request are not valid: {fields}", trace_id, errors=errors)


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))[:_NAME] or "body"

"""Refusals that time cures."""

from __future__ import annotations

from lambdas.domain.errors import ErrorCode, KpiError


class RetryLaterError(KpiError):
    """Not now. `retry_after` is the value of the header Retry-After: whole seconds, at least 1 (RFC 9110, 10.2.3)."""

    def __init__(self, code: ErrorCode, message: str, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after

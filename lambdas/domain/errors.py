"""Everything that can go wrong in a run, as stable codes with a message a person can act on."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """The `error_code` column (contract: Error policy). Codes never change their meaning."""

    MISSING_GDP = "MISSING_GDP"
    VALIDATION_FAIL_PRE = "VALIDATION_FAIL_PRE"
    VALIDATION_FAIL_POST = "VALIDATION_FAIL_POST"
    SLA_BREACH = "SLA_BREACH"
    TIMEOUT = "TIMEOUT"
    SQL_ERROR = "SQL_ERROR"
    NO_DATA = "NO_DATA"
    POLICY_DENY = "POLICY_DENY"
    PAUSED = "PAUSED"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMIT = "RATE_LIMIT"
    INVALID_INPUT = "INVALID_INPUT"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL = "INTERNAL"


RETRYABLE = frozenset({ErrorCode.TIMEOUT, ErrorCode.SQL_ERROR, ErrorCode.INTERNAL})
"""What another attempt may cure. Data that failed validation stays wrong until someone mends it."""


class KpiError(Exception):
    """A failure with a stable code. The message names the thing, what was wrong and what to do; it carries no secret."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return self.code in RETRYABLE


class DuplicateEntryError(Exception):
    """An insert met a row with the same key; rows are never overwritten (K2)."""

    def __init__(self, table: str, key: str) -> None:
        super().__init__(f"{table} already has an entry {key}; entries are never overwritten, write a correction instead")
        self.table = table
        self.key = key

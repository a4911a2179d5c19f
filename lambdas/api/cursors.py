"""Opaque cursors: where to go on. They carry no tenant, so a cursor never opens another tenant's rows."""

from __future__ import annotations

import base64

from lambdas.domain.errors import ErrorCode, KpiError


def encode(position: str | None) -> str | None:
    """A position as a cursor."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=") if position is not None else None


def decode(cursor: str | None) -> str | None:
    """The position in a cursor.

    Raises:
        KpiError: INVALID_INPUT when it is not one of ours.
    """
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:  # not base64, not ASCII or not UTF-8
        raise KpiError(ErrorCode.INVALID_INPUT, "cursor is not one this API gave out; start again without it") from error

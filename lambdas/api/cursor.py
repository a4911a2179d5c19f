"""Opaque cursors. A cursor holds a position and never a tenant, so it cannot lead into another's rows."""

from __future__ import annotations

import base64
import binascii

from lambdas.domain.errors import ErrorCode, KpiError


def write(position: str | None) -> str | None:
    """A position as a cursor."""
    return None if position is None else base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read(cursor: str | None) -> str | None:
    """The position in a cursor.

    Raises:
        KpiError: INVALID_INPUT when it is none of ours.
    """
    if not cursor:
        return None
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise KpiError(ErrorCode.INVALID_INPUT, "this cursor was not made here; take it from the previous page") from error

"""How moments are written: ISO 8601 in UTC with milliseconds and a Z, so that text sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    """`2025-11-20T02:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """Read an ISO 8601 date or moment; without an offset it is UTC.

    Raises:
        ValueError: when the text is neither, or the moment is before the year 1 or after the year 9999 in UTC.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"'{text}' is not between the years 1 and 9999 in UTC") from error

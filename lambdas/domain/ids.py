"""Run ids: positive 63-bit integers that sort by time (the seed's BIGSERIAL without a sequence)."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
RANDOM_BITS = 20
TEXT_LENGTH = 19


def make_run_id(now: datetime, random_bits: int) -> int:
    """Milliseconds since 2020-01-01 in the upper bits, 20 random bits below; unique without coordination."""
    milliseconds = int((now - EPOCH).total_seconds() * 1000)
    return (milliseconds << RANDOM_BITS) | (random_bits & ((1 << RANDOM_BITS) - 1))


def run_id_text(run_id: int) -> str:
    """The id as 19 digits, so that text sorts as numbers do."""
    return f"{run_id:0{TEXT_LENGTH}d}"


def first_run_id_at(moment: datetime) -> int:
    """The smallest id a run started at this moment can have; for queries by time."""
    return max(0, make_run_id(moment, 0))

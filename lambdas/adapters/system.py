"""The real clock and the real sources of ids."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime

from lambdas.domain.ids import RANDOM_BITS, make_run_id


class SystemClock:
    """UTC wall clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class RandomIds:
    """Time-sortable run ids with random lower bits."""

    def run_id(self, now: datetime) -> int:
        return make_run_id(now, secrets.randbits(RANDOM_BITS))


def new_id() -> str:
    """An id of a request, a pause, a canary or a write: unguessable, and in the alphabet of ids in paths."""
    return uuid.uuid4().hex

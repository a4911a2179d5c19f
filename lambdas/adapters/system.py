"""The real clock and the real source of run ids."""

from __future__ import annotations

import secrets
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

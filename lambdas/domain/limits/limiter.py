"""Per-tenant limits over a store: 600 reads and 120 writes a minute unless the tenant's settings say otherwise (contract)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from kpis.common import Frozen
from lambdas.domain.errors import ErrorCode
from lambdas.domain.limits.bucket import Rate, Taken, remaining, wait
from lambdas.domain.limits.errors import RetryLaterError
from lambdas.domain.limits.rows import Buckets, Mark

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDS = 3


class Traffic(StrEnum):
    """What is counted on its own."""

    READS = "reads"
    WRITES = "writes"


class Limits(Frozen):
    """Calls a minute of one tenant, all its people together."""

    reads: int = Field(default=600, ge=1, le=1_000_000)
    writes: int = Field(default=120, ge=1, le=1_000_000)

    def rate(self, traffic: Traffic) -> Rate:
        """The rate of a kind of traffic."""
        return Rate(self.reads if traffic is Traffic.READS else self.writes)


class Limiter:
    """Counts calls of tenants. What the store cannot answer is an error of the call, not a free pass."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def admit(self, tenant_id: str, traffic: Traffic, limits: Limits, now: datetime, cost: int = 1) -> Taken:
        """Count a call and tell how many more there may be, or refuse it without counting it.

        Raises:
            RetryLaterError: RATE_LIMIT, with the seconds after which the call can be admitted.
        """
        taken = self.take(tenant_id, traffic, limits, now, cost)
        if not taken.admitted:
            raise RetryLaterError(
                ErrorCode.RATE_LIMIT,
                f"the tenant has used its {limits.rate(traffic).per_minute} {traffic} a minute; try again in {taken.retry_after} s",
                taken.retry_after,
            )
        return taken

    def take(self, tenant_id: str, traffic: Traffic, limits: Limits, now: datetime, cost: int = 1) -> Taken:
        """As `admit`, with a refusal as an answer."""
        key, rate = f"limit#{traffic}", limits.rate(traffic)
        moment, price = (now - _EPOCH) // timedelta(microseconds=1), rate.price(cost)
        mark = self._push(tenant_id, key, rate, moment, price)
        full_at = moment + rate.span if mark.full_at is None else mark.full_at
        left = remaining(full_at, rate, moment)
        return Taken(mark.done, left, 0 if mark.done else wait(full_at, rate, moment, price))

    def _push(self, tenant_id: str, key: str, rate: Rate, moment: int, price: int) -> Mark:
        for _ in range(_ROUNDS):
            mark = self._buckets.push(tenant_id, key, price, moment, moment + rate.span - price)
            if mark.done or (mark.full_at is not None and mark.full_at >= moment):
                return mark
            # Full since some time, or never used. Who loses this write finds a bucket to push in the next round.
            mark = self._buckets.restart(tenant_id, key, moment + price, moment)
            if mark.done:
                return mark
        return Mark(done=False, full_at=None)

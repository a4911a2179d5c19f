"""A token bucket as one number: the moment at which it will be full again. All arithmetic is in whole microseconds.

A bucket that gets one token back every `interval` and misses n of them is full again after n intervals, so that moment says how
many are missing now. Nothing has to be refilled and nothing drifts; to take tokens is to push the moment on.
"""

from __future__ import annotations

from dataclasses import dataclass

_MINUTE = 60_000_000
_SECOND = 1_000_000


@dataclass(frozen=True)
class Rate:
    """Calls a minute. The bucket holds as many tokens: so many calls may come at once after a quiet minute."""

    per_minute: int

    def __post_init__(self) -> None:
        if self.per_minute < 1:
            raise ValueError(f"a rate must be at least 1 a minute, not {self.per_minute}; to stop a tenant, pause it")

    @property
    def interval(self) -> int:
        """Microseconds in which one token comes back, rounded up: never more than the rate."""
        return -(-_MINUTE // self.per_minute)

    @property
    def span(self) -> int:
        """Microseconds in which an empty bucket fills."""
        return self.per_minute * self.interval

    def price(self, cost: int) -> int:
        """Microseconds by which a call of so many tokens pushes the moment on.

        One that costs more than the bucket holds takes a full one: it comes through rarely rather than never.

        Raises:
            ValueError: for a cost below 1.
        """
        if cost < 1:
            raise ValueError(f"a call costs at least 1 token, not {cost}")
        return min(cost, self.per_minute) * self.interval


@dataclass(frozen=True)
class Taken:
    """What became of a call: tokens `remaining` after it, and whole seconds after which to try again (0: it was admitted)."""

    admitted: bool
    remaining: int
    retry_after: int


def remaining(full_at: int, rate: Rate, now: int) -> int:
    """Whole tokens in the bucket."""
    return max(rate.per_minute - -(-max(full_at - now, 0) // rate.interval), 0)


def wait(full_at: int, rate: Rate, now: int, price: int) -> int:
    """Whole seconds until a refused call can be admitted if no other comes; 1 to 60, also when clocks disagree."""
    excess = full_at - now + price - rate.span
    return min(max(-(-excess // _SECOND), 1), -(-rate.span // _SECOND))

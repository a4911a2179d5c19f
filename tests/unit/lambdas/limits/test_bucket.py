"""The number that stands for a bucket behaves as a bucket of tokens does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.errors import ErrorCode
from lambdas.domain.limits.bucket import Rate, Taken
from lambdas.domain.limits.errors import RetryLaterError
from lambdas.domain.limits.limiter import Limiter, Limits, Traffic
from tests.unit.lambdas.limits.stores import START, Memory, together

rates = st.sampled_from((1, 7, 60, 120, 600, 999_983)) | st.integers(1, 1_000_000)
gaps = st.integers(0, 200_000_000) | st.sampled_from((0, 1, 99_999, 100_000, 500_000, 60_000_000))
orders = st.lists(st.integers(0, 5), max_size=40)
histories = st.lists(st.tuples(gaps, st.integers(1, 5)), max_size=60)


class Tokens:
    """A bucket as one would draw it: tokens that come back little by little. Exact."""

    def __init__(self, rate: Rate) -> None:
        self.rate, self.tokens, self.at = rate, Fraction(rate.per_minute), 0

    def take(self, now: int, cost: int) -> bool:
        self.tokens = min(self.tokens + Fraction(now - self.at, self.rate.interval), Fraction(self.rate.per_minute))
        self.at = now
        if self.tokens < min(cost, self.rate.per_minute):
            return False
        self.tokens -= min(cost, self.rate.per_minute)
        return True


@settings(deadline=None)
@given(rates, histories)
def test_it_admits_what_a_bucket_of_tokens_admits(per_minute: int, history: list[tuple[int, int]]) -> None:
    limiter, limits, tokens, now = Limiter(Memory()), Limits(reads=per_minute), Tokens(Rate(per_minute)), 0
    for gap, cost in history:
        now += gap
        taken = limiter.take("acme", Traffic.READS, limits, START + timedelta(microseconds=now), cost)
        assert taken.admitted == tokens.take(now, cost)
        assert taken.remaining == int(tokens.tokens)


@settings(deadline=None)
@given(st.integers(1, 600), st.lists(gaps, max_size=80), gaps)
def test_no_window_of_time_sees_more_than_a_full_bucket_and_what_came_back(per_minute: int, steps: list[int], window: int) -> None:
    limiter, limits, now = Limiter(Memory()), Limits(writes=per_minute), 0
    admitted: list[int] = []
    for gap in steps:
        now += gap
        at = START + timedelta(microseconds=now)
        admitted += [now for _ in range(3) if limiter.take("acme", Traffic.WRITES, limits, at).admitted]
    for start in admitted:
        inside = sum(start <= moment <= start + window for moment in admitted)
        assert inside <= per_minute + window * per_minute / 60_000_000 + 1e-9


@settings(deadline=None)
@given(rates, st.integers(1, 700), st.integers(0, 59_999_999))
def test_who_waits_as_told_is_admitted_and_who_waits_a_second_less_is_not(per_minute: int, cost: int, gap: int) -> None:
    limiter, limits = Limiter(Memory()), Limits(reads=per_minute)
    limiter.take("acme", Traffic.READS, limits, START, per_minute)
    now = START + timedelta(microseconds=gap)
    refused = limiter.take("acme", Traffic.READS, limits, now, cost)
    if refused.admitted:
        return
    assert 1 <= refused.retry_after <= 120
    too_soon = limiter.take("acme", Traffic.READS, limits, now + timedelta(seconds=refused.retry_after - 1), cost)
    assert not too_soon.admitted
    assert limiter.take("acme", Traffic.READS, limits, now + timedelta(seconds=refused.retry_after), cost).admitted


@settings(deadline=None)
@given(st.integers(1, 8), st.lists(st.integers(1, 3), min_size=2, max_size=6), st.integers(0, 70), orders)
def test_callers_at_the_same_moment_share_the_tokens_whatever_the_order(size: int, costs: list[int], pause: int, order: list[int]) -> None:
    """None is admitted beyond the tokens, and none is refused because others called while there are tokens for it."""
    store, limits, tokens, now = Memory(), Limits(writes=size), size, START + timedelta(seconds=pause)
    limiter = Limiter(store)
    if pause:  # there is a bucket, and it has been full for a while or is not yet
        limiter.take("acme", Traffic.WRITES, limits, START, size)
        tokens = min(pause * 1_000_000 // Rate(size).interval, size)

    def caller(cost: int) -> Callable[[], Taken]:
        return lambda: limiter.take("acme", Traffic.WRITES, limits, now, cost)

    results = together(store, [caller(cost) for cost in costs], order)
    left = tokens - sum(min(cost, size) for cost, taken in zip(costs, results, strict=True) if taken.admitted)
    assert left >= 0
    assert [cost for cost, taken in zip(costs, results, strict=True) if not taken.admitted and min(cost, size) <= left] == []


@settings(deadline=None)
@given(rates)
def test_a_token_never_comes_back_faster_than_the_rate(per_minute: int) -> None:
    interval = Rate(per_minute).interval
    assert (interval - 1) * per_minute < 60_000_000 <= interval * per_minute


def test_by_default_a_tenant_has_600_reads_and_120_writes_a_minute() -> None:
    limiter, limits = Limiter(Memory()), Limits()
    for traffic, count in ((Traffic.READS, 600), (Traffic.WRITES, 120)):
        assert sum(limiter.take("acme", traffic, limits, START).admitted for _ in range(1000)) == count
        later = START + timedelta(minutes=1)
        assert sum(limiter.take("acme", traffic, limits, later).admitted for _ in range(1000)) == count


def test_tenants_do_not_use_each_other_s_tokens() -> None:
    limiter, limits = Limiter(Memory()), Limits(reads=1)
    assert [limiter.take(tenant, Traffic.READS, limits, START).admitted for tenant in ("acme", "globex", "acme")] == [True, True, False]


def test_a_refusal_says_what_was_used_and_when_to_come_back() -> None:
    limiter, limits = Limiter(Memory()), Limits(writes=2)
    for _ in range(2):
        limiter.admit("acme", Traffic.WRITES, limits, START)
    with pytest.raises(RetryLaterError, match="the tenant has used its 2 writes a minute; try again in 30 s") as refused:
        limiter.admit("acme", Traffic.WRITES, limits, START)
    assert (refused.value.code, refused.value.retry_after) == (ErrorCode.RATE_LIMIT, 30)


def test_a_refused_call_costs_nothing() -> None:
    limiter, limits = Limiter(Memory()), Limits(writes=1)
    limiter.take("acme", Traffic.WRITES, limits, START)
    for second in range(60):
        assert not limiter.take("acme", Traffic.WRITES, limits, START + timedelta(seconds=second)).admitted
    assert limiter.take("acme", Traffic.WRITES, limits, START + timedelta(seconds=60)).admitted


def test_a_tenant_whose_limit_was_lowered_is_not_locked_out_for_more_than_a_minute() -> None:
    limiter = Limiter(Memory())
    limiter.take("acme", Traffic.READS, Limits(reads=6000), START, 6000)
    assert limiter.take("acme", Traffic.READS, Limits(reads=6), START).retry_after == 10
    assert limiter.take("acme", Traffic.READS, Limits(reads=6), START + timedelta(seconds=10)).admitted


def test_a_clock_that_is_behind_admits_nothing_more() -> None:
    limiter, limits = Limiter(Memory()), Limits(reads=2)
    limiter.take("acme", Traffic.READS, limits, START, 2)
    behind = limiter.take("acme", Traffic.READS, limits, START - timedelta(hours=1))
    assert (behind.admitted, behind.remaining, behind.retry_after) == (False, 0, 60)


def test_a_call_takes_at_most_two_writes_when_nobody_else_calls() -> None:
    store = Memory()
    limiter = Limiter(store)
    for seconds in (0, 0, 0, 3600):
        before = store.operations
        limiter.take("acme", Traffic.READS, Limits(), START + timedelta(seconds=seconds))
        assert store.operations - before <= 2


def test_limits_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Limits(reads=0)
    with pytest.raises(ValueError, match="to stop a tenant, pause it"):
        Rate(0)
    with pytest.raises(ValueError, match="costs at least 1 token"):
        Rate(1).price(0)

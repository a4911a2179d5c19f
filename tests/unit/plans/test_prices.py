"""One table of prices: complete, sourced, and tiers that add up as if each unit were priced by itself."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.price import HOME, Price, PriceError, Tier
from plans.prices import PRICES

D = Decimal
WHOLE = st.integers(0, 300)
STEPS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 500)), max_size=4)


def price_of(steps: list[tuple[int, int]], last: int) -> Price:
    """Tiers of given widths and prices in cents, and one for the rest."""
    tiers: list[Tier] = []
    end = 0
    for width, cents in steps:
        end += width
        tiers.append(Tier(D(cents) / 100, D(end)))
    return Price("x.y", "a thing", "things", {HOME: (*tiers, Tier(D(last) / 100))}, "https://aws.amazon.com/", date(2026, 1, 1))


@given(STEPS, st.integers(0, 500), WHOLE)
def test_tiers_add_up_as_if_each_unit_were_priced_by_itself(steps: list[tuple[int, int]], last: int, quantity: int) -> None:
    price = price_of(steps, last)
    one_by_one = D(0)
    for unit in range(quantity):
        tier = next(tier for tier in price.tiers[HOME] if tier.up_to is None or unit < tier.up_to)
        one_by_one += tier.price
    assert price.cost(D(quantity)) == one_by_one


@given(st.sampled_from(sorted(PRICES)), st.decimals(0, 10**9, places=3), st.decimals(0, 10**9, places=3))
def test_more_never_costs_less(key: str, left: Decimal, right: Decimal) -> None:
    low, high = sorted((left, right))
    assert PRICES[key].cost(low) <= PRICES[key].cost(high)
    assert PRICES[key].cost(D(0)) == 0


@pytest.mark.parametrize("price", PRICES.values(), ids=lambda price: price.key)
def test_every_row_has_its_page_its_day_its_unit_and_tiers_in_order(price: Price) -> None:
    assert price.source.startswith("https://aws.amazon.com/")
    assert price.checked <= date(2026, 12, 31)
    assert price.what
    assert price.unit
    assert HOME in price.tiers
    for tiers in price.tiers.values():
        ends = [tier.up_to for tier in tiers]
        assert ends[-1] is None
        bounded = [end for end in ends if end is not None]
        assert bounded == sorted(set(bounded))
        assert len(bounded) == len(ends) - 1
        assert all(tier.price >= 0 for tier in tiers)


def test_the_prices_that_shaped_the_design_are_in_the_table() -> None:
    assert [(tier.price, tier.up_to) for tier in PRICES["cloudwatch.metric"].tiers[HOME]] == [
        (D("0.30"), D(10_000)),
        (D("0.10"), D(250_000)),
        (D("0.05"), D(1_000_000)),
        (D("0.02"), None),
    ]
    assert PRICES["cloudwatch.alarm"].cost(D(1)) == D("0.10")
    assert PRICES["cloudwatch.composite"].cost(D(1)) == D("0.50")
    assert PRICES["cloudwatch.dashboard"].cost(D(1)) == D(3)


def test_an_alarm_for_each_of_ten_thousand_kpis_of_a_hundred_tenants_is_a_hundred_thousand_dollars() -> None:
    assert PRICES["cloudwatch.alarm"].cost(D(10_000 * 100)) == 100_000


def test_a_region_without_a_price_of_its_own_takes_virginias_and_says_so() -> None:
    assert PRICES["logs.ingest"].region_used("eu-central-1") == "eu-central-1"
    assert PRICES["logs.ingest"].cost(D(1), "eu-central-1") == D("0.63")
    assert PRICES["lambda.compute"].region_used("eu-central-1") == HOME


def test_less_than_nothing_cannot_be_priced() -> None:
    with pytest.raises(PriceError, match=r"logs\.ingest"):
        PRICES["logs.ingest"].cost(D(-1))

"""What a price is, and how its tiers add up: exactly, in decimal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

HOME = "us-east-1"
"""The Region every price is known for; where another's is not, this one's stands in and the bill says so."""


class PriceError(ValueError):
    """A quantity that cannot be priced."""


@dataclass(frozen=True)
class Tier:
    """US dollars a unit, up to `up_to` units a month counted from the first; None is the last tier."""

    price: Decimal
    up_to: Decimal | None = None


@dataclass(frozen=True)
class Price:
    """One row of the price table: tiers by Region, `unit` in words, the page it comes from and when it was checked."""

    key: str
    what: str
    unit: str
    tiers: Mapping[str, tuple[Tier, ...]]
    source: str
    checked: date

    @property
    def service(self) -> str:
        """The service's word: the key up to its first dot."""
        return self.key.partition(".")[0]

    def region_used(self, region: str) -> str:
        """The Region whose price stands for one."""
        return region if region in self.tiers else HOME

    def cost(self, quantity: Decimal, region: str = HOME) -> Decimal:
        """US dollars for a month's quantity, each part of it at its tier's price.

        Raises:
            PriceError: for a negative quantity.
        """
        if quantity < 0:
            raise PriceError(f"{self.key}: a quantity of {quantity} cannot be priced; expected 0 or more")
        total, begin = Decimal(0), Decimal(0)
        for tier in self.tiers[self.region_used(region)]:
            end = quantity if tier.up_to is None else min(quantity, tier.up_to)
            if end > begin:
                total += (end - begin) * tier.price
                begin = end
        return total

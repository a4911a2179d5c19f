"""Discco's KPIs with pandas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

TOTAL = "ALL"


@lru_cache(maxsize=1)
def _all_orders(datasets: Path) -> pd.DataFrame:
    frame = pd.read_csv(datasets / "lifetimes" / "datasets" / "CDNOW_master.txt", sep=r"\s+", dtype={"date": str})
    frame["day"] = pd.to_datetime(frame["date"], format="%Y%m%d")
    frame["cohort"] = frame.groupby("customer_id")["day"].transform("min").dt.strftime("%Y-%m")
    return frame


@dataclass(frozen=True)
class Shop:
    """The orders of [start, end), and all those before its end."""

    datasets: Path
    start: date
    end: date

    @cached_property
    def until(self) -> pd.DataFrame:
        frame = _all_orders(self.datasets)
        return frame[frame.day < pd.Timestamp(self.end)]

    @cached_property
    def orders(self) -> pd.DataFrame:
        return self.until[self.until.day >= pd.Timestamp(self.start)]

    @property
    def revenue(self) -> float:
        return float(self.orders.dollar_value.sum())

    @property
    def units(self) -> int:
        return int(self.orders.number_of_cds.sum())

    @property
    def count(self) -> int:
        return len(self.orders)

    @property
    def customers(self) -> int:
        return int(self.orders.customer_id.nunique())

    @property
    def repeat_rate(self) -> float:
        since = pd.Timestamp(self.end) - pd.Timedelta(days=365)
        orders = self.until[self.until.day >= since].customer_id.value_counts()
        return float((orders > 1).mean())

    @property
    def by_cohort(self) -> dict[str, float | None]:
        sums = self.orders.groupby("cohort").dollar_value.sum()
        return {TOTAL: self.revenue} | {str(cohort): float(value) for cohort, value in sums.items()}

    @property
    def basket_index(self) -> float:
        value, units, price = self.revenue / self.count, self.units / self.count, self.revenue / self.units
        scores = np.clip([(value - 20) / 25, (units - 1) / 2.5, (price - 8) / 8], 0, 1)
        return float(100 * np.dot(scores, [0.5, 0.3, 0.2]))


def _of(measure: Callable[[Shop], float]) -> Callable[[Shop], dict[str, float | None]]:
    return lambda shop: {TOTAL: float(measure(shop))}


FORMULAS: dict[str, Callable[[Shop], dict[str, float | None]]] = {
    "COM-RV-01": _of(lambda shop: shop.revenue),
    "COM-RV-01-MON": _of(lambda shop: shop.revenue),
    "COM-RV-01-COH": lambda shop: shop.by_cohort,
    "COM-OR-01": _of(lambda shop: shop.count),
    "COM-CU-01": _of(lambda shop: shop.customers),
    "COM-UN-01": _of(lambda shop: shop.units),
    "COM-TK-01": _of(lambda shop: float(np.percentile(shop.orders.dollar_value, 90))),
    "COM-RR-01": _of(lambda shop: shop.repeat_rate),
    "COM-AC-01": _of(lambda shop: shop.customers / shop.until.customer_id.nunique()),
    "COM-AV-01": _of(lambda shop: shop.revenue / shop.count),
    "COM-UO-01": _of(lambda shop: shop.units / shop.count),
    "COM-SP-01": _of(lambda shop: shop.revenue / shop.units),
    "COM-OC-01": _of(lambda shop: shop.count / shop.customers),
    "COM-BX-01": _of(lambda shop: shop.basket_index),
}

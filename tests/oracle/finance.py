"""Acme's KPIs with pandas, from the entries and corrections of the generated ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from local.warehouse.ledger import Ledger, generate

TOTAL = "ALL"
WINDOW_DAYS = 90
SEGMENTS = ("enterprise", "midmarket", "smb")


@lru_cache(maxsize=1)
def _ledger() -> Ledger:
    return generate()


def _frame(entries: list[tuple[date, str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(entries, columns=["day", "name", "cents"])
    return frame.assign(day=pd.to_datetime(frame.day))


@lru_cache(maxsize=1)
def _frames() -> dict[str, pd.DataFrame]:
    book = _ledger()
    sales = [(day, segment, credit) for day, segment, credit, _, _ in book.sales]
    named = {"receivables": book.receivables, "cash": book.cash, "liabilities": book.liabilities, "inventory": book.inventory}
    return {name: _frame(entries) for name, entries in (named | {"income": book.income, "expenses": book.expenses, "sales": sales}).items()}


@dataclass(frozen=True)
class Books:
    """The ledger as a run of [start, end) sees it at `as_of`: as first reported, or with the corrections known by then."""

    start: date
    end: date
    as_of: datetime
    view: str

    @cached_property
    def last_day(self) -> pd.Timestamp:
        return pd.Timestamp(self.end) - pd.Timedelta(days=1)

    def known_corrections(self) -> list[tuple[pd.Timestamp, str, int, pd.Timestamp]]:
        """Day, segment, cents and the day reported of the corrections the view includes."""
        if self.view != "restated":
            return []
        reported = [
            (change, pd.Timestamp(change.reported + timedelta(days=1), tz="UTC") + pd.Timedelta(minutes=30))
            for change in _ledger().corrections
        ]
        return [
            (pd.Timestamp(change.day), change.segment, change.cents, pd.Timestamp(change.reported))
            for change, known_at in reported
            if known_at <= pd.Timestamp(self.as_of)
        ]

    def closing(self, name: str, *parts: str) -> float:
        """Dollars on the last day of the period, of all parts or those named."""
        frame = _frames()[name]
        cents = int(frame[(frame.day == self.last_day) & self._within(frame, parts)].cents.sum())
        if name == "receivables":
            cents += sum(
                change
                for day, segment, change, reported in self.known_corrections()
                if day <= self.last_day < reported and (not parts or segment in parts)
            )
        return cents / 100

    def flow(self, name: str, *parts: str, days: int | None = None) -> float:
        """Dollars booked in the period, or in the days that end with it."""
        frame = _frames()[name]
        since = pd.Timestamp(self.start) if days is None else pd.Timestamp(self.end) - pd.Timedelta(days=days)
        cents = int(frame[(frame.day >= since) & (frame.day <= self.last_day) & self._within(frame, parts)].cents.sum())
        if name in {"sales", "income"}:
            cents += sum(
                change
                for day, segment, change, _ in self.known_corrections()
                if since <= day <= self.last_day and (not parts or segment in parts)
            )
        return cents / 100

    @staticmethod
    def _within(frame: pd.DataFrame, parts: tuple[str, ...]) -> pd.Series:
        return frame.name.isin(parts) if parts else pd.Series(data=True, index=frame.index)

    def sales_days(self, *segments: str) -> float:
        return self.closing("receivables", *segments) / self.flow("sales", *segments, days=WINDOW_DAYS) * WINDOW_DAYS

    def cost_days(self, balance: float) -> float:
        return balance / self.flow("expenses", "cost_of_goods_sold", days=WINDOW_DAYS) * WINDOW_DAYS

    @property
    def cash(self) -> float:
        return self.closing("cash")

    @property
    def quick(self) -> float:
        return self.cash + self.closing("receivables")

    @property
    def current(self) -> float:
        return self.quick + self.closing("inventory")

    @property
    def due(self) -> float:
        return self.closing("liabilities")

    @property
    def profit(self) -> float:
        return self.flow("income") - self.flow("expenses")

    @property
    def health(self) -> float:
        scores = np.clip(
            [self.current / self.due - 1, self.quick / self.due - 0.5, (self.cash / self.due - 0.1) / 0.7, (75 - self.sales_days()) / 45],
            0,
            1,
        )
        return float(100 * np.dot(scores, [0.3, 0.3, 0.2, 0.2]))


def _of(measure: Callable[[Books], float]) -> Callable[[Books], dict[str, float | None]]:
    return lambda books: {TOTAL: measure(books)}


def _by_segment(books: Books) -> dict[str, float | None]:
    return {TOTAL: books.sales_days()} | {segment: books.sales_days(segment) for segment in SEGMENTS}


FORMULAS: dict[str, Callable[[Books], dict[str, float | None]]] = {
    "CFO-CA-01": _of(lambda books: books.cash),
    "CFO-AR-01": _of(lambda books: books.closing("receivables")),
    "CFO-LI-01": _of(lambda books: books.due),
    "CFO-IN-01": _of(lambda books: books.closing("inventory")),
    "CFO-EF-01": _of(
        lambda books: (
            books.cost_days(books.closing("inventory"))
            + books.sales_days()
            - books.cost_days(books.closing("liabilities", "accounts_payable"))
        )
    ),
    "CFO-EF-02": _by_segment,
    "CFO-EF-02-ENT": lambda books: {"enterprise": books.sales_days("enterprise")},
    "CFO-EF-03": _of(lambda books: books.cost_days(books.closing("inventory"))),
    "CFO-EF-04": _of(lambda books: books.cost_days(books.closing("liabilities", "accounts_payable"))),
    "CFO-SA-01": _of(lambda books: books.flow("sales")),
    "CFO-RV-01": _of(lambda books: books.flow("income")),
    "CFO-EX-01": _of(lambda books: books.flow("expenses")),
    "CFO-LQ-01": _of(lambda books: books.current - books.due),
    "CFO-LQ-02": _of(lambda books: books.quick / books.due),
    "CFO-LQ-03": _of(lambda books: books.cash / books.due),
    "CFO-LQ-07": _of(lambda books: books.current / books.due),
    "CFO-PR-01": _of(lambda books: books.profit),
    "CFO-PR-02": _of(lambda books: books.profit / books.flow("income")),
    "CFO-HX-01": _of(lambda books: books.health),
}

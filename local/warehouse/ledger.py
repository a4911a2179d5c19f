"""Tenant acme: a ledger of two years generated with a fixed seed, the same on every machine.

A small trading company: sales on terms build receivables that customers pay off, goods sold are bought again on account, payroll
accrues until payday, and cash beyond what is kept is paid out after each quarter. Every row is first reported (version 1) at 00:30
UTC of the next day. Some sales turn out wrong weeks later: the day's sales, its income and every balance since are then restated.
Amounts are whole cents while computing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from local.warehouse.tables import Table

SEED = 20240101
FIRST_DAY = date(2024, 1, 1)
LAST_DAY = date(2025, 12, 31)
_REPORT_TIME = "00:30:00+00"
# Per segment: dollars invoiced on a usual weekday, and days until a customer pays.
_SEGMENTS = {"enterprise": (52_000, 42), "midmarket": (34_000, 36), "smb": (15_000, 26)}
_WEEKDAYS = (1.0, 1.05, 1.0, 0.98, 0.9, 0.15, 0.15)
_WEEK = 7
_WORKDAYS = 5
_YEARLY_GROWTH = 0.08
_CASH_SALES_SHARE = {"enterprise": 0.0, "midmarket": 0.03, "smb": 0.35}
_COST_OF_GOODS, _PAYROLL, _MARKETING, _TAX = 0.56, 0.20, 0.04, 0.21
_RENT_PER_DAY, _DEPRECIATION_PER_DAY = 200_000, 240_000
_SHORT_TERM_DEBT, _INTEREST_RATE = 120_000_000, 0.06
_STOCK_DAYS, _SUPPLIER_DAYS = 48, 36
_ACCRUED_BASE, _CASH_KEPT, _RESERVE_ACCOUNT = 25_000_000, 190_000_000, 60_000_000
_PAYDAYS = (15, 1)
_CHANCE_OF_RESTATEMENT = 0.04

Entry = tuple[date, str, int]  # day, dimension, cents


@dataclass
class Ledger:
    """What was reported first, in order, and the corrections made later. `sales` adds cash sales and the number of invoices."""

    receivables: list[Entry] = field(default_factory=list[Entry])
    sales: list[tuple[date, str, int, int, int]] = field(default_factory=list[tuple[date, str, int, int, int]])
    cash: list[Entry] = field(default_factory=list[Entry])
    liabilities: list[Entry] = field(default_factory=list[Entry])
    inventory: list[Entry] = field(default_factory=list[Entry])
    income: list[Entry] = field(default_factory=list[Entry])
    expenses: list[Entry] = field(default_factory=list[Entry])
    corrections: list[Correction] = field(default_factory=list["Correction"])


@dataclass(frozen=True)
class Correction:
    """Sales of one day and segment that were wrong by `cents`, found on the day `reported`."""

    day: date
    segment: str
    cents: int
    reported: date


def generate(seed: int = SEED) -> Ledger:
    """The whole ledger, from FIRST_DAY to LAST_DAY."""
    chance = random.Random(seed)  # noqa: S311 - demo figures, not secrets
    ledger = Ledger()
    state = _Balances(receivables={name: _cents(amount * 0.75) * days for name, (amount, days) in _SEGMENTS.items()})
    for number in range((LAST_DAY - FIRST_DAY).days + 1):
        _one_day(ledger, state, chance, FIRST_DAY + timedelta(days=number))
    _restate(ledger, chance)
    return ledger


def tables(ledger: Ledger | None = None) -> tuple[Table, ...]:
    """The golden tables of the ledger."""
    book = ledger or generate()
    income_changes: dict[date, Correction] = {change.day: change for change in book.corrections}
    return (
        Table("gdp_receivables", ("balance_date", "segment", "balance", "version", "reported_at"), _receivable_rows(book)),
        Table(
            "gdp_sales",
            ("sale_date", "segment", "credit_sales", "cash_sales", "invoices", "version", "reported_at"),
            _sales_rows(book),
        ),
        Table("gdp_cash", ("balance_date", "account", "balance", "version", "reported_at"), _rows(book.cash)),
        Table("gdp_liabilities", ("balance_date", "liability", "balance", "version", "reported_at"), _rows(book.liabilities)),
        Table("gdp_inventory", ("balance_date", "category", "balance", "version", "reported_at"), _rows(book.inventory)),
        Table("gdp_income", ("booking_date", "stream", "amount", "version", "reported_at"), _income_rows(book, income_changes)),
        Table("gdp_expenses", ("booking_date", "category", "amount", "version", "reported_at"), _rows(book.expenses)),
    )


@dataclass
class _Balances:
    """Yesterday's closing balances, in cents."""

    receivables: dict[str, int]
    cash: int = 260_000_000
    payables: int = 180_000_000
    accrued_payroll: int = 0
    raw: int = 88_000_000
    finished: int = 132_000_000
    goods_rate: float = 4_500_000.0  # smoothed cost of goods sold a day


def _one_day(ledger: Ledger, state: _Balances, chance: random.Random, day: date) -> None:
    workday = day.weekday() < _WORKDAYS
    credit, cash_sales = _sell(ledger, state, chance, day)
    collected = _collect(ledger, state, chance, day, workday=workday)
    goods = round((credit + cash_sales) * _COST_OF_GOODS)
    payroll, marketing = round((credit + cash_sales) * _PAYROLL), round((credit + cash_sales) * _MARKETING * chance.uniform(0.8, 1.2))
    bought = _buy(state, chance, goods, workday=workday)
    paid = round(state.payables / _SUPPLIER_DAYS * _WEEK / _WORKDAYS * chance.uniform(0.8, 1.2)) if workday else 0
    state.payables += bought + marketing + _RENT_PER_DAY - paid
    state.accrued_payroll += payroll
    wages = state.accrued_payroll if day.day in _PAYDAYS else 0
    state.accrued_payroll -= wages
    interest = round(_SHORT_TERM_DEBT * _INTEREST_RATE / 365)
    costs = goods + payroll + marketing + _RENT_PER_DAY + _DEPRECIATION_PER_DAY + interest
    tax = round(max(0, credit + cash_sales - costs) * _TAX)
    state.cash += collected + cash_sales - paid - wages - interest - tax
    if day.month % 3 == 1 and day.day == 10:  # noqa: PLR2004 - the tenth day after the end of a quarter
        state.cash = min(state.cash, _CASH_KEPT)
    ledger.income += [(day, "cash_sales", cash_sales), (day, "credit_sales", credit)]
    ledger.expenses += [
        *((day, "cost_of_goods_sold", goods), (day, "payroll", payroll), (day, "rent", _RENT_PER_DAY), (day, "marketing", marketing)),
        *((day, "depreciation", _DEPRECIATION_PER_DAY), (day, "interest", interest), (day, "income_tax", tax)),
    ]
    ledger.cash += [(day, "operating", state.cash - _RESERVE_ACCOUNT), (day, "reserve", _RESERVE_ACCOUNT)]
    ledger.inventory += [(day, "finished_goods", state.finished), (day, "raw_materials", state.raw)]
    accrued = _ACCRUED_BASE + state.accrued_payroll
    ledger.liabilities += [
        *((day, "accounts_payable", state.payables), (day, "accrued_expenses", accrued), (day, "short_term_debt", _SHORT_TERM_DEBT)),
    ]


def _sell(ledger: Ledger, state: _Balances, chance: random.Random, day: date) -> tuple[int, int]:
    """Book a day's sales on terms and for cash; their totals."""
    years = (day - FIRST_DAY).days / 365.25
    level = _WEEKDAYS[day.weekday()] * (1 + _YEARLY_GROWTH) ** years * (1 + 0.08 * math.sin(2 * math.pi * years))
    credit_total = cash_total = 0
    for segment, (usual, _) in _SEGMENTS.items():
        credit = _cents(usual * level * chance.lognormvariate(0, 0.12))
        cash = round(credit * _CASH_SALES_SHARE[segment] * chance.uniform(0.7, 1.3))
        invoices = max(1, round(credit / 100 / usual * 20 * chance.uniform(0.8, 1.2)))
        ledger.sales.append((day, segment, credit, cash, invoices))
        state.receivables[segment] += credit
        credit_total, cash_total = credit_total + credit, cash_total + cash
    return credit_total, cash_total


def _collect(ledger: Ledger, state: _Balances, chance: random.Random, day: date, *, workday: bool) -> int:
    """Take in what customers pay, on workdays, and close the day's receivables."""
    collected = 0
    for segment, (_, days) in _SEGMENTS.items():
        paid = round(state.receivables[segment] / days * _WEEK / _WORKDAYS * chance.uniform(0.85, 1.15)) if workday else 0
        state.receivables[segment] -= paid
        collected += paid
        ledger.receivables.append((day, segment, state.receivables[segment]))
    return collected


def _buy(state: _Balances, chance: random.Random, goods: int, *, workday: bool) -> int:
    """Take goods sold out of stock and buy new ones towards the usual days of stock; the cost of what was bought."""
    state.finished -= goods
    state.goods_rate += (goods - state.goods_rate) / 60
    bought = 0
    if workday:
        missing = state.goods_rate * _STOCK_DAYS - state.raw - state.finished
        bought = max(0, round((state.goods_rate * _WEEK / _WORKDAYS + missing / 20) * chance.uniform(0.7, 1.3)))
    state.raw += bought
    made = round(max(0.0, state.raw - state.goods_rate * _STOCK_DAYS * 0.4))
    state.raw -= made
    state.finished += made
    return bought


def _restate(ledger: Ledger, chance: random.Random) -> None:
    """Draw the corrections: at most one a day, and in a segment no new one before the last was found."""
    found: dict[str, date] = {}
    for day, segment, credit, _, _ in ledger.sales:
        taken = ledger.corrections and ledger.corrections[-1].day == day
        if taken or day < found.get(segment, FIRST_DAY) or chance.random() > _CHANCE_OF_RESTATEMENT:
            continue
        reported = day + timedelta(days=chance.randint(3, 20))
        ledger.corrections.append(Correction(day, segment, round(credit * chance.uniform(-0.3, 0.1)), reported))
        found[segment] = reported


def _rows(entries: list[Entry]) -> Iterator[tuple[str, ...]]:
    for day, name, cents in entries:
        yield (str(day), name, _dollars(cents), "1", _reported(day))


def _sales_rows(book: Ledger) -> Iterator[tuple[str, ...]]:
    changes = {(change.day, change.segment): change for change in book.corrections}
    for day, segment, credit, cash, invoices in book.sales:
        yield (str(day), segment, _dollars(credit), _dollars(cash), str(invoices), "1", _reported(day))
        if change := changes.get((day, segment)):
            restated = _dollars(credit + change.cents)
            yield (str(day), segment, restated, _dollars(cash), str(invoices), "2", _reported(change.reported))


def _receivable_rows(book: Ledger) -> Iterator[tuple[str, ...]]:
    changes = {
        (change.day + timedelta(days=number), change.segment): change
        for change in book.corrections
        for number in range((change.reported - change.day).days)
    }
    for day, segment, balance in book.receivables:
        yield (str(day), segment, _dollars(balance), "1", _reported(day))
        if change := changes.get((day, segment)):
            yield (str(day), segment, _dollars(balance + change.cents), "2", _reported(change.reported))


def _income_rows(book: Ledger, changes: dict[date, Correction]) -> Iterator[tuple[str, ...]]:
    for day, stream, cents in book.income:
        yield (str(day), stream, _dollars(cents), "1", _reported(day))
        change = changes.get(day)
        if change is not None and stream == "credit_sales":
            yield (str(day), stream, _dollars(cents + change.cents), "2", _reported(change.reported))


def _reported(day: date) -> str:
    return f"{day + timedelta(days=1)} {_REPORT_TIME}"


def _cents(dollars: float) -> int:
    return round(dollars * 100)


def _dollars(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"

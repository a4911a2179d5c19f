"""The generated ledger of tenant acme: the same everywhere, balanced, and restated where it says so."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from hashlib import sha256

from local.warehouse.ledger import FIRST_DAY, LAST_DAY, generate, tables
from local.warehouse.tables import copy_line

BOOK = generate()
ROWS = {table.name: [tuple(row) for row in table.rows] for table in tables(BOOK)}


def test_the_same_seed_gives_the_same_ledger_and_another_seed_another() -> None:
    assert generate() == BOOK
    assert generate(seed=1) != BOOK


def test_the_content_of_the_tables_is_the_one_the_documented_figures_were_computed_from() -> None:
    digests = {name: sha256("".join(map(copy_line, rows)).encode()).hexdigest()[:16] for name, rows in ROWS.items()}
    assert digests == {
        "gdp_receivables": "57e27c8d7953f594",
        "gdp_sales": "44e3e75e96dfd45c",
        "gdp_cash": "3275eedd1c95fa78",
        "gdp_liabilities": "f5c1460654288920",
        "gdp_inventory": "b4118c9fc85fe53a",
        "gdp_income": "964785f76d790a6e",
        "gdp_expenses": "c2f8de2be1bd0b62",
    }


def test_every_day_of_two_years_is_there() -> None:
    days = {FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1)}
    for name, rows in ROWS.items():
        assert {date.fromisoformat(row[0]) for row in rows} == days, name


def test_no_balance_is_negative() -> None:
    for name in ("gdp_receivables", "gdp_cash", "gdp_liabilities", "gdp_inventory"):
        assert min(float(row[2]) for row in ROWS[name]) >= 0, name


def test_income_equals_sales_on_every_day_in_both_views() -> None:
    sales: dict[tuple[str, int], float] = defaultdict(float)
    for day, _, credit, _, _, version, _ in ROWS["gdp_sales"]:
        sales[day, int(version)] += float(credit)
    income = {(row[0], int(row[3])): float(row[2]) for row in ROWS["gdp_income"] if row[1] == "credit_sales"}
    for (day, version), amount in income.items():
        if version == 1:
            assert abs(amount - sales[day, 1]) < 0.01
    corrected = {str(change.day): change.cents / 100 for change in BOOK.corrections}
    assert corrected.keys() == {day for day, version in income if version == 2}
    for day, change in corrected.items():
        assert abs(income[day, 2] - income[day, 1] - change) < 0.01


def test_a_correction_restates_every_balance_from_its_day_until_it_was_found() -> None:
    restated = {(row[0], row[1]): row for row in ROWS["gdp_receivables"] if row[3] == "2"}
    change = BOOK.corrections[0]
    days = [change.day + timedelta(days=number) for number in range((change.reported - change.day).days)]
    assert days
    for day in days:
        assert restated[str(day), change.segment][4].startswith(str(change.reported + timedelta(days=1)))
    assert (str(change.reported), change.segment) not in restated


def test_nothing_is_reported_before_its_day_is_over() -> None:
    for rows in ROWS.values():
        assert all(row[-1][:10] > row[0] for row in rows)

"""Tenant discco: the CDNOW purchases of 1997-98, read from the packaged master file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from local.warehouse.tables import Table

LOAD_TIME = "00:30:00+00"
_FIELDS = 4


def tables(datasets: Path) -> tuple[Table, ...]:
    """The golden tables; `datasets` is the folder the demo packages are installed in."""
    orders = list(_read(datasets / "lifetimes" / "datasets" / "CDNOW_master.txt"))
    first: dict[int, date] = {}
    for customer, day, _, _ in orders:
        first[customer] = min(day, first.get(customer, day))
    return (
        Table("gdp_orders", ("order_id", "order_date", "customer_id", "cohort", "units", "amount", "loaded_at"), _orders(orders, first)),
        Table("gdp_customers", ("customer_id", "first_order_date", "cohort", "loaded_at"), _customers(first)),
    )


def _read(path: Path) -> Iterator[tuple[int, date, str, str]]:
    """Customer, day, units and amount of each purchase, in the file's order.

    Raises:
        ValueError: when a line has another form than the file is known to have.
    """
    with path.open(encoding="ascii") as lines:
        next(lines)
        for number, line in enumerate(lines, start=2):
            fields = line.split()
            if len(fields) != _FIELDS:
                raise ValueError(f"{path}:{number}: expected customer, date, units and amount, found {fields}")
            customer, day, units, amount = fields
            yield int(customer), date(int(day[:4]), int(day[4:6]), int(day[6:])), units, amount


def _orders(orders: list[tuple[int, date, str, str]], first: dict[int, date]) -> Iterator[tuple[str, ...]]:
    for number, (customer, day, units, amount) in enumerate(orders, start=1):
        yield (str(number), str(day), str(customer), f"{first[customer]:%Y-%m}", units, amount, _loaded(day))


def _customers(first: dict[int, date]) -> Iterator[tuple[str, ...]]:
    for customer, day in sorted(first.items()):
        yield (str(customer), str(day), f"{day:%Y-%m}", _loaded(day))


def _loaded(day: date) -> str:
    return f"{day + timedelta(days=1)} {LOAD_TIME}"

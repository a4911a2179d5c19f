"""The KPI values of the demo, computed independently: with pandas, from the packages' files and the generated ledger, without any SQL.

`expected` answers for every KPI of the demo tenants. Nothing here reads the dictionary: formulas and constants are written again by
hand, so that a mistake on either side shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

from tests.oracle import finance, flights, shop

Values = Mapping[str, float | None]
Formula = Callable[..., Values]

FORMULAS: Mapping[str, Formula] = {**flights.FORMULAS, **shop.FORMULAS, **finance.FORMULAS}


def expected(kpi_id: str, start: date, end: date, *, datasets: Path, as_of: datetime, view: str = "as_reported") -> Values:
    """The value per entity for the period [start, end); None where a value cannot be computed.

    Raises:
        KeyError: for a KPI the oracle does not know.
    """
    if kpi_id in finance.FORMULAS:
        return finance.FORMULAS[kpi_id](finance.Books(start, end, as_of, view))
    if kpi_id in shop.FORMULAS:
        return shop.FORMULAS[kpi_id](shop.Shop(datasets, start, end))
    return flights.FORMULAS[kpi_id](flights.Days(datasets, start, end))

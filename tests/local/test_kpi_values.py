"""The values that the platform delivered for the demo equal those computed independently with pandas from the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from kpis.common import Grain, Verdict
from kpis.loader import load_dictionary
from kpis.schema import Kpi
from local.settings import repository_root
from local.warehouse.databases import READER, RESULTS_DATABASE
from local.warehouse.server import url
from tests.local.conftest import Stack
from tests.oracle import FORMULAS, demo, expected

pytestmark = pytest.mark.local

KPIS: dict[str, Kpi] = {kpi.id: kpi for kpi in load_dictionary(repository_root() / "kpis" / "packs").kpis}
DAILY = [(tenant, kpi.id) for kpi in KPIS.values() for tenant in kpi.tenants if kpi.grain is Grain.DAY]
LONGER = [(tenant, kpi.id) for kpi in KPIS.values() for tenant in kpi.tenants if kpi.grain is not Grain.DAY]
_ROWS = """
    SELECT entity, value, verdict, unit, rows_processed, flags, period_start, period_end FROM kpi_result_current
    WHERE kpi_id = %s AND environment = 'prod' AND scd_view = 'as_reported' AND period_start >= %s AND period_end <= %s
"""


@dataclass(frozen=True)
class Delivered:
    """What one run delivered for one period."""

    values: dict[str, float | None]
    verdicts: dict[str, str]
    fallback: bool
    as_of: datetime


Fetch = Callable[[str, str, date, date], dict[tuple[date, date], Delivered]]


@pytest.fixture(scope="module")
def delivered(stack: Stack) -> Iterator[Fetch]:
    """Results of a tenant's KPI within [start, end), by period, read as the role that only reads."""
    address = url(stack.settings, READER, RESULTS_DATABASE).replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True, options="-c timezone=UTC") as connection:

        def fetch(tenant: str, kpi_id: str, start: date, end: date) -> dict[tuple[date, date], Delivered]:
            connection.execute("SELECT set_config('kpi.tenant_id', %s, false)", [tenant])
            rows = connection.execute(_ROWS, [kpi_id, start, end]).fetchall()
            return {
                period: _delivered([row for row in rows if _period(row) == period]) for period in sorted({_period(row) for row in rows})
            }

        yield fetch


def _period(row: tuple[Any, ...]) -> tuple[date, date]:
    return row[6].date(), row[7].date()


def _delivered(rows: list[tuple[Any, ...]]) -> Delivered:
    flags = rows[0][5]
    as_of = flags.get("as_of")
    return Delivered(
        values={row[0]: row[1] for row in rows},
        verdicts={row[0]: row[2] for row in rows},
        fallback=bool(flags.get("fallback")),
        as_of=datetime.fromisoformat(as_of) if as_of else datetime.now(UTC),
    )


def assert_equals_oracle(stack: Stack, kpi_id: str, period: tuple[date, date], found: Delivered) -> None:
    wanted = expected(kpi_id, *period, datasets=stack.settings.local_dir / "datasets", as_of=found.as_of)
    assert found.values.keys() == wanted.keys(), f"{kpi_id} {period[0]}: other entities"
    for entity, value in wanted.items():
        if value is None:
            assert found.values[entity] is None, f"{kpi_id} {period[0]} {entity}: nothing can be computed"
        else:
            assert found.values[entity] == pytest.approx(value, rel=1e-9, abs=1e-9), f"{kpi_id} {period[0]} {entity}"


def test_the_oracle_knows_every_kpi_of_the_dictionary() -> None:
    assert set(FORMULAS) == set(KPIS)


@pytest.mark.parametrize(("tenant", "kpi_id"), DAILY, ids=[name for _, name in DAILY])
def test_every_demo_day_has_the_value_that_pandas_computes(stack: Stack, delivered: Fetch, tenant: str, kpi_id: str) -> None:
    days = demo.days_of(tenant)
    found = delivered(tenant, kpi_id, days[0], days[-1] + timedelta(days=1))
    for day in days:
        period = (day, day + timedelta(days=1))
        if demo.computable(kpi_id, day):
            assert period in found, f"{kpi_id} delivered nothing for {day}"
            assert not found[period].fallback
            assert_equals_oracle(stack, kpi_id, period, found[period])


@pytest.mark.parametrize(("tenant", "kpi_id"), LONGER, ids=[name for _, name in LONGER])
def test_longer_periods_have_the_value_that_pandas_computes(stack: Stack, delivered: Fetch, tenant: str, kpi_id: str) -> None:
    last = demo.days_of(tenant)[-1]
    found = delivered(tenant, kpi_id, last - timedelta(days=400), last + timedelta(days=1))
    assert found, f"{kpi_id} delivered nothing up to {last}"
    for period, result in found.items():
        assert_equals_oracle(stack, kpi_id, period, result)


@pytest.mark.parametrize("kpi_id", sorted(demo.NEEDS_ARRIVALS | demo.READS_ARRIVALS))
def test_on_the_days_of_the_blizzard_figures_that_need_arrivals_are_not_delivered(delivered: Fetch, kpi_id: str) -> None:
    for day in sorted(demo.BLIZZARD):
        assert delivered("skyway", kpi_id, day, day + timedelta(days=1)) == {}


@pytest.mark.parametrize("kpi_id", ["SKY-OT-01", "SKY-OT-02", "SKY-CN-01", "SKY-CN-02", "SKY-FC-01", "SKY-CM-01", "SKY-PX-01"])
def test_the_blizzard_is_critical_from_the_data_alone(delivered: Fetch, kpi_id: str) -> None:
    for day in sorted(demo.BLIZZARD):
        period = (day, day + timedelta(days=1))
        assert delivered("skyway", kpi_id, *period)[period].verdicts["ALL"] == Verdict.CRITICAL

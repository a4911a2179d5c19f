"""SLA judgement: pass within target, warn within grace, breach beyond."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kpis.common import Grain, Verdict
from kpis.schema import Bands, Direction, Sla
from lambdas.domain.model import Period
from lambdas.domain.sla import SlaFacts, SlaState, breached, judge

DAY = Period(start=datetime(2013, 10, 29, tzinfo=UTC), end=datetime(2013, 10, 30, tzinfo=UTC))
MIDNIGHT = datetime(2013, 10, 30, 4, tzinfo=UTC)  # in New York
FACTS = SlaFacts(
    period=DAY,
    grain=Grain.DAY,
    timezone="America/New_York",
    finished_at=MIDNIGHT + timedelta(hours=2),
    took=timedelta(seconds=3),
    data_at=MIDNIGHT + timedelta(hours=1),
    delivered=True,
    entities=4,
    final=True,
)
SECONDS = st.integers(0, 200_000)
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Sla)


def state(row: dict[str, Any], facts: SlaFacts = FACTS) -> SlaState:
    return judge([_ADAPTER.validate_python(row)], facts)[0].state


def expected(actual: int, target: int, grace: int) -> SlaState:
    if actual <= target:
        return SlaState.PASS
    return SlaState.WARN if actual <= target + grace else SlaState.BREACH


@given(SECONDS, SECONDS, SECONDS)
def test_latency_is_judged_on_how_long_the_run_took(actual: int, target: int, grace: int) -> None:
    row = {"type": "latency", "target": f"{target}s", "grace": f"{grace}s"}
    assert state(row, replace(FACTS, took=timedelta(seconds=actual))) is expected(actual, target, grace)


@given(SECONDS, SECONDS, SECONDS)
def test_freshness_is_judged_from_when_the_data_became_known(actual: int, target: int, grace: int) -> None:
    row = {"type": "freshness", "target": f"{target}s", "grace": f"{grace}s"}
    facts = replace(FACTS, data_at=FACTS.finished_at - timedelta(seconds=actual))
    assert state(row, facts) is expected(actual, target, grace)


@given(st.integers(-7200, 50_000), SECONDS)
def test_availability_is_judged_against_the_wall_clock_of_the_day_after(late: int, grace: int) -> None:
    row = {"type": "availability", "by": "07:00", "timezone": "America/New_York", "grace": f"{grace}s"}
    facts = replace(FACTS, finished_at=MIDNIGHT + timedelta(hours=7, seconds=late))
    assert state(row, facts) is expected(max(late, 0), 0, grace)


def test_a_wall_clock_time_follows_daylight_saving() -> None:
    period = Period(start=datetime(2013, 11, 2, tzinfo=UTC), end=datetime(2013, 11, 3, tzinfo=UTC))
    row = {"type": "availability", "by": "07:00", "timezone": "America/New_York", "grace": "0s"}
    at_seven = datetime(2013, 11, 3, 12, tzinfo=UTC)  # the clocks went back at 2
    assert state(row, replace(FACTS, period=period, finished_at=at_seven)) is SlaState.PASS
    assert state(row, replace(FACTS, period=period, finished_at=at_seven + timedelta(seconds=1))) is SlaState.BREACH


def test_consistency_wants_all_entities_by_its_time() -> None:
    row = {"type": "consistency", "target": "2h", "grace": "1h", "entities": 4}
    assert state(row) is SlaState.PASS
    assert state(row, replace(FACTS, finished_at=MIDNIGHT + timedelta(hours=3))) is SlaState.WARN
    assert state(row, replace(FACTS, finished_at=MIDNIGHT + timedelta(hours=4))) is SlaState.BREACH
    assert state(row, replace(FACTS, entities=3)) is SlaState.BREACH


@pytest.mark.parametrize("kind", ["freshness", "consistency"])
def test_a_final_run_that_delivered_nothing_breaches_what_is_promised_about_delivery(kind: str) -> None:
    row = {"type": kind, "target": "9d", "grace": "0s"}
    assert state(row, replace(FACTS, delivered=False)) is SlaState.BREACH
    assert state(row, replace(FACTS, delivered=False, final=False)) is SlaState.PASS, "another attempt may still deliver in time"
    assert state({"type": "latency", "target": "9d", "grace": "0s"}, replace(FACTS, delivered=False)) is SlaState.PASS


def test_one_breach_breaches_the_run() -> None:
    rows = [_ADAPTER.validate_python({"type": "latency", "target": target, "grace": "0s"}) for target in ("1h", "1s")]
    assert breached(judge(rows, FACTS))
    assert not breached(judge(rows[:1], FACTS))


FLOATS = st.floats(-1e6, 1e6)


@given(FLOATS, FLOATS, FLOATS)
def test_verdict_bands_are_inclusive_and_mirror_each_other(value: float, first: float, second: float) -> None:
    low, adequate = sorted((first, second))
    higher = Bands(direction=Direction.HIGHER, adequate=adequate, low=low)
    lower = Bands(direction=Direction.LOWER, adequate=-adequate, low=-low)
    assert higher.judge(value) is lower.judge(-value)
    assert higher.judge(adequate) is Verdict.ADEQUATE
    assert higher.judge(low) in (Verdict.ADEQUATE, Verdict.LOW)
    assert (higher.judge(value) is Verdict.CRITICAL) is (value < low)
    assert higher.judge(None) is Verdict.CRITICAL

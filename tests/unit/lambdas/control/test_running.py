"""What is asked of a run by hand must be something that can be computed, before an event says that it was asked."""

from __future__ import annotations

import pytest

from lambdas.domain.control.running import RunNow
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Period
from lambdas.domain.timestamps import parse
from tests.unit.lambdas.control.office import Office, kpi


@pytest.mark.parametrize("entity", ["", "é" * 201, "x" * 200_000], ids=["empty", "long", "huge"])
def test_a_run_is_asked_for_entities_that_have_names(entity: str) -> None:
    office = Office()
    office.live(kpi())
    before = len(office.events)
    with pytest.raises(KpiError, match="an entity has 1 to 200 characters") as refused:
        office.plane.running.ask(office.call(), "SKY-AD-01", RunNow(entities=("JFK", entity)))
    assert (refused.value.code, len(office.events)) == (ErrorCode.INVALID_INPUT, before)


@pytest.mark.parametrize(("start", "end"), [("0001-01-01", "0001-01-02"), ("9998-01-01", "9999-12-31"), ("1899-12-31", "1900-01-01")])
def test_a_run_is_asked_for_a_period_that_has_others_before_and_after_it(start: str, end: str) -> None:
    office = Office()
    office.live(kpi())
    before = len(office.events)
    with pytest.raises(KpiError, match="a period lies between the years 1900 and 2199") as refused:
        office.plane.running.ask(office.call(), "SKY-AD-01", RunNow(period=Period(start=parse(start), end=parse(end))))
    assert (refused.value.code, len(office.events)) == (ErrorCode.INVALID_INPUT, before)
    office.plane.running.ask(office.call(), "SKY-AD-01", RunNow(period=Period(start=parse("1900-01-01"), end=parse("1900-01-02"))))

"""Every action says why, in words somebody can read (K32)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.policy import Freeze, Policy
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.control.office import MONDAY, Office, kpi

WHOLE = Scope(kpi_id="SKY-AD-01")
UNSEEN = ["\u200b", "\ufeff \u2060", "\x00", "\u202e", "\n\t ", "\u00ad" * 40]


@pytest.mark.parametrize("reason", UNSEEN)
def test_a_reason_nobody_can_see_is_none(reason: str) -> None:
    office = Office()
    office.live(kpi())
    before = len(office.events)
    with pytest.raises(KpiError, match="needs a reason") as refused:
        office.plane.pausing.pause(office.call(reason=reason), WHOLE)
    assert (refused.value.code, len(office.events)) == (ErrorCode.INVALID_INPUT, before)


@pytest.mark.parametrize("reason", ["😀", "磁盘已满", "-", "a\nb", "عطل"])
def test_a_reason_in_any_script_is_one(reason: str) -> None:
    office = Office()
    office.live(kpi())
    assert office.plane.pausing.pause(office.call(reason=reason), WHOLE).reason == reason


@pytest.mark.parametrize("filler", ["\u200b", " ", "\x00", "\u202e", "\n"])
def test_the_glass_is_not_broken_with_a_reason_filled_up_with_nothing(filler: str) -> None:
    office = Office()
    frozen = Freeze(start=iso(MONDAY - timedelta(days=1)), until=iso(MONDAY + timedelta(days=1)), reason="closing")
    office.policies["prod"] = Policy(freezes=(frozen,))
    office.approved(kpi())
    call = office.call(reason=f"urgent{filler * 30}!")
    with pytest.raises(KpiError, match="a reason of 20 characters or more"):
        office.plane.publishing.publish(call, "SKY-AD-01", "1.0.0", break_glass=True)
    assert office.status("1.0.0") == "approved"

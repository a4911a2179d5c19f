"""Readers see the badge of a paused KPI, with its banner and ETA."""

from __future__ import annotations

from datetime import timedelta

from lambdas.domain.control.badge import Shown, shown
from lambdas.domain.control.pauses import Banner, Scope
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.gate import BEFORE, JFK, WHOLE, paused
from tests.unit.lambdas.memory import NOW

BANNER = Banner(text="Moving", eta="2013-10-30T12:00:00Z")


def test_a_paused_kpi_shows_the_banner_the_reason_and_until_when() -> None:
    until = iso(NOW + timedelta(hours=2))
    badge = shown([paused(WHOLE, banner=BANNER, until=until)], "SKY-AD-01", NOW).pause
    assert badge is not None
    assert (badge.scope, badge.banner, badge.since, badge.until, badge.reason) == ("kpi", BANNER, iso(BEFORE), until, "warehouse move")


def test_a_pause_of_everything_is_shown_on_every_kpi_and_an_entity_only_as_itself() -> None:
    everything = shown([paused(Scope())], "SKY-XX-01", NOW).pause
    assert everything is not None
    assert everything.scope == "global"
    assert shown([paused(JFK)], "SKY-AD-01", NOW) == Shown(paused_entities=("JFK",))


def test_nothing_is_shown_of_what_is_over_not_begun_or_of_another_kpi() -> None:
    rows = [paused(WHOLE, until=iso(NOW)), paused(Scope(), start=iso(NOW + timedelta(minutes=1))), paused(Scope(kpi_id="SKY-XX-01"))]
    assert shown(rows, "SKY-AD-01", NOW) == Shown()

"""Mute rules are as long as pauses: only alarms of KPIs that have one, and nothing stays silent without a pause."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Pause, Scope, read_pauses
from lambdas.domain.drift import Difference, Grade
from lambdas.domain.reconcile_mutes import MuteKeeper, MuteRule
from tests.unit.lambdas.control.office import MONDAY, Office, kpi

STEM = "kpi-local-skyway-prod"
OWN, SILENCE, OTHER = f"{STEM}-kpi-sky-ad-01", f"{STEM}-missing-runs", f"{STEM}-sla-breaches"
WHOLE = Scope(kpi_id="SKY-AD-01")


@dataclass
class Rules:
    """Mute rules and alarms of an account."""

    rules: dict[str, MuteRule] = field(default_factory=dict)
    known: set[str] = field(default_factory=lambda: {OWN, SILENCE, OTHER})
    writes: int = 0

    def all(self, prefix: str) -> Mapping[str, MuteRule]:
        return {name: rule for name, rule in self.rules.items() if name.startswith(prefix)}

    def put(self, rule: MuteRule) -> None:
        self.writes += 1
        self.rules[rule.name] = rule

    def delete(self, name: str) -> None:
        self.writes += 1
        self.rules.pop(name, None)

    def alarms(self, prefix: str) -> Collection[str]:
        return {name for name in self.known if name.startswith(prefix)}


@dataclass
class World:
    """A tenant with a KPI that runs, and the rules."""

    office: Office = field(default_factory=Office)
    rules: Rules = field(default_factory=Rules)

    @property
    def pauses(self) -> list[Pause]:
        return list(read_pauses(self.office.store.rows("skyway", keys.pauses("prod"))))

    def drift(self) -> list[tuple[str, Difference, Grade]]:
        found = MuteKeeper(self.rules).plan(STEM, self.pauses, self.office.clock.now())
        return [(each.name.removeprefix(f"{STEM}-pause-"), each.difference, each.grade) for each in found]

    def mend(self) -> list[str]:
        return MuteKeeper(self.rules).apply(STEM, self.pauses, self.office.clock.now())


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi())
    return made


def test_a_paused_kpi_is_silent_exactly_as_long_as_it_is_paused(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), WHOLE, until=MONDAY + timedelta(hours=2))
    assert world.drift() == [("sky-ad-01", Difference.MISSING, Grade.MEDIUM)]
    world.mend()
    (rule,) = world.rules.rules.values()
    assert (rule.alarms, rule.starts, rule.expires) == ((OWN,), MONDAY, MONDAY + timedelta(hours=2))
    assert (world.drift(), world.mend(), world.rules.writes) == ([], [], 1)


def test_a_pause_without_an_end_mutes_until_someone_resumes(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), WHOLE)
    world.mend()
    assert [rule.expires for rule in world.rules.rules.values()] == [None]
    world.office.later(days=40)
    assert world.drift() == []
    world.office.plane.pausing.resume(world.office.call(), WHOLE)
    assert world.drift() == [("sky-ad-01", Difference.EXTRA, Grade.HIGH)], "an alarm that is silent for nothing is worse"
    world.mend()
    assert world.rules.rules == {}


def test_a_pause_to_come_has_its_rule_before_it_begins(world: World) -> None:
    start = MONDAY + timedelta(days=3)
    world.office.plane.pausing.pause(world.office.call(), WHOLE, start=start, until=start + timedelta(hours=1))
    world.mend()
    assert [rule.starts for rule in world.rules.rules.values()] == [start]


def test_a_rule_that_is_over_is_no_drift_and_is_removed(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), WHOLE, until=MONDAY + timedelta(hours=2))
    world.mend()
    world.office.later(hours=3)
    world.office.live(kpi(id="SKY-AD-02"))
    world.rules.known |= {f"{STEM}-kpi-sky-ad-02"}
    world.office.plane.pausing.pause(world.office.call(), Scope(kpi_id="SKY-AD-02"))
    assert world.drift() == [("sky-ad-02", Difference.MISSING, Grade.MEDIUM)]
    assert world.mend() == [f"{STEM}-pause-sky-ad-02"]
    assert set(world.rules.rules) == {f"{STEM}-pause-sky-ad-02"}


def test_a_kpi_without_an_alarm_of_its_own_and_a_paused_entity_need_no_rule(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), Scope(kpi_id="SKY-AD-01", entity="JFK"))
    assert world.drift() == []
    world.rules.known = {OTHER}
    world.office.plane.pausing.pause(world.office.call(), WHOLE)
    assert world.drift() == []


def test_a_pause_of_everything_mutes_the_alarms_of_kpis_and_those_about_silence(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), Scope(), until=MONDAY + timedelta(hours=2))
    world.mend()
    (rule,) = world.rules.rules.values()
    assert rule.alarms == (OWN, SILENCE)


def test_a_rule_that_was_changed_by_hand_is_mended_and_rules_of_others_are_left_alone(world: World) -> None:
    world.office.plane.pausing.pause(world.office.call(), WHOLE, until=MONDAY + timedelta(hours=2))
    world.mend()
    (name,) = world.rules.rules
    world.rules.rules[name] = replace(world.rules.rules[name], expires=None)
    world.rules.rules[f"{STEM}-mute-ledger-close"] = replace(world.rules.rules[name], name="of the stack")
    assert world.drift() == [("sky-ad-01", Difference.DIFFERENT, Grade.HIGH)]
    world.mend()
    assert world.rules.rules[name].expires == MONDAY + timedelta(hours=2)
    assert f"{STEM}-mute-ledger-close" in world.rules.rules

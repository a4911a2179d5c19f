"""Schedules are what the catalog says runs: drift is found, graded and mended, and what comes in between is not undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.domain import drift
from lambdas.domain.control.states import Action
from lambdas.domain.drift import Difference, Grade
from lambdas.domain.model import RunRequest
from lambdas.domain.reconcile_schedules import ScheduleKeeper, ScheduleTarget, Timed, all_timed, desired_schedule
from tests.unit.lambdas.control.office import Office, kpi
from tests.unit.lambdas.memory import TENANT as SETTINGS
from tests.unit.lambdas.test_reconcile import Rows, better

TARGET = ScheduleTarget("arn:machine", "arn:role")
TENANT = SETTINGS.model_copy(update={"schedule_group": "g"})


@dataclass
class Group:
    """Schedules of one group. `before_write` runs once before a write, as a rival would; `broken` names cannot be written."""

    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    after_reading: Callable[[], None] | None = None
    broken: set[str] = field(default_factory=set)

    def all(self, group: str) -> Mapping[str, Mapping[str, Any]]:
        assert group == "g"
        answer = {name: dict(schedule) for name, schedule in self.found.items()}
        rival, self.after_reading = self.after_reading, None
        if rival is not None:
            rival()
        return answer

    def get(self, group: str, name: str) -> Mapping[str, Any] | None:
        assert group == "g"
        return self.found.get(name)

    def put(self, group: str, name: str, schedule: Mapping[str, Any], *, new: bool) -> None:
        assert group == "g"
        assert new == (name not in self.found)
        if name in self.broken:
            raise TimeoutError("throttled")
        self.writes.append(name)
        self.found[name] = dict(schedule) | {"Arn": "given by AWS"}

    def delete(self, group: str, name: str) -> None:
        assert group == "g"
        self.writes.append(name)
        self.found.pop(name, None)


@dataclass
class World:
    """A tenant's catalog and its schedules."""

    office: Office = field(default_factory=Office)
    group: Group = field(default_factory=Group)

    @property
    def keeper(self) -> ScheduleKeeper:
        return ScheduleKeeper(Rows(self.office.store), self.office.store, self.group, TARGET)

    def drift(self) -> list[tuple[str, Difference, Grade]]:
        return [(each.name, each.difference, each.grade) for each in self.keeper.plan(TENANT)]

    def mend(self) -> list[str]:
        failed: list[str] = []
        changed = self.keeper.apply(TENANT, [each.name for each in self.keeper.plan(TENANT)], lambda name, _: failed.append(name))
        assert set(failed) <= self.group.broken
        return changed


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi())
    return made


def test_a_time_triggered_kpi_has_a_schedule_whose_input_the_state_machine_accepts(world: World) -> None:
    of = all_timed(Rows(world.office.store), "skyway", "prod")["SKY-AD-01"]
    assert isinstance(of, Timed)
    schedule = desired_schedule(of, TENANT, TARGET)
    assert (schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"]) == ("cron(0 6 * * ? *)", "America/New_York")
    request = RunRequest.model_validate_json(schedule["Target"]["Input"])
    assert (request.tenant_id, request.trigger_type, request.scheduled_at) == ("skyway", "time", "<aws.scheduler.scheduled-time>")


def test_what_was_published_is_scheduled_once(world: World) -> None:
    assert world.drift() == [("SKY-AD-01", Difference.MISSING, Grade.HIGH)]
    assert world.mend() == ["SKY-AD-01"]
    assert (world.drift(), world.mend(), world.group.writes) == ([], [], ["SKY-AD-01"])


def test_a_draft_and_an_event_triggered_kpi_have_no_schedule(world: World) -> None:
    world.mend()
    world.office.plane.definitions.create(world.office.call(), better(), {**world.office.version("1.0.0").sources})
    world.office.imported(kpi(id="SKY-AD-02", schedule={"frequency": "daily", "trigger": "event", "event": "x"}))
    assert world.drift() == []


def test_a_new_version_changes_the_schedule_when_it_is_published(world: World) -> None:
    world.mend()
    world.office.live(better(schedule={"frequency": "daily", "trigger": "time", "cron": "30 7 * * *", "timezone": "UTC"}))
    assert [each.detail for each in world.keeper.plan(TENANT)] == ["ScheduleExpression, ScheduleExpressionTimezone"]
    world.mend()
    assert world.group.found["SKY-AD-01"]["ScheduleExpression"] == "cron(30 7 * * ? *)"


def test_a_deprecated_kpi_runs_on_and_one_that_was_unpublished_does_not(world: World) -> None:
    world.mend()
    world.office.agreed(Action.DEPRECATE, "1.0.0")
    world.office.plane.removal.deprecate(world.office.call(), "SKY-AD-01", "1.0.0")
    assert world.drift() == []
    world.office.later(days=31)
    world.office.agreed(Action.RETIRE, "1.0.0")
    world.office.plane.removal.retire(world.office.call(), "SKY-AD-01", "1.0.0")
    assert world.drift() == [("SKY-AD-01", Difference.EXTRA, Grade.MEDIUM)]
    world.mend()
    assert world.group.found == {}


def test_drift_is_found_with_its_settings_graded_and_mended(world: World) -> None:
    world.mend()
    found = world.group.found["SKY-AD-01"]
    found |= {"State": "DISABLED", "Target": found["Target"] | {"RoleArn": "arn:other"}}
    world.group.found["STRAY"] = {}
    findings = world.keeper.plan(TENANT)
    assert next((each.name, each.grade, each.detail) for each in findings) == ("SKY-AD-01", Grade.HIGH, "State, Target.RoleArn")
    assert [each.name for each in findings] == ["SKY-AD-01", "STRAY"]
    world.mend()
    assert world.drift() == []


def test_a_missing_schedule_of_a_critical_kpi_is_critical_and_a_changed_text_is_low() -> None:
    world = World()
    world.office.live(kpi(criticality="critical"))
    assert world.drift() == [("SKY-AD-01", Difference.MISSING, Grade.CRITICAL)]
    world.mend()
    world.group.found["SKY-AD-01"]["Description"] = "by hand"
    assert world.drift() == [("SKY-AD-01", Difference.DIFFERENT, Grade.LOW)]


def test_a_schedule_that_fires_once_and_removes_itself_is_a_persons_own(world: World) -> None:
    world.mend()
    world.group.found["once"] = {"ActionAfterCompletion": "DELETE"}
    assert world.drift() == []
    assert world.keeper.one(TENANT, "once") is False


def test_what_is_published_between_the_reads_of_a_pass_is_not_taken_for_something_extra(world: World) -> None:
    world.mend()
    rows = Rows(world.office.store, rival_after="prod#kpi#")

    def publish_another() -> None:
        rows.rival = world.group.after_reading = None
        world.office.live(kpi(id="SKY-AD-02"))
        world.keeper.one(TENANT, "SKY-AD-02")

    # Whichever is read first, the catalog or the group.
    rows.rival = world.group.after_reading = publish_another
    found = ScheduleKeeper(rows, world.office.store, world.group, TARGET).plan(TENANT)
    assert [each.name for each in found if each.difference is Difference.EXTRA] == []
    assert set(world.group.found) == {"SKY-AD-01", "SKY-AD-02"}


def test_a_pass_writes_what_the_catalog_says_then_and_not_what_it_said_at_the_beginning(world: World) -> None:
    findings = world.keeper.plan(TENANT)
    world.office.agreed(Action.UNPUBLISH, "1.0.0")
    world.office.plane.removal.unpublish(world.office.call(), "SKY-AD-01", "1.0.0")
    assert world.keeper.apply(TENANT, [each.name for each in findings], lambda *_: None) == []
    assert world.group.found == {}
    assert world.keeper.confirmed(TENANT, ["SKY-AD-01"]) == set()


def test_a_definition_of_which_no_schedule_can_be_made_is_critical_drift_and_hides_no_other(world: World) -> None:
    of = kpi(id="SKY-AD-02").model_copy(update={"schedule": kpi().schedule.model_copy(update={"cron": "0 6 1 * 1"})})
    world.office.imported(of)
    findings = world.keeper.plan(TENANT)
    assert [(each.name, each.grade) for each in findings] == [("SKY-AD-01", Grade.HIGH), ("SKY-AD-02", Grade.CRITICAL)]
    assert "restricts day of month and day of week" in findings[1].detail
    failed: list[str] = []
    assert world.keeper.apply(TENANT, ["SKY-AD-01", "SKY-AD-02"], lambda name, _: failed.append(name)) == ["SKY-AD-01"]
    assert (failed, world.keeper.confirmed(TENANT, ["SKY-AD-01", "SKY-AD-02"])) == (["SKY-AD-02"], {"SKY-AD-02"})


def test_one_that_cannot_be_written_holds_up_no_other(world: World) -> None:
    world.office.live(kpi(id="SKY-AD-02"))
    world.group.broken = {"SKY-AD-01"}
    assert world.mend() == ["SKY-AD-02"]
    world.group.broken = set()
    assert world.mend() == ["SKY-AD-01"]


def test_a_report_counts_every_grade_and_lists_the_worst_first(world: World) -> None:
    world.group.found["STRAY"] = {}
    report = drift.report(world.keeper.plan(TENANT))
    assert (report["found"], report["grades"]) == (2, {"critical": 0, "high": 1, "medium": 1, "low": 0})
    assert [each["name"] for each in report["findings"]] == ["SKY-AD-01", "STRAY"]


def test_a_tenant_without_a_schedule_group_has_no_schedules(world: World) -> None:
    assert world.keeper.plan(SETTINGS.model_copy(update={"schedule_group": None})) == []


@pytest.mark.parametrize("bound", ["StartDate", "EndDate"])
def test_a_schedule_that_somebody_gave_a_beginning_or_an_end_does_not_run_as_it_should(world: World, bound: str) -> None:
    world.mend()
    world.group.found["SKY-AD-01"][bound] = datetime(2026, 1, 1, tzinfo=UTC)
    assert [(each.difference, each.grade, each.detail) for each in world.keeper.plan(TENANT)] == [(Difference.DIFFERENT, Grade.HIGH, bound)]
    world.mend()
    assert bound not in world.group.found["SKY-AD-01"]
    assert world.drift() == []

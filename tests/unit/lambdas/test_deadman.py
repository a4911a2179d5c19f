"""The dead-man check: what should have started and did not is found, once, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpis.schema import Kpi
from lambdas.domain import entries
from lambdas.domain.audit.event import Actor
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Pause, Scope
from lambdas.domain.control.unit import Row
from lambdas.domain.deadman import DeadMan, Missed, Watched, missed, patience, run_id_of, slots
from lambdas.domain.fold import fold_runs
from lambdas.domain.model import LogTable, RunRequest, TriggerType
from lambdas.domain.opening import Opener
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.memory import TENANT, CountingIds, FixedClock, MemoryBus, MemoryCatalog, MemoryLogs, MemoryMetrics, definition, kpi

DUE = datetime(2026, 10, 28, 10, 0, tzinfo=UTC)  # 06:00 in New York
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SLA = [
    {"type": "availability", "by": "07:00", "timezone": "America/New_York", "grace": "30m"},
    {"type": "freshness", "target": "2h", "grace": "45m"},
    {"type": "latency", "target": "1s", "grace": "1s"},
]


def hourly(**changes: Any) -> Kpi:
    schedule = {"frequency": "daily", "trigger": "time", "cron": "0 * * * *", "timezone": "America/New_York"}
    return kpi(grain="hour", schedule=schedule, **changes)


@dataclass
class PagedLogs(MemoryLogs):
    """Answers a few rows at a time, both bounds included, as a query with BETWEEN does."""

    ids: CountingIds = field(default_factory=CountingIds)
    page: int = 3

    def by_kpi(
        self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = "~"
    ) -> tuple[Sequence[Mapping[str, Any]], bool]:
        of_kpi = [row for row in self.rows(LogTable.RUN) if row["gsi_pk"] == f"{tenant_id}#{kpi_id}" and since <= row["gsi_sk"] <= before]
        newest = sorted(of_kpi, key=lambda row: str(row["gsi_sk"]), reverse=True)
        shown = newest[: min(rows, self.page)]
        return shown, len(newest) > len(shown)


@dataclass
class Office:
    """A KPI under watch with everything the check talks to."""

    of: Kpi = field(default_factory=kpi)
    since: datetime = DUE - HOUR
    clock: FixedClock = field(default_factory=lambda: FixedClock(DUE + 15 * MINUTE))
    logs: PagedLogs = field(default_factory=PagedLogs)
    bus: MemoryBus = field(default_factory=MemoryBus)
    metrics: MemoryMetrics = field(default_factory=MemoryMetrics)
    pauses: list[Row] = field(default_factory=list)

    @property
    def watched(self) -> Watched:
        return Watched(definition(self.of), TENANT, "us-east-1", self.since)

    def check(self) -> list[str]:
        return due(DeadMan(self.logs, self.bus, self.metrics, self.clock).check(self.watched, self.pauses))

    def start(self, at: datetime, scheduled: datetime | None = None, **request: Any) -> None:
        """A run as Open writes it."""
        document = {"tenant_id": "skyway", "kpi_id": self.of.id, "trigger_type": "time", "scheduled_at": iso(scheduled or at)} | request
        opener = Opener(MemoryCatalog(self.of), self.logs, FixedClock(at), self.logs.ids, "us-east-1")
        opener.open(RunRequest.model_validate(document), "arn:execution")


def due(found: Sequence[Missed]) -> list[str]:
    return [iso(each.run.started_at)[11:16] for each in found]


def paused(start: datetime, until: datetime) -> Row:
    scope = Scope(kpi_id="SKY-AD-01")
    pause = Pause(pause_id="p", scope=scope, start=iso(start), until=iso(until), reason="r", by=Actor(subject="ada", role="client_admin"))
    return Row(keys.pause("prod", scope.key), {"pause": pause.model_dump_json()})


def test_a_run_that_never_started_is_logged_once_as_skipped_with_a_breach_and_told() -> None:
    office = Office(of=kpi(sla=SLA))
    office.clock.moment = DUE + 31 * MINUTE
    assert office.check() == ["10:00"]
    (run,) = fold_runs(office.logs.rows(LogTable.RUN))
    assert (run["status"], run["error_code"], run["sla_breached"]) == ("skipped", "SLA_BREACH", True)
    assert "no run of SKY-AD-01 started within 30 minutes of 2026-10-28T10:00:00.000Z" in run["error_message"]
    assert "2026-10-27T00:00:00.000Z/2026-10-28T00:00:00.000Z" in run["lineage_ref"], "it names the period that is missing"
    assert office.bus.kinds() == ["kpi.run.failed", "kpi.sla.breach"]
    assert [each["type"] for each in office.bus.events[1][1]["sla"]] == ["availability", "freshness"]
    assert office.metrics.emitted == [{"RunsCompleted": 0, "RunsFailed": 0, "RunsSkipped": 1, "RunsPartial": 0, "SlaBreaches": 1}]
    office.clock.move(5 * MINUTE)
    assert office.check() == []
    assert (len(office.logs.entries), len(office.bus.events), len(office.metrics.emitted)) == (1, 2, 1)


def test_two_checks_at_once_log_and_count_it_once() -> None:
    class Blind(PagedLogs):
        def by_kpi(self, tenant_id: str, kpi_id: str, *, rows: int, since: str = "0", before: str = "~") -> Any:
            del tenant_id, kpi_id, rows, since, before
            return [], False

    office = Office(logs=Blind())
    assert office.check() == ["10:00"]
    assert office.check() == [], "the row was there already"
    assert (len(office.logs.entries), len(office.metrics.emitted)) == (1, 1)


def test_a_check_that_dies_before_it_logged_tells_it_again() -> None:
    class Broken(PagedLogs):
        def insert(self, entries: Any) -> None:
            raise RuntimeError(f"no {len(entries)}")

    office = Office(logs=Broken())
    with pytest.raises(RuntimeError):
        office.check()
    office.logs = PagedLogs()
    assert office.check() == ["10:00"]


@pytest.mark.parametrize("late", [-30 * timedelta(seconds=1), timedelta(), 14 * MINUTE, 3 * HOUR])
def test_a_run_that_started_even_late_is_not_missing(late: timedelta) -> None:
    office = Office()
    office.start(DUE + late, scheduled=DUE)
    office.clock.moment = DUE + 4 * HOUR
    assert office.check() == []


def test_nothing_is_missing_before_patience_ends() -> None:
    office = Office()
    office.clock.moment = DUE + 15 * MINUTE - timedelta(seconds=1)
    assert office.check() == []
    office.clock.move(timedelta(seconds=1))
    assert office.check() == ["10:00"]


@pytest.mark.parametrize(
    ("graces", "minutes"), [([], 15), (["5m"], 15), (["45m"], 45), (["2h", "20m"], 20)], ids=["none", "short", "one", "two"]
)
def test_patience_is_the_shortest_grace_but_never_less_than_a_quarter_of_an_hour(graces: list[str], minutes: int) -> None:
    rows = [{"type": "freshness", "target": "1h", "grace": grace} for grace in graces]
    assert patience(kpi(sla=[*rows, {"type": "latency", "target": "1s", "grace": "1s"}])) == minutes * MINUTE


@pytest.mark.parametrize(
    "other",
    [
        {"trigger_type": "manual"},
        {"trigger_type": "event"},
        {"retry_seq": 1},
        {"period": {"start": "2026-10-20T00:00:00Z", "end": "2026-10-21T00:00:00Z"}},
    ],
    ids=["by hand", "by an event", "another attempt", "another period"],
)
def test_runs_that_the_schedule_did_not_start_hide_nothing(other: dict[str, Any]) -> None:
    office = Office()
    office.start(DUE + MINUTE, scheduled=DUE, **other)
    assert office.check() == ["10:00"]


def test_a_run_in_another_environment_hides_nothing() -> None:
    office = Office()
    office.start(DUE)
    elsewhere = [dict(row) | {"environment": "dev"} for row in office.logs.rows(LogTable.RUN)]
    assert due(missed(office.watched, elsewhere, [], DUE + HOUR)) == ["10:00"]


def test_each_hour_is_judged_by_its_own_run() -> None:
    office = Office(of=hourly(), since=DUE)
    for hours in (0, 2, 3):
        office.start(DUE + hours * HOUR)
    office.clock.moment = DUE + 4 * HOUR + 20 * MINUTE
    assert office.check() == ["11:00", "14:00"]


def test_a_later_run_of_the_same_day_does_not_stand_for_an_earlier_one() -> None:
    office = Office(of=kpi(schedule=hourly().schedule.model_dump()), since=DUE)
    office.start(DUE + HOUR)
    office.clock.moment = DUE + HOUR + 20 * MINUTE
    assert office.check() == ["10:00"]


def test_what_is_paused_is_not_missing_and_what_comes_before_and_after_is() -> None:
    office = Office(of=hourly(), since=DUE, pauses=[paused(DUE + HOUR, DUE + 2 * HOUR)])
    office.clock.moment = DUE + 2 * HOUR + 20 * MINUTE
    assert office.check() == ["10:00", "12:00"]


def test_nothing_is_expected_before_the_version_went_live() -> None:
    assert Office(since=DUE + timedelta(seconds=1)).check() == []


def test_what_an_outage_of_the_check_missed_is_found_afterwards_but_not_all_of_history() -> None:
    office = Office(since=LONG_AGO)
    office.clock.moment = DUE + 16 * MINUTE
    found = missed(office.watched, [], [], office.clock.now())
    assert [iso(each.run.started_at)[:10] for each in found] == ["2026-10-27", "2026-10-28"]


def test_a_grace_of_days_does_not_make_a_missing_run_too_old_to_be_found() -> None:
    patient = Office(of=kpi(sla=[{"type": "consistency", "entities": 1, "target": "3d", "grace": "3d"}]))
    patient.clock.moment = DUE + 3 * DAY
    assert patient.check() == ["10:00"]


@pytest.mark.parametrize("trigger", ["event", "both"])
def test_only_schedules_with_times_are_watched(trigger: str) -> None:
    schedule = {"frequency": "daily", "trigger": trigger, "event": "loaded", "timezone": "America/New_York"}
    schedule |= {"cron": "0 6 * * *"}
    assert Office(of=kpi(schedule=schedule)).check() == (["10:00"] if trigger == "both" else [])


def test_the_log_is_read_to_its_end() -> None:
    office = Office(of=hourly(), since=LONG_AGO)
    for hours in range(-60, 5):
        office.start(DUE + hours * HOUR)
    office.clock.moment = DUE + 4 * HOUR + 20 * MINUTE
    assert office.check() == []


def test_a_tenant_that_replays_another_year_is_watched_by_the_days_it_replays() -> None:
    replaying = TENANT.model_copy(update={"replay_year": 2013})
    at = datetime(2026, 1, 15, 11, 0, tzinfo=UTC)  # 06:00 in New York
    watched = Watched(definition(kpi()), replaying, "us-east-1", at - HOUR)
    (found,) = missed(watched, [], [], at + HOUR)
    assert found.run.period.text.startswith("2013-01-14")
    logs = MemoryLogs()
    opener = Opener(MemoryCatalog(kpi(), tenant=replaying), logs, FixedClock(at + MINUTE), CountingIds(), "us-east-1")
    opener.open(RunRequest(tenant_id="skyway", kpi_id="SKY-AD-01", trigger_type=TriggerType.TIME, scheduled_at=iso(at)), None)
    assert missed(watched, logs.rows(LogTable.RUN), [], at + HOUR) == []


NIGHTLY = kpi(schedule={"frequency": "daily", "trigger": "time", "cron": "30 2 * * *", "timezone": "Europe/Berlin"}).schedule


def test_a_local_time_that_does_not_exist_is_not_expected() -> None:
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    assert [iso(each.due)[:16] for each in slots(NIGHTLY, spring - DAY, spring + 2 * DAY)] == ["2026-03-28T01:30", "2026-03-30T00:30"]


def test_a_local_time_that_comes_twice_is_one_run_and_has_until_the_second() -> None:
    autumn = datetime(2026, 10, 25, tzinfo=UTC)
    (slot,) = slots(NIGHTLY, autumn, autumn + DAY - HOUR)
    assert (iso(slot.due)[11:16], iso(slot.latest)[11:16]) == ("00:30", "01:30")


@given(
    st.sampled_from(["0 * * * *", "*/20 * * * *", "30 2 * * *", "0 6 * * 1-5", "0 3 1 * *"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 - made aware below
    st.integers(0, 72),
)
def test_slots_are_in_their_range_in_order_and_the_same_however_the_range_is_cut(
    cron: str, timezone: str, start: datetime, hours: int
) -> None:
    schedule = kpi(schedule={"frequency": "daily", "trigger": "time", "cron": cron, "timezone": timezone}).schedule
    since = start.replace(tzinfo=UTC, microsecond=0)
    middle, until = since + hours * HOUR, since + 72 * HOUR
    whole = [*slots(schedule, since, until)]
    assert all(since <= slot.due <= until for slot in whole)
    assert [slot.due for slot in whole] == sorted({slot.due for slot in whole})
    cut = [*slots(schedule, since, middle), *slots(schedule, middle + timedelta(seconds=1), until)]
    assert cut == whole


def test_a_thousand_kpis_due_at_once_have_ids_of_their_own_within_the_minute() -> None:
    ids = {run_id_of(TENANT, f"SKY-K{number}-01", DUE) for number in range(5000)}
    assert len(ids) == 5000
    assert run_id_of(TENANT, "SKY-AD-01", DUE) == run_id_of(TENANT, "SKY-AD-01", DUE)
    assert run_id_of(TENANT, "SKY-AD-01", DUE) != run_id_of(TENANT.model_copy(update={"environment": "dev"}), "SKY-AD-01", DUE)


def test_what_a_missing_run_logs_does_not_depend_on_who_finds_it() -> None:
    office = Office()
    (first,), (second,) = (missed(office.watched, [], [], DUE + wait * HOUR) for wait in (1, 5))
    rows = [entries.close_row(each.run, each.outcome, DUE, sla_breached=True) for each in (first, second)]
    assert rows[0] == rows[1]


def test_where_clocks_go_back_a_run_has_until_the_second_of_the_two_moments() -> None:
    autumn = datetime(2026, 10, 25, tzinfo=UTC)
    office = Office(of=kpi(schedule=NIGHTLY.model_dump()), since=autumn)
    office.clock.moment = autumn + HOUR
    assert office.check() == []
    office.clock.moment = autumn + HOUR + 45 * MINUTE
    assert office.check() == ["00:30"]

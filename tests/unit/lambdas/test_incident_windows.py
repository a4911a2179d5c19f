"""What incidents are does not depend on the window they are looked at through, nor on runs of other periods in between."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.closing import Outcome
from lambdas.domain.entries import close_row, open_row
from lambdas.domain.errors import ErrorCode
from lambdas.domain.ids import make_run_id
from lambdas.domain.incidents import incidents_of
from lambdas.domain.model import Period, Run, RunStatus, TriggerType
from tests.unit.lambdas.memory import kpi, make_run
from tests.unit.lambdas.test_incidents import ALARMING, BROKEN, DAY, GOOD, MONDAY, Desk, found, seen

HOUR = timedelta(hours=1)
MANUAL = {"trigger_type": "manual"}


def test_an_attempt_says_nothing_though_a_run_of_another_period_came_before_the_next_attempt() -> None:
    backfill = seen(6, day=1, **GOOD | MANUAL)
    assert found(seen(5, **BROKEN), backfill, seen(7, day=5, retry_seq=1, **GOOD)) == []


def test_a_repair_that_is_tried_twice_does_not_unsay_the_failure_it_repairs() -> None:
    repair = [seen(6, day=5, **BROKEN | MANUAL), seen(7, day=5, retry_seq=1, **GOOD | MANUAL)]
    assert found(seen(5, **BROKEN), *repair) == [("run_failure", "closed", 5, 5, 7)]


class Log(Desk):
    """A desk at which runs of any period start at any time."""

    def at(self, moment: datetime, day: int, status: RunStatus, *, manual: bool = False) -> Run:
        period = Period(start=MONDAY + day * DAY, end=MONDAY + (day + 1) * DAY)
        trigger = TriggerType.MANUAL if manual else TriggerType.TIME
        run = make_run(kpi(), run_id=make_run_id(moment, 0), started_at=moment, period=period, trigger_type=trigger)
        code = ErrorCode.SQL_ERROR if status is RunStatus.FAILED else None
        self.logs.add(open_row(run), close_row(run, Outcome(status=status, error_code=code), moment, sla_breached=False))
        return run

    def told(self, since: datetime) -> set[tuple[str, int, str]]:
        return {
            (each.incident.incident_id, each.incident.runs, each.incident.state.value)
            for each in self.log.since("skyway", "prod", since).items
        }


def test_a_backfill_at_the_beginning_of_the_window_is_still_one_of_the_past() -> None:
    log = Log()
    log.at(MONDAY + 40 * DAY, 39, RunStatus.SUCCESS)
    log.at(MONDAY + 40 * DAY + HOUR, 3, RunStatus.SUCCESS, manual=True)
    log.at(MONDAY + 40 * DAY + 2 * HOUR, 4, RunStatus.FAILED, manual=True)
    log.at(MONDAY + 41 * DAY, 40, RunStatus.SUCCESS)
    assert log.told(MONDAY) == set()
    assert log.told(MONDAY + 40 * DAY + HOUR / 2) == set()


def test_an_incident_of_hundreds_of_runs_keeps_its_name_while_the_window_moves_on() -> None:
    log = Log()
    log.at(MONDAY - HOUR, -1, RunStatus.SUCCESS)
    first = log.at(MONDAY, 0, RunStatus.FAILED)
    for number in range(1, 700):
        log.at(MONDAY + number * HOUR, number, RunStatus.FAILED)
    for hours in (100, 300, 500, 690):
        assert log.told(MONDAY + hours * HOUR) == {(f"run_failure-{first.run_id:019d}", 700, "open")}


@given(
    st.lists(st.tuples(st.sampled_from([RunStatus.SUCCESS, RunStatus.FAILED]), st.booleans()), min_size=2, max_size=10), st.integers(0, 9)
)
@settings(deadline=None)
def test_through_any_window_the_incidents_are_those_of_the_whole_log_that_its_runs_show(
    runs: list[tuple[RunStatus, bool]], cut: int
) -> None:
    log = Log()
    log.at(MONDAY, 0, RunStatus.SUCCESS)
    made = []
    for number, (status, manual) in enumerate(runs, start=1):
        made.append(log.at(MONDAY + number * DAY, number // 2 if manual else number, status, manual=manual))
    since = MONDAY + min(cut, len(runs)) * DAY
    last = {each.incident.incident_id: each.incident.last.run_id for each in log.log.since("skyway", "prod", MONDAY - DAY).items}
    opening = make_run_id(since, 0)
    whole = {each for each in log.told(MONDAY - DAY) if last[each[0]] >= opening}
    assert log.told(since) == whole


def test_an_incident_keeps_its_name_when_another_attempt_fails_too() -> None:
    """Who took it on after the first attempt has taken it on."""
    attempts = [seen(5, **BROKEN), seen(6, day=5, retry_seq=1, **BROKEN), seen(7, day=5, retry_seq=2, **BROKEN)]
    named = {incidents_of(attempts[:count], ALARMING)[0].incident_id for count in (1, 2, 3)}
    assert named == {f"run_failure-{1005:019d}"}
    (incident,) = incidents_of(attempts, ALARMING)
    assert (incident.runs, incident.first.run_id) == (1, 1007), "earlier attempts still count for nothing"
    assert all(incident.shown_by(f"run_failure-{run.run_id:019d}") for run in attempts)

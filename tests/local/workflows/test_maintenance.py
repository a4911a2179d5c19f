"""Workflow B of K28: pause/resume for maintenance.

1. Admin selects KPI -> Pause (global or scoped).
2. Scheduler skips runs; dashboards show maintenance badge.
3. Fix deployed -> Resume -> post-validation enforced on first run.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lambdas.domain.timestamps import iso
from tests.local.conftest import wait_until
from tests.local.workflows.books import Books
from tests.local.workflows.changes import version
from tests.local.workflows.company import DAYS, Company
from tests.local.workflows.http import Answer
from tests.local.workflows.mailbox import Mailbox
from tests.local.workflows.people import People

pytestmark = pytest.mark.local
BAD_DAY = DAYS[2]
"""6 March 2013: a snowstorm, of which the rule `usual` warns."""
LONG_ENOUGH = 8
"""Seconds of a pause in which a run surely begins."""
ETA = "2027-01-05T18:00:00Z"
BANNER = {"text": "The warehouse moves to new hardware", "eta": ETA}


def test_workflow_b_pause_and_resume_for_maintenance(
    company: Company, people: People, books: Books, mailbox: Mailbox, tmp_path: Path
) -> None:
    kpi_id = company.kpi_id("B")
    (before,) = company.run(kpi_id, [BAD_DAY])
    assert before.state == "success", "the rule only warns"
    pause(company, people, mailbox)
    scheduler_skips_runs(company)
    dashboards_show_the_badge(company, people)
    an_admin_runs_it_in_spite_of_the_pause(company, people)
    resume(company, people)
    post_validation_is_enforced_on_the_first_run(company)
    assert books.trail(kpi_id) == ["kpi.maintenance", "kpi.maintenance", "kpi.run", "kpi.resume"]
    assert books.evidence(kpi_id, tmp_path)["runs"] > 0
    books.balance(kpi_id)


def test_workflow_b_both_admins_pause_airports_at_the_same_moment_and_no_event_is_lost(
    company: Company, people: People, books: Books
) -> None:
    kpi_id = company.kpi_id("C")
    airports = ("EWR", "JFK", "LGA")

    def pause_one(number: int) -> Answer:
        who = (people.admin, people.business)[number % 2]
        body = {"entity": airports[number % len(airports)], "reason": "snow is cleared"}
        return who.post(version(kpi_id, "1.0.0", "pause"), body)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(pause_one, range(6)))
    assert sorted(answer.status for answer in answers) == [200, 200, 200, 409, 409, 409], "each airport once"
    for airport in airports:
        people.admin.post(version(kpi_id, "1.0.0", "resume"), {"entity": airport, "reason": "the runways are clear"}).ok()
    assert sorted(books.trail(kpi_id)[:6]) == ["kpi.pause"] * 3 + ["kpi.resume"] * 3
    books.balance(kpi_id)


def test_workflow_b_a_pause_of_everything_ends_by_itself(company: Company, people: People, books: Books) -> None:
    body = {"step": "begin", "banner": BANNER, "reason": "everything moves"}
    endless = people.admin.post("/maintenance", body, environment="dev")
    assert endless.refusal == (403, "POLICY_DENY")
    soon = iso(datetime.now(UTC) + timedelta(seconds=LONG_ENOUGH))
    begun = people.admin.post("/maintenance", body | {"until": soon}, environment="dev").ok()
    assert (begun["object_type"], begun["environment"]) == ("environment", "dev")
    (during,) = company.run(company.kpi_id("A"), [DAYS[0]], "dev")
    assert (during.state, during.document["error_code"]) == ("skipped", "PAUSED")
    wait_until(lambda: iso(datetime.now(UTC)) > soon, seconds=LONG_ENOUGH, what="the end of the pause")
    (after,) = company.run(company.kpi_id("A"), [DAYS[0]], "dev")
    assert after.state == "success"
    books.balance(company.kpi_id("A"))


def pause(company: Company, people: People, mailbox: Mailbox) -> None:
    """1. Admin selects KPI -> Pause (scoped): with a reason, a banner and an ETA; a reader cannot."""
    kpi_id = company.kpi_id("B")
    body = {"step": "begin", "kpi_id": kpi_id, "banner": BANNER, "reason": "the warehouse moves"}
    assert people.cfo.post("/maintenance", body).refusal == (403, "POLICY_DENY")
    begun = people.admin.post("/maintenance", body).ok()
    assert begun["details"]["eta"] == ETA
    assert people.business.post(version(kpi_id, "1.0.0", "pause"), {"reason": "me too"}).refusal == (409, "CONFLICT")
    later = BANNER | {"eta": "2027-01-05T20:00:00Z"}
    people.admin.post("/maintenance", {"step": "update", "kpi_id": kpi_id, "banner": later, "reason": "it takes longer"}).ok()
    assert mailbox.told(begun["event_id"], on="routine")["eta"] == ETA, "owners and consumers are told"


def scheduler_skips_runs(company: Company) -> None:
    """2. Scheduler skips runs: the KPI's own schedule fires, and the run log says why nothing ran."""
    marker = _fired(company, company.kpi_id("B"))
    wait_until(lambda: len(_rows(company, marker)) == 2, seconds=60, what=f"the run of {marker}")
    closed = next(row for row in _rows(company, marker) if row["entry"] == "close")
    assert (closed["status"], closed["error_code"]) == ("skipped", "PAUSED")
    assert "expected back 2027-01-05T20:00:00Z" in closed["error_message"]
    assert "the warehouse moves" in closed["error_message"]


def dashboards_show_the_badge(company: Company, people: People) -> None:
    """2. Dashboards show maintenance badge: whoever reads the KPI sees the banner and until when."""
    shown = people.cfo.get(f"/kpis/{company.kpi_id('B')}").ok()["pause"]
    assert shown["banner"] == {"text": BANNER["text"], "eta": "2027-01-05T20:00:00Z"}


def an_admin_runs_it_in_spite_of_the_pause(company: Company, people: People) -> None:
    """2. An override is an admin's, says why, and is recorded."""
    kpi_id = company.kpi_id("B")
    period = {"start": iso(DAYS[1]), "end": iso(DAYS[2])}
    pause_id = people.cfo.get(f"/kpis/{kpi_id}").ok()["pause"]["pause_id"]
    body = {"period": period, "during_pause": True, "reason": "the board meets today"}
    assert people.cfo.post(f"/kpis/{kpi_id}/run", body).refusal == (403, "POLICY_DENY")
    asked = people.admin.post(f"/kpis/{kpi_id}/run", body).ok(202)
    assert asked["details"]["during_pause"] is True
    marker = f"api/{asked['actor']['subject']} (despite pause {pause_id})"
    wait_until(lambda: len(_rows(company, marker)) == 2, seconds=60, what=f"the run of {marker}")
    assert next(row for row in _rows(company, marker) if row["entry"] == "close")["status"] == "success"


def resume(company: Company, people: People) -> None:
    """3. Fix deployed -> Resume."""
    ended = people.admin.post(version(company.kpi_id("B"), "1.0.0", "resume"), {"reason": "the warehouse moved"}).ok()
    assert ended["details"]["first_run"] == "post-validation is enforced"
    again = people.admin.post(version(company.kpi_id("B"), "1.0.0", "resume"), {"reason": "once more"})
    assert again.refusal == (409, "CONFLICT")
    assert people.cfo.get(f"/kpis/{company.kpi_id('B')}").ok()["pause"] is None


def post_validation_is_enforced_on_the_first_run(company: Company) -> None:
    """3. Post-validation enforced on first run: what only warned before stops the delivery now, until a run has passed."""
    kpi_id = company.kpi_id("B")
    (first,) = company.run(kpi_id, [BAD_DAY])
    assert (first.state, first.document["error_code"]) == ("failed", "VALIDATION_FAIL_POST")
    (good,) = company.run(kpi_id, [DAYS[0]])
    assert good.state == "success"
    (later,) = company.run(kpi_id, [BAD_DAY])
    assert later.state == "success", "the KPI has proven itself; the rule only warns again"


def _fired(company: Company, kpi_id: str) -> str:
    """Let the Scheduler fire the KPI's own target once, in two seconds; gives the run's marker."""
    scheduler, group = company.stack.client("scheduler"), company.stem("prod")
    target = scheduler.get_schedule(GroupName=group, Name=kpi_id)["Target"]
    marker = f"schedule-{uuid4().hex[:12]}"
    payload = json.loads(target["Input"]) | {"scheduled_at": "2013-03-05T11:00:00Z", "triggered_by": marker}
    due = datetime.now(UTC) + timedelta(seconds=2)
    scheduler.create_schedule(
        Name=marker,
        GroupName=group,
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ScheduleExpressionTimezone="UTC",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=target | {"Input": json.dumps(payload)},
    )
    return marker


def _rows(company: Company, marker: str) -> list[dict[str, Any]]:
    rows = company.stack.log_rows("run", company.tenant, kpi_id=company.kpi_id("B"))
    run_ids = {row["run_id"] for row in rows if row.get("triggered_by") == marker}
    return [row for row in rows if row["run_id"] in run_ids]

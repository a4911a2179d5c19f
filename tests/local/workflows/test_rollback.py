"""Workflow C of K28: hotfix/rollback.

1. Issue detected -> Rollback to last healthy version.
2. Error handling routes alerts; logs capture rollback event.
3. Post-mortem auto-snapshot: runs, failures, rules triggered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.local.workflows.books import Books
from tests.local.workflows.changes import asked_for, running, sign, status, version
from tests.local.workflows.company import DAYS, Company, kpi, written
from tests.local.workflows.mailbox import Mailbox
from tests.local.workflows.people import People

pytestmark = pytest.mark.local
BAD = "2.0.0"
WHY = "departures are counted twice"
TWICE = """\
SELECT COALESCE(origin, 'ALL') AS entity,
       2 * CAST(SUM(CASE WHEN departure_delay < 15 THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0) AS value,
       COUNT(*) AS rows_processed
FROM gdp_flights
WHERE flight_date >= :period_start AND flight_date < :period_end AND loaded_at <= :as_of
GROUP BY GROUPING SETS ((origin), ())
"""


def test_workflow_c_hotfix_and_rollback(company: Company, people: People, books: Books, mailbox: Mailbox, tmp_path: Path) -> None:
    kpi_id = company.kpi_id("C")
    earlier = len(books.trail(kpi_id))
    assert [run.state for run in company.run(kpi_id)] == ["success"] * len(DAYS), "1.0.0 is healthy"
    a_bad_version_goes_live(company, people)
    issue_detected(company)
    receipt = rollback(company, people)
    alerts_are_routed_and_the_log_tells_it(company, people, mailbox, receipt)
    post_mortem(company, people, receipt)
    assert [run.state for run in company.run(kpi_id)] == ["success"] * len(DAYS), "the KPI delivers again"
    assert books.trail(kpi_id)[earlier:] == ["kpi.create", "kpi.submit", "kpi.approve", "kpi.publish", "kpi.rollback"]
    records = books.evidence(kpi_id, tmp_path)
    assert records["runs"] >= 2 * (2 * len(DAYS) + 1), "opening and closing of every run"
    books.balance(kpi_id)


def a_bad_version_goes_live(company: Company, people: People) -> None:
    """A change that looked good to everybody."""
    kpi_id = company.kpi_id("C")
    bad = kpi(kpi_id, BAD, company.tenant, expression={"sql": TWICE})
    people.admin.post("/kpis", {"definition": written(bad), "reason": WHY}).ok(201)
    request_id = asked_for(people.admin, kpi_id, BAD, "publish", reason=WHY)
    assert sign(people.technical, request_id, "technical").ok()["details"]["state"] == "approved"
    assert people.admin.post(version(kpi_id, BAD, "publish"), {"reason": WHY}).ok()["details"]["superseded"] == "1.0.0"


def issue_detected(company: Company) -> None:
    """1. Issue detected: the value is out of its bounds, and is not delivered."""
    (run,) = company.run(company.kpi_id("C"), DAYS[:1])
    assert (run.state, run.document["error_code"]) == ("failed", "VALIDATION_FAIL_POST")
    (opened,) = [row for row in company.log("run", run) if row["entry"] == "open"]
    assert opened["contract_version"] == BAD


def rollback(company: Company, people: People) -> dict[str, Any]:
    """1. Rollback to last healthy version: one call without a signature, by the admin on duty of the platform."""
    kpi_id, body = company.kpi_id("C"), {"reason": "on-time rates above 100%"}
    assert people.cfo.post(version(kpi_id, BAD, "rollback"), body).refusal == (403, "POLICY_DENY")
    assert people.admin.post(version(kpi_id, "1.0.0", "rollback"), body).refusal == (409, "CONFLICT"), "that is not what runs"
    receipt = people.operator.post(version(kpi_id, BAD, "rollback"), body).ok()
    assert (receipt["details"]["version"], receipt["details"]["rolled_back"]) == ("1.0.0", BAD)
    assert running(people.cfo, kpi_id) == "1.0.0"
    assert status(people.cfo, kpi_id, BAD) == "deprecated"
    again = people.admin.post(version(kpi_id, "1.0.0", "rollback"), body)
    assert again.refusal == (403, "POLICY_DENY"), "before 1.0.0 there was nothing healthy"
    return receipt


def alerts_are_routed_and_the_log_tells_it(company: Company, people: People, mailbox: Mailbox, receipt: dict[str, Any]) -> None:
    """2. Error handling routes alerts; logs capture rollback event, with who acted for whom."""
    (event,) = people.auditor.items("/audit", kpi_id=company.kpi_id("C"), action="kpi.rollback", environment="prod")
    assert event["hash"] == receipt["hash"]
    assert (event["actor"]["role"], event["actor"]["acting_for"]) == ("platform-admin", True)
    for topic in ("urgent", "routine"):
        assert mailbox.told(receipt["event_id"], on=topic)["action"] == "kpi.rollback"


def post_mortem(company: Company, people: People, receipt: dict[str, Any]) -> None:
    """3. Post-mortem auto-snapshot: runs, failures, rules triggered, as the event vouches for it."""
    found = people.auditor.get(version(company.kpi_id("C"), BAD, "post-mortem")).ok()
    assert (found["event_id"], found["sha256"]) == (receipt["event_id"], receipt["details"]["post_mortem_sha256"])
    snapshot = found["snapshot"]
    assert (snapshot["version"], snapshot["reason"]) == (BAD, "on-time rates above 100%")
    assert [run["status"] for run in snapshot["runs"]] == ["failed"]
    assert [run["error_code"] for run in snapshot["failures"]] == ["VALIDATION_FAIL_POST"]
    assert {rule["rule_id"] for rule in snapshot["rules"]} == {"ratio-bounds"}

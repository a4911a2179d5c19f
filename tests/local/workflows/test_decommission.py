"""Workflow D of K28: decommission a KPI.

1. Mark Deprecated -> warn consumers.
2. After grace period -> Retire; archive lineage and mappings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.domain.timestamps import parse
from tests.local.conftest import wait_until
from tests.local.workflows.books import Books
from tests.local.workflows.changes import asked_for, read, running, sign, status, version
from tests.local.workflows.company import DAYS, Company
from tests.local.workflows.mailbox import Mailbox
from tests.local.workflows.people import People

pytestmark = pytest.mark.local
WHY = "replaced by the on-time arrival rate"


def test_workflow_d_decommission_a_kpi(company: Company, people: People, books: Books, mailbox: Mailbox, tmp_path: Path) -> None:
    kpi_id, reader = company.kpi_id("D"), company.kpi_id("E")
    wait_until(lambda: {kpi_id, reader} <= company.schedules(), seconds=5, what="the schedules of both KPIs")
    receipts = mark_deprecated(company, people)
    grace = the_grace_is_kept(company, people)
    consumers_are_warned(receipts, mailbox)
    wait_until(lambda: datetime.now(UTC) > grace, seconds=30, what="the end of the grace")
    retire(company, people)
    lineage_and_mappings_are_archived(company, people)
    way = ["kpi.submit", "kpi.approve", "kpi.deprecate", "kpi.submit", "kpi.approve", "kpi.retire"]
    assert books.trail(kpi_id) == books.trail(reader) == way
    assert books.evidence(kpi_id, tmp_path)["approvals"] == 2
    books.balance(kpi_id)
    books.balance(reader)


def mark_deprecated(company: Company, people: People) -> list[dict[str, Any]]:
    """1. Mark Deprecated: what it touches is known before, and somebody else signs. Gives the receipts."""
    kpi_id, reader = company.kpi_id("D"), company.kpi_id("E")
    sentences = people.admin.get(f"/kpis/{kpi_id}/impact", change="deprecation").ok()["sentences"]
    assert any(reader in sentence for sentence in sentences)
    unasked = people.admin.post(version(kpi_id, "1.0.0", "deprecate"), {"reason": WHY})
    assert unasked.refusal == (403, "POLICY_DENY")
    receipts: list[dict[str, Any]] = []
    for each in (reader, kpi_id):
        request_id = asked_for(people.admin, each, "1.0.0", "deprecate", reason=WHY)
        assert sign(people.admin, request_id, "technical").refusal == (403, "POLICY_DENY"), "nobody approves their own"
        sign(people.technical, request_id, "technical").ok()
        receipts.append(people.admin.post(version(each, "1.0.0", "deprecate"), {"reason": WHY}).ok())
    return receipts


def the_grace_is_kept(company: Company, people: People) -> datetime:
    """2. After grace period: not before it, whoever signed. Gives its end."""
    kpi_id, reader = company.kpi_id("D"), company.kpi_id("E")
    request_id = asked_for(people.admin, kpi_id, "1.0.0", "retire", reason=WHY)
    assert read(people.technical, request_id)["request"]["impact"]["downstream"] == [reader]
    sign(people.technical, request_id, "technical").ok()
    early = people.admin.post(version(kpi_id, "1.0.0", "retire"), {"reason": WHY})
    assert early.refusal == (403, "POLICY_DENY")
    assert "its consumers were promised it until" in early.body["detail"]
    assert status(people.cfo, kpi_id, "1.0.0") == "deprecated"
    assert running(people.cfo, kpi_id) == "1.0.0"
    (run,) = company.run(kpi_id, DAYS[:1])
    assert run.state == "success", "its consumers have it until the grace is over"
    return parse(early.body["detail"].rpartition("until ")[2].partition(";")[0])


def consumers_are_warned(receipts: Sequence[dict[str, Any]], mailbox: Mailbox) -> None:
    """1. Warn consumers: they are named in the event, and told until when they have it."""
    for receipt in receipts:
        assert "dashboard: Skyway operations" in receipt["details"]["consumers"]
        assert receipt["details"]["retire_after"] > receipt["at"]
        message = mailbox.told(receipt["event_id"], on="routine")
        assert (message["action"], message["kpi_id"]) == ("kpi.deprecate", receipt["object_id"])
        assert "consumers" in message["audience"]


def retire(company: Company, people: People) -> None:
    """2. Retire: what still reads it goes first; then nothing of it runs, and its schedule is gone."""
    kpi_id, reader = company.kpi_id("D"), company.kpi_id("E")
    needed = people.admin.post(version(kpi_id, "1.0.0", "retire"), {"reason": WHY})
    assert needed.refusal == (403, "POLICY_DENY")
    assert f"{reader} read it and are active" in needed.body["detail"]
    request_id = asked_for(people.admin, reader, "1.0.0", "retire", reason=WHY)
    sign(people.technical, request_id, "technical").ok()
    for each in (reader, kpi_id):
        people.admin.post(version(each, "1.0.0", "retire"), {"reason": WHY}).ok()
        assert (status(people.cfo, each, "1.0.0"), running(people.cfo, each)) == ("retired", None)
    wait_until(lambda: not {kpi_id, reader} & company.schedules(), seconds=30, what="the end of the schedules")
    (run,) = company.run(kpi_id, DAYS[:1])
    assert run.state == "broken"
    assert "has no active version" in run.why


def lineage_and_mappings_are_archived(company: Company, people: People) -> None:
    """2. Archive lineage and mappings: what the retired version read and who consumed it."""
    kpi_id = company.kpi_id("D")
    archive = people.auditor.get(version(kpi_id, "1.0.0", "archive")).ok()["archive"]
    assert archive["golden_data"] == {"GDP_Flights": ["departure_delay", "flight_date", "loaded_at", "origin"]}
    assert archive["consumers"] == ["dashboard: Skyway operations"]
    assert archive["reports"] == ["daily: operations@skyway.example"]
    assert people.cfo.get(f"/kpis/{kpi_id}/lineage").refusal == (404, "NOT_FOUND"), "it is part of no live lineage any more"
    again = people.admin.post(version(kpi_id, "1.0.0", "rollback"), {"reason": "bring it back"})
    assert again.refusal == (404, "NOT_FOUND"), "what is retired stays so"

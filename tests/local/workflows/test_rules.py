"""Rules of change that a tenant sets (K31): when changes go live, and who signs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.domain.timestamps import iso
from tests.local.conftest import wait_until
from tests.local.workflows.books import Books
from tests.local.workflows.changes import asked_for, running, sign, version
from tests.local.workflows.company import Company
from tests.local.workflows.mailbox import Mailbox
from tests.local.workflows.people import People

pytestmark = pytest.mark.local
WHERE = "stg"
WHY = "nobody looks at it any more"
URGENT_REASON = "the regulator asks for it today, before the books are closed"


def ruled(people: People, settings: dict[str, Any], reason: str) -> None:
    """Set rules; every process knows them a second later."""
    people.admin.put("/tenant/settings", {"settings": settings, "reason": reason}, environment=WHERE).ok()
    time.sleep(1.2)


def frozen(people: People, seconds: float) -> str:
    """The tenant closes its books: no changes until then. Gives the moment."""
    now = datetime.now(UTC)
    until = iso(now + timedelta(seconds=seconds))
    freeze = {"start": iso(now - timedelta(hours=1)), "until": until, "reason": "the books are closed"}
    ruled(people, {"policy": {"freezes": [freeze]}}, "month end")
    return until


@pytest.fixture
def as_before(people: People) -> Iterator[None]:
    """Puts the rules back that the tenant was onboarded with."""
    yield
    ruled(people, {}, "as it was")


def signed(people: People, kpi_id: str) -> str:
    """A signed request to stop a KPI."""
    request_id = asked_for(people.admin, kpi_id, "1.0.0", "unpublish", reason=WHY, environment=WHERE)
    sign(people.technical, request_id, "technical", WHERE).ok()
    return request_id


@pytest.mark.usefixtures("as_before")
def test_a_signed_change_waits_for_the_end_of_a_freeze_and_is_carried_on_by_itself(company: Company, people: People, books: Books) -> None:
    kpi_id = company.kpi_id("F")
    signed(people, kpi_id)
    until = frozen(people, 8)
    waits = people.admin.post(version(kpi_id, "1.0.0", "unpublish"), {"reason": WHY}, environment=WHERE)
    assert waits.ok(202)["action"] == "kpi.unpublish_waits"
    assert waits.body["details"]["waits_until"] == until
    assert running(people.cfo, kpi_id, WHERE) == "1.0.0"
    wait_until(lambda: running(people.cfo, kpi_id, WHERE) is None, seconds=60, what=f"the end of {kpi_id} after {until}")
    (done,) = people.auditor.items("/audit", kpi_id=kpi_id, action="kpi.unpublish", environment=WHERE)
    assert done["at"] >= until
    assert (done["actor"]["role"], len(done["approvers"])) == ("system", 1), "who signed is told, and that nobody pressed a button"
    books.balance(kpi_id)


@pytest.mark.usefixtures("as_before")
def test_breaking_the_glass_needs_a_signature_and_a_reason_and_pages(
    company: Company, people: People, books: Books, mailbox: Mailbox
) -> None:
    kpi_id = company.kpi_id("G")
    frozen(people, 600)

    def stop(reason: str) -> Any:
        return people.admin.post(version(kpi_id, "1.0.0", "unpublish"), {"reason": reason, "break_glass": True}, environment=WHERE)

    assert stop(URGENT_REASON).refusal == (403, "POLICY_DENY"), "it goes around the window, not around signatures"
    signed(people, kpi_id)
    assert stop("now").refusal == (403, "POLICY_DENY")
    receipt = stop(URGENT_REASON).ok()
    assert receipt["details"]["break_glass"] is True
    assert running(people.cfo, kpi_id, WHERE) is None
    assert mailbox.told(receipt["event_id"], on="urgent")["break_glass"] is True
    books.balance(kpi_id)


@pytest.mark.usefixtures("as_before")
def test_only_those_sign_whom_the_tenant_named(company: Company, people: People, books: Books) -> None:
    kpi_id = company.kpi_id("H")
    named = {"policy": {"approvers": {"technical": [people.business.subject]}}}
    ruled(people, named, "the technical lead is on leave")
    request_id = asked_for(people.admin, kpi_id, "1.0.0", "unpublish", reason=WHY, environment=WHERE)
    refused = sign(people.technical, request_id, "technical", WHERE)
    assert refused.refusal == (403, "POLICY_DENY")
    assert sign(people.business, request_id, "technical", WHERE).ok()["details"]["state"] == "approved"
    people.admin.post(f"/approvals/{request_id}/withdraw", {"reason": "it is needed after all"}, environment=WHERE).ok()
    assert running(people.cfo, kpi_id, WHERE) == "1.0.0"
    books.balance(kpi_id)

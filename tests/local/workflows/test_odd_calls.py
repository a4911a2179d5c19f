"""Calls that are nearly right, through API Gateway: each is refused in words, and leaves neither a row nor an event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.domain.timestamps import iso
from tests.local.workflows.books import Books
from tests.local.workflows.changes import version
from tests.local.workflows.company import Company
from tests.local.workflows.people import People

pytestmark = pytest.mark.local


def in_an_hour() -> str:
    return iso(datetime.now(UTC) + timedelta(hours=1))


def test_a_bulk_pause_of_another_version_than_the_one_that_runs_pauses_nothing(company: Company, people: People, books: Books) -> None:
    kpi_id = company.kpi_id("B")
    body = {"action": "kpi.pause", "items": [{"kpi_id": kpi_id, "version": "9.9.9"}], "reason": "the feed is late"}
    answer = people.admin.post("/bulk", body).ok()
    assert [(each["kpi_id"], each["code"]) for each in answer["refused"]] == [(kpi_id, "CONFLICT")]
    assert people.admin.post(version(kpi_id, "1.0.0", "resume"), {"reason": "it was paused"}).refusal == (409, "CONFLICT")
    books.balance(kpi_id)


@pytest.mark.parametrize("eta", ["2020-01-01T00:00:00Z", "after lunch"])
def test_a_maintenance_says_when_it_is_expected_to_be_over(company: Company, people: People, books: Books, eta: str) -> None:
    kpi_id = company.kpi_id("B")
    body = {"step": "begin", "kpi_id": kpi_id, "banner": {"text": "The feed moves", "eta": eta}, "reason": "the feed moves"}
    answer = people.admin.post("/maintenance", body)
    assert answer.refusal == (400, "INVALID_INPUT")
    assert "the ETA of a banner is a moment to come" in answer.body["detail"]
    books.balance(kpi_id)


def test_a_platform_admin_who_mistypes_the_tenant_is_told(company: Company, people: People, books: Books) -> None:
    nobody = f"{company.tenant}x"
    until = in_an_hour()
    body = {"step": "begin", "banner": {"text": "Everything moves", "eta": until}, "until": until, "reason": "everything moves"}
    answer = replace(people.operator, tenant=nobody).post("/maintenance", body)
    assert answer.refusal == (404, "NOT_FOUND")
    assert f"there is no tenant {nobody}" in answer.body["detail"]
    books.balance(company.kpi_id("B"))


def test_a_run_is_not_recorded_for_what_no_execution_could_take(company: Company, people: People, books: Books) -> None:
    kpi_id = company.kpi_id("B")
    answer = people.admin.post(f"/kpis/{kpi_id}/run", {"entities": ["x" * 200_000], "reason": "one airport"})
    assert answer.refusal == (400, "INVALID_INPUT")
    books.balance(kpi_id)

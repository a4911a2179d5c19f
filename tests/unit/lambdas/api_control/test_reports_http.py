"""Reports that were made, through HTTP: newest first, with a link, for whoever may read results of the tenant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.lambdas.api_control.service import ADA, CFO, RIVAL, Service

PATH = "/report-subscriptions/weekly/reports"
SUBSCRIPTION = {"pack": "operations", "frequency": "weekly", "recipients": ["cfo@skyway.example"]}


@pytest.fixture
def service() -> Service:
    return Service()


def made(service: Service, label: str, end: str, environment: str = "prod", **changes: Any) -> None:
    facts = {
        "about": "pack operations",
        "start": "2025-12-29T00:00:00.000Z",
        "end": end,
        "made_at": "2026-01-05T06:00:00.000Z",
        "format": "html",
        "bytes": 2048,
        "kpis": 3,
        "attention": 1,
    }
    tables = service.office.store.tables.setdefault("skyway", {})
    tables[f"{environment}#reported#weekly#{label}"] = facts | changes


def test_the_newest_comes_first_with_a_link_to_it(service: Service) -> None:
    made(service, "2025-W52", "2025-12-29T00:00:00.000Z")
    made(service, "2026-W01", "2026-01-05T00:00:00.000Z", format="csv")
    found = service.get(PATH, by=CFO).body
    assert [item["label"] for item in found["items"]] == ["2026-W01", "2025-W52"]
    newest = found["items"][0]
    assert newest["url"] == "https://reports.example/skyway/prod/weekly/2026-W01.csv?signed"
    assert (newest["format"], newest["bytes"], newest["kpis"], newest["attention"]) == ("csv", 2048, 3, 1)
    assert (newest["url_expires_at"], found["next_cursor"]) == ("2026-01-05T09:15:00.000Z", None)


def test_they_come_page_by_page_in_the_order_of_time_also_when_the_frequency_changed(service: Service) -> None:
    made(service, "2025-12", "2026-01-01T00:00:00.000Z")
    made(service, "2026-W01", "2026-01-05T00:00:00.000Z")
    made(service, "2026-01-04", "2026-01-05T00:00:00.000Z")
    seen: list[str] = []
    query: dict[str, str] = {"limit": "1"}
    while True:
        page = service.get(PATH, **query).body
        seen += [item["label"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = {"limit": "1", "cursor": page["next_cursor"]}
    assert seen == ["2026-W01", "2026-01-04", "2025-12"]


def test_a_subscription_without_reports_has_none_and_one_that_there_is_not_is_not_found(service: Service) -> None:
    service.live()
    assert service.get(PATH).status == 404
    body = {"reason": "the board meets on Mondays", "subscription": SUBSCRIPTION}
    assert service.send("PUT", "/report-subscriptions/weekly", body).status == 200
    assert service.get(PATH).body == {"items": [], "next_cursor": None}
    assert service.get(PATH, environment="dev").status == 404


def test_reports_of_a_subscription_that_was_taken_away_can_still_be_read(service: Service) -> None:
    made(service, "2026-W01", "2026-01-05T00:00:00.000Z")
    assert len(service.get(PATH, by=ADA).body["items"]) == 1


def test_another_tenant_learns_nothing_of_them(service: Service) -> None:
    made(service, "2026-W01", "2026-01-05T00:00:00.000Z")
    refused, guessed = service.get(PATH, by=RIVAL), service.get("/report-subscriptions/other/reports", by=RIVAL)
    assert (refused.status, guessed.status) == (404, 404)
    assert "skyway" not in str(refused.body)

"""The list of change requests over HTTP: by state, oldest first, page by page."""

from __future__ import annotations

from tests.unit.lambdas.api_control.service import RIVAL, Service
from tests.unit.lambdas.control.office import SOURCES, kpi


def submitted(service: Service, count: int) -> list[str]:
    office, found = service.office, []
    for number in range(1, count + 1):
        name = f"SKY-AD-{number:02d}"
        office.plane.definitions.create(office.call(), kpi(id=name), SOURCES)
        found.append(service.post(service.version("1.0.0", "submit", name)).body["request_id"])
        office.later(minutes=1)
    return found


def test_a_list_is_paged_by_age_and_shows_what_is_missing() -> None:
    service = Service()
    numbers = submitted(service, 3)
    first = service.get("/approvals", limit="2").body
    assert [each["request_id"] for each in first["items"]] == numbers[:2]
    assert first["items"][0]["missing"] == ["one signature"]
    rest = service.get("/approvals", limit="2", cursor=first["next_cursor"]).body
    assert ([each["request_id"] for each in rest["items"]], rest["next_cursor"]) == (numbers[2:], None)


def test_a_closed_request_is_listed_when_its_state_is_asked_for() -> None:
    service = Service()
    numbers = submitted(service, 2)
    service.post(f"/approvals/{numbers[0]}/withdraw")
    assert [each["request_id"] for each in service.get("/approvals").body["items"]] == numbers[1:]
    closed = service.get("/approvals", state="withdrawn").body["items"]
    assert [(each["request_id"], each["state"]) for each in closed] == [(numbers[0], "withdrawn")]
    assert service.get("/approvals", kpi_id="SKY-AD-01").body["items"] == []


def test_a_cursor_of_another_list_is_refused_and_opens_no_other_tenant_s() -> None:
    service = Service()
    submitted(service, 3)
    cursor = service.get("/approvals", limit="1").body["next_cursor"]
    assert service.get("/approvals", by=RIVAL, cursor=cursor).body["items"] == []
    answer = service.get("/approvals", cursor="aWQtNA")
    assert (answer.status, answer.body["code"]) == (400, "INVALID_INPUT")

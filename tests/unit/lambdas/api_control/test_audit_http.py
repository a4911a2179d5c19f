"""Audit events over HTTP: by time though calls overtake each other, and by KPI whatever the event's object is."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.audit.event import Actor, Facts
from lambdas.domain.errors import ErrorCode
from lambdas.domain.model import RunStatus
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.api_control.service import Service
from tests.unit.lambdas.api_control.test_monitoring_http import run
from tests.unit.lambdas.control.office import MONDAY

SECOND = timedelta(seconds=1)


def commit(service: Service, at: datetime, number: int) -> None:
    actor = Actor(subject="ada", role="client-admin")
    facts = Facts(
        tenant_id="skyway", event_id=f"e{number}", at=iso(at), actor=actor, action="kpi.pause", object_type="kpi", object_id="SKY-AD-01"
    )
    service.office.store.commit("skyway", [], facts)


@given(st.permutations(range(8)), st.integers(0, 8), st.integers(0, 8), st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_events_of_a_time_are_all_there_though_a_call_that_took_long_was_written_after_later_ones(
    order: list[int], since: int, until: int, limit: int
) -> None:
    service = Service()
    service.office.store.events.clear()
    for number, at in enumerate(order):
        commit(service, MONDAY + at * SECOND, number)
    asked = {"since": iso(MONDAY + since * SECOND), "until": iso(MONDAY + until * SECOND), "limit": str(limit)}
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = service.get("/audit", **asked, **cursor).body
        found += [each["at"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == [iso(MONDAY + at * SECOND) for at in range(since, until)]


def test_reading_ends_where_all_older_events_are_before_the_time_asked_for() -> None:
    service = Service()
    for number in range(50):
        commit(service, MONDAY + number * timedelta(hours=1), number)
    read: list[int] = []
    newest = service.ports.audit.newest

    def counted(tenant_id: str, before: int | None) -> object:
        for event in newest(tenant_id, before):
            read.append(event.seq)
            yield event

    service.ports.audit.newest = counted  # type: ignore[method-assign,assignment]
    assert len(service.get("/audit", since=iso(MONDAY + timedelta(hours=40))).body["items"]) == 10
    assert len(read) == 11


def test_who_took_on_an_incident_of_a_kpi_is_among_the_events_of_the_kpi() -> None:
    service = Service()
    run(service, 3, RunStatus.FAILED, ErrorCode.SQL_ERROR)
    (incident,) = service.get("/incidents").body["items"]
    service.post(f"/incidents/{incident['incident_id']}/acknowledge", {"reason": "I look into it"})
    events = service.get("/audit", kpi_id=incident["kpi_id"]).body["items"]
    assert [each["reason"] for each in events if each["action"] == "incident.acknowledge"] == ["I look into it"]
    assert "incident.acknowledge" not in {each["action"] for each in service.get("/audit", kpi_id="SKY-NO-01").body["items"]}

"""Who is told of what: topics, queue and bus, once for each event, and never a definition or a reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from kpis.common import Environment
from lambdas.adapters.tenant_list import Place
from lambdas.domain.audit.event import AuditEvent, Facts
from lambdas.domain.control.pauses import Banner, Scope
from lambdas.domain.errors import KpiError
from lambdas.domain.notices import SUBJECT_LENGTH, Topic, notice_of
from lambdas.domain.timestamps import iso
from lambdas.governance.handler import audit_events
from tests.unit.lambdas.audit.factory import facts, rechained
from tests.unit.lambdas.control.office import BEN, SOURCES, Office, kpi
from tests.unit.lambdas.governance.rig import Rig

SECRET = "the password is hunter2"


@pytest.fixture
def rig() -> Rig:
    return Rig()


def submit(rig: Rig, reason: str = "because it is better") -> AuditEvent:
    rig.office.plane.definitions.create(rig.office.call(reason=reason), kpi(), SOURCES)
    return rig.office.plane.approvals.submit(rig.office.call(reason=reason), "SKY-AD-01", "1.0.0")


def event(**fields: object) -> AuditEvent:
    return rechained([Facts.model_validate(facts(1).model_dump() | fields)])[0]


def test_approvers_are_told_of_a_request_on_the_routine_topic_in_the_queue_and_on_the_bus(rig: Rig) -> None:
    asked = submit(rig)
    rig.tell()
    assert [(topic, notice.event) for topic, notice in rig.channels.published] == [(Topic.ROUTINE, asked)]
    (message,) = [notice.as_json() for notice in rig.channels.queued]
    assert message["request_id"] == asked.request_id
    assert message["audience"] == ["approvers"]
    assert (message["kpi_id"], message["contract_version"], message["environment"]) == ("SKY-AD-01", "1.0.0", "prod")
    assert message["links"]["request"] == f"/approvals/{asked.request_id}"
    assert message["event_id"] == asked.event_id
    assert rig.bus.events == [("kpi.change_request.pending", message)]


def test_what_is_told_holds_no_definition_no_reason_and_no_secret(rig: Rig) -> None:
    asked = submit(rig, SECRET)
    rig.office.sign(asked)
    rig.office.plane.publishing.publish(rig.office.call(reason=SECRET), "SKY-AD-01", "1.0.0")
    rig.office.plane.pausing.pause(
        rig.office.call(reason=SECRET), Scope(kpi_id="SKY-AD-01"), banner=Banner(text=SECRET, eta=iso(rig.office.clock.now()))
    )
    rig.tell()
    assert len(rig.channels.published) >= 4
    text = json.dumps([[notice.as_json(), notice.attributes, notice.subject] for _, notice in rig.channels.published] + rig.bus.events)
    definition = rig.office.version("1.0.0").kpi
    for secret in (SECRET, definition.purpose, definition.name, str(definition.expression)):
        assert secret not in text


def test_the_bus_hears_of_publications_and_pauses_and_of_nothing_else(rig: Rig) -> None:
    office = rig.office
    asked = submit(rig)
    office.sign(asked)
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    until = office.clock.now() + timedelta(hours=1)
    office.plane.pausing.pause(office.call(), Scope(kpi_id="SKY-AD-01"), until=until, banner=Banner(text="Patches", eta=iso(until)))
    office.plane.pausing.maintain(office.call(), Scope(kpi_id="SKY-AD-01"), Banner(text="Later", eta=iso(until)))
    office.plane.pausing.resume(office.call(), Scope(kpi_id="SKY-AD-01"))
    rig.tell()
    assert [kind for kind, _ in rig.bus.events] == ["kpi.change_request.pending", "kpi.version.published", "kpi.paused"]
    assert rig.bus.events[-1][1]["until"] == iso(until)


def test_whoever_breaks_the_glass_wakes_somebody() -> None:
    for fields in ({"details": {"notify": ["owners", "page"]}}, {"details": {"notify": ["owners"], "break_glass": True}}):
        notice = notice_of(event(**fields))
        assert notice.topics == (Topic.URGENT, Topic.ROUTINE)
        assert notice.as_json()["severity"] == "urgent"


def test_an_event_for_nobody_is_told_to_nobody(rig: Rig) -> None:
    rig.teller.handle([event(action="tenant.settings", details={"notify": "everybody"}), event(details={"notify": ["martians"]})])
    assert (rig.channels.published, rig.channels.queued) == ([], [])


def test_decisions_reach_the_queue_so_that_portals_can_close_what_they_show(rig: Rig) -> None:
    asked = submit(rig)
    rig.office.sign(asked, by=(BEN,))
    rig.tell()
    assert [(each["action"], each.get("state")) for each in (notice.as_json() for notice in rig.channels.queued)] == [
        ("kpi.submit", None),
        ("kpi.approve", rig.office.request(asked).state.value),
    ]


def test_a_repeated_delivery_tells_nobody_twice(rig: Rig) -> None:
    submit(rig)
    rig.tell()
    rig.again()
    assert (len(rig.channels.published), len(rig.channels.queued), len(rig.bus.events)) == (1, 1, 1)


def test_a_channel_that_fails_keeps_no_other_from_its_message_and_gets_its_own_with_the_next_delivery(rig: Rig) -> None:
    submit(rig)
    rig.channels.broken = True
    with pytest.raises(KpiError, match=r"1 of the consequences of 2 audit events failed: event 2 of skyway, queue: .*did not answer"):
        rig.tell()
    assert (len(rig.channels.published), len(rig.bus.events), len(rig.machine.executions)) == (1, 1, 1)
    rig.channels.broken = False
    rig.again()
    assert (len(rig.channels.published), len(rig.channels.queued), len(rig.bus.events)) == (1, 1, 1)


def test_an_execution_that_could_not_be_started_is_started_with_the_next_delivery(rig: Rig) -> None:
    submit(rig)
    rig.machine.fails = 1
    with pytest.raises(KpiError, match="machine"):
        rig.tell()
    rig.again()
    assert len(rig.machine.executions) == 1


def test_an_event_of_which_nothing_is_remembered_keeps_no_other_from_being_told(rig: Rig) -> None:
    submit(rig)
    told, lost = rig.memory.told, rig.office.events[0].event_id

    def forgetful(tenant_id: str, event_id: str) -> frozenset[str]:
        if event_id == other.event_id:
            raise ConnectionError("the table did not answer")
        return told(tenant_id, event_id)

    other = event(action="kpi.publish", event_id=f"before-{lost}", details={"notify": ["owners"]})
    rig.memory.told = forgetful
    with pytest.raises(KpiError, match=r"1 of the consequences of 3 audit events failed: event 1 of acme: the table did not answer"):
        rig.teller.handle([other, *rig.office.events])
    assert len(rig.channels.queued) == 1


def test_a_bundle_that_is_asked_for_is_made_once(rig: Rig) -> None:
    made: list[tuple[str, str]] = []
    asked = event(action="evidence.export", details={"export_id": "id-7"})
    teller = replace(rig.teller, export=lambda tenant_id, export_id: made.append((tenant_id, export_id)))
    for _ in range(2):
        teller.handle([asked])
    assert made == [("acme", "id-7")]


def test_every_tenant_of_an_event_is_put_on_the_list(rig: Rig) -> None:
    rig.teller.handle([event(tenant_id="acme", environment=Environment.STG)])
    assert Place("acme", "stg") in rig.places.known


def test_a_subject_is_one_short_line_of_ascii() -> None:
    subject = notice_of(event(object_id="Umsätze\nBcc: all " + "x" * 200)).subject
    assert len(subject) == SUBJECT_LENGTH
    assert subject.startswith("kpi.pause Ums?tze?Bcc: all x")


def test_only_inserted_events_of_the_chain_are_read_from_the_stream() -> None:
    office = Office()
    made = office.plane.definitions.create(office.call(), kpi(), SOURCES)
    row = {"event": {"S": made.model_dump_json()}, "seq": {"N": "1"}}

    def record(key: str, kind: str = "INSERT") -> dict[str, object]:
        return {"eventName": kind, "dynamodb": {"Keys": {"pk": {"S": "skyway"}, "sk": {"S": key}}, "NewImage": row}}

    records = [record("event#1"), record("id#abc"), record("2026-01-01T00:00:00.000Z#1"), record("event#1", "MODIFY")]
    records.append({"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": "skyway"}, "sk": {"S": "event#1"}}, "OldImage": row}})
    assert audit_events(records) == [made]


def test_a_row_that_is_no_event_is_logged_and_holds_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    office = Office()
    made = office.plane.definitions.create(office.call(), kpi(), SOURCES)
    keys = {"pk": {"S": "skyway"}, "sk": {"S": "event#1"}}
    rows = [{"event": {"S": json.dumps({"seq": SECRET})}}, {}, {"event": {"S": made.model_dump_json()}}]
    assert audit_events([{"eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": keys | row}} for row in rows]) == [made]
    assert len(caplog.messages) == 2
    assert caplog.messages[0].startswith("event#1 of skyway is no audit event: tenant_id: missing")
    assert SECRET not in caplog.text

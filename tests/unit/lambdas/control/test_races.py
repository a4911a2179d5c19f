"""Two admins at once, a store that fails, a call that comes twice: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.desk import Call
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.requests import Choice, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import ADA, BEN, EVE, OPS, SOURCES, Office, kpi, reader

WHOLE = Scope(kpi_id="SKY-AD-01")


@pytest.fixture
def office() -> Office:
    return Office()


def conflict(office: Office, call: Callable[[], object]) -> str:
    with pytest.raises(KpiError) as refused:
        call()
    assert refused.value.code is ErrorCode.CONFLICT
    assert office.chain_holds()
    return refused.value.message


def test_an_edit_that_comes_between_wins_over_the_signature(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    asked = office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0")
    content = office.request(asked).content_hash
    edit = office.call()
    office.store.rival = lambda: office.plane.definitions.update(edit, kpi(purpose="Sneaky."), SOURCES) and None
    message = conflict(
        office, lambda: office.plane.approvals.decide(office.call(BEN), asked.request_id or "", Choice.APPROVE, Side.TECHNICAL, content)
    )
    assert f"request#{asked.request_id} changed since it was read" in message
    assert office.status("1.0.0") == "proposed"


def test_an_edit_that_comes_between_wins_over_the_publication(office: Office) -> None:
    office.approved(kpi())
    office.store.rival = lambda: office.plane.definitions.update(office.call(), kpi(purpose="Sneaky."), SOURCES) and None
    conflict(office, lambda: office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0"))
    assert (office.status("1.0.0"), office.running()) == ("proposed", None)


def test_of_two_signatures_at_once_none_is_lost(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(criticality="critical"), SOURCES)
    asked = office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0")
    request = office.request(asked)

    def sign(who: object, side: Side) -> AuditEvent:
        return office.plane.approvals.decide(office.call(who), request.request_id, Choice.APPROVE, side, request.content_hash)

    office.store.rival = lambda: sign(BEN, Side.BUSINESS) and None
    conflict(office, lambda: sign(EVE, Side.TECHNICAL))
    sign(EVE, Side.TECHNICAL)
    assert office.request(asked).approvers == ("ben", "eve")


def test_two_submissions_at_once_open_one_request(office: Office) -> None:
    for version in ("1.0.0", "1.0.1"):
        office.plane.definitions.create(office.call(), kpi(version), SOURCES)
    office.store.rival = lambda: office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.1") and None
    assert "prod#open#SKY-AD-01" in conflict(office, lambda: office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0"))
    assert (office.status("1.0.0"), office.status("1.0.1")) == ("draft", "proposed")


def ready_to_leave_and_ready_to_read(office: Office) -> tuple[Callable[[], AuditEvent], Callable[[], AuditEvent]]:
    """An upstream that may be unpublished because nobody reads it, and a KPI that may start to read it."""
    office.live(kpi())
    office.agreed(Action.UNPUBLISH, "1.0.0")
    office.approved(reader())
    plane = office.plane
    return (
        lambda: plane.removal.unpublish(office.call(), "SKY-AD-01", "1.0.0"),
        lambda: plane.publishing.publish(office.call(), "SKY-RT-01", "1.0.0"),
    )


def test_an_upstream_does_not_leave_while_someone_starts_to_read_it(office: Office) -> None:
    leave, read = ready_to_leave_and_ready_to_read(office)
    office.store.rival = lambda: read() and None
    assert "prod#active#SKY-AD-01" in conflict(office, leave)
    assert (office.running(), office.running("SKY-RT-01")) == ("1.0.0", "1.0.0")


def test_nobody_starts_to_read_what_leaves(office: Office) -> None:
    leave, read = ready_to_leave_and_ready_to_read(office)
    office.store.rival = lambda: leave() and None
    assert "prod#active#SKY-AD-01" in conflict(office, read)
    assert (office.running(), office.running("SKY-RT-01")) == (None, None)


def test_a_stale_editor_is_told_so(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    seen = office.version("1.0.0").row.row_version
    office.plane.definitions.update(office.call(BEN), kpi(purpose="Ben's."), SOURCES, seen=seen)
    message = conflict(office, lambda: office.plane.definitions.update(office.call(ADA), kpi(purpose="Ada's."), SOURCES, seen=seen))
    assert "expected version 1, but it has version 2" in message
    assert office.version("1.0.0").kpi.purpose == "Ben's."


def test_of_two_edits_at_once_none_overwrites_the_other(office: Office) -> None:
    edit = office.plane.definitions.update
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    office.store.rival = lambda: edit(office.call(BEN), kpi(purpose="Ben's."), SOURCES) and None
    assert "prod#kpi#SKY-AD-01#1.0.0" in conflict(office, lambda: edit(office.call(ADA), kpi(purpose="Ada's."), SOURCES))
    assert office.version("1.0.0").kpi.purpose == "Ben's."


def test_what_is_submitted_is_not_edited_at_the_same_moment(office: Office) -> None:
    office.plane.definitions.create(office.call(), kpi(), SOURCES)
    office.store.rival = lambda: office.plane.approvals.submit(office.call(), "SKY-AD-01", "1.0.0") and None
    conflict(office, lambda: office.plane.definitions.update(office.call(), kpi(purpose="Late."), SOURCES))
    assert (office.status("1.0.0"), office.version("1.0.0").kpi.purpose) == ("proposed", "Mean delay.")


def test_of_two_pauses_at_once_the_first_one_stays(office: Office) -> None:
    office.live(kpi())
    office.store.rival = lambda: office.plane.pausing.pause(office.call(BEN, reason="first"), WHOLE) and None
    conflict(office, lambda: office.plane.pausing.pause(office.call(ADA, reason="second"), WHOLE))
    paused = office.paused()
    assert paused is not None
    assert paused.reason == "first"


def test_a_pause_that_was_not_looked_at_is_not_resumed(office: Office) -> None:
    office.live(kpi())
    pausing = office.plane.pausing
    pausing.pause(office.call(reason="migration"), WHOLE)

    def another() -> None:
        pausing.resume(office.call(BEN), WHOLE)
        pausing.pause(office.call(BEN, reason="wrong numbers"), WHOLE)

    office.store.rival = another
    conflict(office, lambda: pausing.resume(office.call(ADA), WHOLE))
    assert office.paused() is not None


def test_a_rollback_and_a_publication_at_once_leave_one_of_them(office: Office) -> None:
    office.live(kpi())
    office.live(kpi("1.0.1", lane="heavy"))
    office.approved(kpi("1.0.2", lane="heavy", tier=1))
    office.store.rival = lambda: office.plane.recovery.rollback(office.call(OPS), "SKY-AD-01") and None
    conflict(office, lambda: office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.2"))
    assert (office.running(), office.status("1.0.1"), office.status("1.0.2")) == ("1.0.0", "deprecated", "approved")


Action_ = Callable[[Office, Call], AuditEvent]
STEPS: dict[str, tuple[Callable[[Office], object], Action_]] = {
    "create": (lambda _office: None, lambda office, call: office.plane.definitions.create(call, kpi(), SOURCES)),
    "edit": (lambda office: office.approved(kpi()), lambda office, call: office.plane.definitions.update(call, kpi(purpose="B."), SOURCES)),
    "amend": (
        lambda office: office.live(kpi()),
        lambda office, call: office.plane.definitions.amend(call, "SKY-AD-01", "1.0.0", {"error_policy": {"on_failure": "fallback"}}),
    ),
    "submit": (
        lambda office: office.plane.definitions.create(office.call(), kpi(), SOURCES),
        lambda office, call: office.plane.approvals.submit(call, "SKY-AD-01", "1.0.0"),
    ),
    "publish": (lambda office: office.approved(kpi()), lambda office, call: office.plane.publishing.publish(call, "SKY-AD-01", "1.0.0")),
    "unpublish": (
        lambda office: (office.live(kpi()), office.agreed(Action.UNPUBLISH, "1.0.0")),
        lambda office, call: office.plane.removal.unpublish(call, "SKY-AD-01", "1.0.0"),
    ),
    "rollback": (
        lambda office: (office.live(kpi()), office.live(kpi("1.0.1", lane="heavy"))),
        lambda office, call: office.plane.recovery.rollback(call, "SKY-AD-01"),
    ),
    "pause": (lambda office: office.live(kpi()), lambda office, call: office.plane.pausing.pause(call, WHOLE)),
    "resume": (
        lambda office: (office.live(kpi()), office.plane.pausing.pause(office.call(), WHOLE)),
        lambda office, call: office.plane.pausing.resume(call, WHOLE),
    ),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("fault", ["before", "after", ""])
def test_a_call_repeated_after_a_fault_is_done_once(office: Office, name: str, fault: str) -> None:
    prepare, act = STEPS[name]
    prepare(office)
    call, before = office.call(event="the key of the client"), len(office.events)
    if fault:
        office.store.faults = [fault]
        with pytest.raises(TimeoutError):
            act(office, call)
        assert len(office.events) == before + (fault == "after")
    event = act(office, call)
    tables = repr(office.store.tables)
    office.later(days=300)
    assert act(office, call) == event, "also when the world has moved on"
    assert len(office.events) == before + 1
    assert repr(office.store.tables) == tables
    assert office.chain_holds()


def test_a_key_belongs_to_one_call(office: Office) -> None:
    office.plane.definitions.create(office.call(event="key"), kpi(), SOURCES)
    others = (
        lambda: office.plane.definitions.create(office.call(event="key"), kpi(purpose="Other payload."), SOURCES),
        lambda: office.plane.definitions.create(office.call(BEN, event="key"), kpi(), SOURCES),
        lambda: office.plane.definitions.create(office.call(event="key", reason="other reason"), kpi(), SOURCES),
        lambda: office.plane.approvals.submit(office.call(event="key"), "SKY-AD-01", "1.0.0"),
    )
    for other in others:
        assert "'key' was used for another call" in conflict(office, other)


@pytest.mark.parametrize(("reason", "event"), [("", "e"), ("   ", "e"), ("r" * 2001, "e"), ("r", "k" * 129)])
def test_without_a_reason_or_a_usable_key_nothing_happens(office: Office, reason: str, event: str) -> None:
    with pytest.raises(KpiError) as refused:
        office.plane.definitions.create(office.call(reason=reason, event=event), kpi(), SOURCES)
    assert refused.value.code is ErrorCode.INVALID_INPUT
    assert office.store.tables == {}


def test_a_bulk_action_reports_every_kpi_and_can_be_repeated_after_a_fault(office: Office) -> None:
    ids = [f"SKY-AD-{number:02d}" for number in range(1, 8)]
    for kpi_id in ids:
        office.imported(kpi(id=kpi_id))
    office.plane.pausing.pause(office.call(), Scope(kpi_id=ids[3]))
    call, before = office.call(OPS, event="bulk"), len(office.events)

    def pause(one: Call, kpi_id: str) -> AuditEvent:
        return office.plane.pausing.pause(one, Scope(kpi_id=kpi_id))

    office.store.faults = ["", "", "after"]
    with pytest.raises(TimeoutError):
        office.plane.bulk(call, [*ids, "SKY-XX-01"], pause)
    report = office.plane.bulk(call, [*ids, "SKY-XX-01", ids[0]], pause)
    assert [event.object_id for event in report.done] == [kpi_id for kpi_id in ids if kpi_id != ids[3]]
    assert [(refusal.kpi_id, refusal.code) for refusal in report.refused] == [
        (ids[3], ErrorCode.CONFLICT),
        ("SKY-XX-01", ErrorCode.NOT_FOUND),
    ]
    assert len(office.events) == before + 6
    assert len({event.event_id for event in office.events}) == len(office.events)
    assert office.chain_holds()


def test_a_bulk_action_that_runs_out_of_time_names_what_is_left(office: Office) -> None:
    ids = [f"SKY-AD-{number:02d}" for number in range(1, 6)]
    for kpi_id in ids:
        office.imported(kpi(id=kpi_id))

    def slow(one: Call, kpi_id: str) -> AuditEvent:
        office.later(seconds=8)
        return office.plane.pausing.pause(one, Scope(kpi_id=kpi_id))

    until = office.clock.now() + timedelta(seconds=20)
    report = office.plane.bulk(office.call(OPS, event="bulk"), ids, slow, until=until)
    assert [event.object_id for event in report.done] == ids[:3]
    assert report.left == tuple(ids[3:])
    rest = office.plane.bulk(office.call(OPS, event="rest"), report.left, slow)
    assert ([event.object_id for event in rest.done], rest.left) == (ids[3:], ())


def test_tenants_do_not_see_each_other(office: Office) -> None:
    office.live(kpi())
    other = Call("acme", office.call().environment, ADA, "curious", "x")
    with pytest.raises(KpiError) as refused:
        office.plane.recovery.rollback(other, "SKY-AD-01")
    assert refused.value.code is ErrorCode.NOT_FOUND
    assert "acme" not in office.store.tables
    assert office.row(keys.active("prod", "SKY-AD-01")) is not None

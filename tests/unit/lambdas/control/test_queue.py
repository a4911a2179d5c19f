"""The queue of change requests: always what the requests are, oldest first, read state by state."""

from __future__ import annotations

from itertools import islice

import pytest

from lambdas.domain.control import keys
from lambdas.domain.control.queue import Queued, queued, waiting
from lambdas.domain.control.requests import LIVE, ChangeRequest, Choice, RequestState, Side
from lambdas.domain.control.states import Action
from lambdas.domain.errors import ErrorCode, KpiError
from tests.unit.lambdas.control.office import BEN, SOURCES, TENANT, Office, kpi


def asked(office: Office, number: int) -> str:
    name = f"SKY-AD-{number:02d}"
    office.plane.definitions.create(office.call(), kpi(id=name), SOURCES)
    event = office.plane.approvals.submit(office.call(), name, "1.0.0", Action.PUBLISH)
    office.later(minutes=1)
    return str(event.request_id)


def signed(office: Office, request_id: str) -> None:
    content = office.request(request_id).content_hash
    office.plane.approvals.decide(office.call(BEN), request_id, Choice.APPROVE, Side.TECHNICAL, content)


def entries(office: Office, *states: RequestState, **how: str) -> list[Queued]:
    return list(waiting(office.store, TENANT, "prod", states or sorted(LIVE), **how))


def test_requests_come_oldest_first_whatever_their_ids_and_states() -> None:
    office = Office()
    numbers = [asked(office, number) for number in (3, 1, 2)]
    signed(office, numbers[1])
    assert [each.kpi_id for each in entries(office)] == ["SKY-AD-03", "SKY-AD-01", "SKY-AD-02"]
    assert [each.kpi_id for each in entries(office, RequestState.APPROVED)] == ["SKY-AD-01"]
    assert [each.kpi_id for each in entries(office, kpi_id="SKY-AD-02")] == ["SKY-AD-02"]


def test_a_request_has_one_entry_that_says_what_it_says_wherever_it_goes() -> None:
    office = Office()
    numbers = [asked(office, number) for number in (1, 2, 3, 4)]
    signed(office, numbers[0])
    office.plane.publishing.publish(office.call(), "SKY-AD-01", "1.0.0")
    office.plane.approvals.withdraw(office.call(), numbers[1])
    office.plane.definitions.update(office.call(), kpi(id="SKY-AD-03", criticality="critical"), SOURCES)
    found = {each.request_id: each for each in entries(office, *RequestState)}
    rows = office.store.rows(TENANT, keys.REQUESTS)
    assert found == {each.request_id: queued(each) for row in rows for each in [ChangeRequest.model_validate_json(row.text("request"))]}
    assert [found[each].state.value for each in numbers] == ["done", "withdrawn", "open", "open"]
    assert len(list(office.store.rows(TENANT, "prod#queue#"))) == len(numbers)


def test_paging_goes_on_where_it_was_though_that_request_is_closed_meanwhile() -> None:
    office = Office()
    numbers = [asked(office, number) for number in (1, 2, 3, 4)]
    first = list(islice(waiting(office.store, TENANT, "prod", [RequestState.OPEN]), 2))
    office.plane.approvals.withdraw(office.call(), numbers[1])
    assert [each.request_id for each in entries(office, RequestState.OPEN, after=first[-1].position)] == numbers[2:]


def test_a_list_reads_no_request_of_another_state() -> None:
    office = Office()
    for number in range(1, 6):
        office.plane.approvals.withdraw(office.call(), asked(office, number))
    asked(office, 9)
    read: list[str] = []
    rows = office.store.rows

    def counted(tenant_id: str, prefix: str, *, after: str = ""):
        for row in rows(tenant_id, prefix, after=after):
            read.append(row.key)
            yield row

    office.store.rows = counted  # type: ignore[method-assign]
    assert [each.kpi_id for each in entries(office)] == ["SKY-AD-09"]
    assert len(read) == 1


@pytest.mark.parametrize("after", ["id-4", "~", "2026", "2026-01-05T09:00:00.000Z#../x", "2026-01-05T09:00:00.000Z"])
def test_a_place_that_is_none_is_refused(after: str) -> None:
    with pytest.raises(KpiError, match="start again without it") as caught:
        entries(Office(), after=after)
    assert caught.value.code is ErrorCode.INVALID_INPUT

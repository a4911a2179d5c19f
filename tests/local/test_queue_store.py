"""The queue of change requests on DynamoDB: pages go on where they were, and reach no other state's rows."""

from __future__ import annotations

import pytest

from kpis.common import Environment, Level
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.domain.audit.event import Actor, Facts
from lambdas.domain.control import keys
from lambdas.domain.control.impact import Impact
from lambdas.domain.control.queue import filed, waiting
from lambdas.domain.control.requests import LIVE, ChangeRequest, RequestState
from lambdas.domain.control.states import Action
from tests.local.throwaway import Tables, new_id

pytestmark = pytest.mark.local

TENANT = "acme"
ADA = Actor(subject="ada", role="client-admin")


def request(number: int, state: RequestState = RequestState.OPEN) -> ChangeRequest:
    return ChangeRequest(
        request_id=f"id-{9 - number}",
        tenant_id=TENANT,
        environment=Environment.PRD,
        kpi_id=f"SH-AA-{number:02d}",
        contract_version="1.0.0",
        action=Action.PUBLISH,
        definition_hash="0" * 64,
        criticality=Level.LOW,
        requested_by=ADA,
        authors=("ada",),
        justification="because",
        diff=(),
        impact=Impact(),
        state=state,
        created_at=f"2026-01-05T09:0{number}:00.000Z",
        expires_at="2026-02-05T09:00:00.000Z",
    )


def commit(store: DynamoControlStore, changed: ChangeRequest) -> None:
    row = store.row(TENANT, keys.request(changed.request_id))
    facts = Facts(
        tenant_id=TENANT,
        event_id=new_id(),
        at="2026-01-05T09:00:00.000Z",
        actor=ADA,
        action="kpi.submit",
        object_type="kpi",
        object_id=changed.kpi_id,
        environment=Environment.PRD,
        reason="because",
    )
    store.commit(TENANT, filed(changed, row), facts)


def test_pages_go_on_where_they_were_and_a_request_is_listed_under_its_present_state_alone(tables: Tables) -> None:
    store = DynamoControlStore(tables, tables.catalog, tables.audit)  # type: ignore[arg-type]
    for number in range(1, 6):
        commit(store, request(number))
    commit(store, request(2, RequestState.APPROVED))
    commit(store, request(3, RequestState.REJECTED))

    def listed(*states: RequestState, after: str = "") -> list[str]:
        return [f"{each.kpi_id} {each.state}" for each in waiting(store, TENANT, "prod", states, after=after)]

    assert listed(*sorted(LIVE)) == ["SH-AA-01 open", "SH-AA-02 approved", "SH-AA-04 open", "SH-AA-05 open"]
    second = next(each for each in waiting(store, TENANT, "prod", sorted(LIVE)) if each.kpi_id == "SH-AA-02")
    assert listed(*sorted(LIVE), after=second.position) == ["SH-AA-04 open", "SH-AA-05 open"]
    assert listed(RequestState.REJECTED) == ["SH-AA-03 rejected"]
    assert listed(RequestState.OPEN, after="2026-01-05T09:05:00.000Z#id-4") == []


def test_rows_behind_a_key_keep_to_their_prefix(tables: Tables) -> None:
    for key in ("a#1", "b#1", "b#2", "b#3", "c#1"):
        tables.client.put_item(TableName=tables.catalog, Item={"pk": {"S": TENANT}, "sk": {"S": key}})
    store = DynamoControlStore(tables, tables.catalog, tables.audit)  # type: ignore[arg-type]
    found = {after: [row.key for row in store.rows(TENANT, "b#", after=after)] for after in ("", "a#1", "b#1", "b#15", "b#3", "c#0", "~")}
    everything = ["b#1", "b#2", "b#3"]
    assert found == {"": everything, "a#1": everything, "b#1": ["b#2", "b#3"], "b#15": ["b#2", "b#3"], "b#3": [], "c#0": [], "~": []}

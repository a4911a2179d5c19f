"""The control API over the emulator's DynamoDB: what is asked through HTTP is in the tables, once, and the audit log tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from lambdas.adapters.audit_log import DynamoAuditLog
from lambdas.adapters.limit_rows import DynamoBuckets, DynamoRows
from lambdas.domain.audit.chain import first_break
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.limits.idempotency import Idempotency
from lambdas.domain.limits.limiter import Limiter, Limits
from tests.local.conftest import Stack
from tests.local.test_control_store import TENANT, Tables
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, EVE, Service
from tests.unit.lambdas.control.office import Office, kpi

pytestmark = pytest.mark.local
VERSION = "/kpis/SKY-AD-01/versions"


@pytest.fixture
def tables(stack: Stack) -> Iterator[Tables]:
    made = Tables(stack)
    yield made
    made.drop()


@pytest.fixture
def service(tables: Tables) -> Service:
    office = Office()
    store = tables.store()
    office.store = store  # type: ignore[assignment]
    office.plane = ControlPlane(store, office.clock, lambda: uuid4().hex, lambda _tenant, _where: Policy(), office.runs)
    made = Service(office)
    catalog = tables.names["catalog"]
    made.ports = replace(
        made.ports,
        limiter=Limiter(DynamoBuckets(lambda _service: tables.client, catalog)),
        idempotency=Idempotency(DynamoRows(lambda _service: tables.client, catalog, lambda: uuid4().hex), office.clock.now),
        audit=DynamoAuditLog(lambda _service: tables.client, tables.names["audit"]),
    )
    return made


def test_a_version_goes_live_through_http_and_every_call_is_one_event(service: Service, tables: Tables) -> None:
    created = service.post("/kpis", service.written(kpi(criticality="critical")), by=ADA)
    assert created.status == 201, created.text
    request = service.post(f"{VERSION}/1.0.0/submit").body["request_id"]
    assert service.post(f"{VERSION}/1.0.0/publish").status == 403
    assert service.sign(request, (BEN, "business"), (EVE, "technical")).body["details"]["state"] == "approved"
    first = service.post(f"{VERSION}/1.0.0/publish", key="go")
    again = service.post(f"{VERSION}/1.0.0/publish", key="go")
    assert (first.status, again.text, again.headers["Idempotency-Replayed"]) == (200, first.text, "true")
    assert service.post(f"{VERSION}/1.0.0/pause").status == 200
    assert service.get(VERSION, by=CFO).body["active_version"] == "1.0.0"
    assert service.get("/kpis/SKY-AD-01/lineage").status == 200
    told = []
    cursor: dict[str, str] = {}
    while True:
        page = service.get("/audit", limit="2", **cursor).body
        told += [each["action"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert told == ["kpi.pause", "kpi.publish", "kpi.approve", "kpi.approve", "kpi.submit", "kpi.create"]
    chain = tables.chain()
    assert len(chain) == len(told)
    assert first_break(chain, tenant_id=TENANT) is None


def test_the_limit_of_a_tenant_is_kept_by_the_table(service: Service) -> None:
    service.limits = Limits(reads=2, writes=1)
    answers = [service.get("/approvals") for _ in range(3)]
    assert [each.status for each in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1

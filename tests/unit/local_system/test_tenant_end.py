"""The end of a tenancy that breaks off: repeating the command takes away what is left, and nothing of anybody else."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cli import tenant_revoke
from cli.tenant_revoke import Order
from kpis.common import Environment
from lambdas.domain.audit.event import genesis
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.export import Checked, ExportManifest
from local.steps import Steps
from tests.unit.lambdas.control.memory import MemoryStore

ROUTES = 150
CHECKED = Checked(
    ExportManifest(
        tenant_id="acme",
        environment=Environment.PRD,
        made_at="2026-01-05T09:00:00Z",
        chain_seq=0,
        chain_hash=genesis("acme"),
        key_fingerprint="f",
        files={},
    ),
    "d" * 64,
)


class Aws:
    """Cognito and Lambda as far as the end of a tenancy calls them."""

    def __init__(self, people: dict[str, str]) -> None:
        self.people = people
        self.disabled: list[str] = []
        self.asked: list[dict[str, Any]] = []

    def __call__(self, _service: str) -> Aws:
        return self

    def list_users(self, **_: Any) -> dict[str, Any]:
        users = [{"Username": name, "Attributes": [{"Name": "custom:tenant_id", "Value": of}]} for name, of in self.people.items()]
        return {"Users": users}

    def admin_disable_user(self, *, UserPoolId: str, Username: str) -> None:  # noqa: N803 - boto3's names
        assert UserPoolId == "pool"
        self.disabled.append(Username)

    def admin_user_global_sign_out(self, **_: Any) -> None:
        pass

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "reconciler"
        self.asked.append(json.loads(Payload))
        return {"Payload": io.BytesIO(b"{}")}


class Directory:
    """Where stacks registered the tenant: nowhere but in production."""

    @staticmethod
    def deployed(_tenant_id: str, environment: Environment) -> object | None:
        return object() if environment is Environment.PRD else None


class Tenancy:
    """acme in production, with as many routes as more than one transaction holds; `acme2` has some of its own."""

    tenant_id, environment, stack = "acme", Environment.PRD, "acme.prod"
    directory = Directory()
    outputs = {"userPoolId": "pool", "reconcilerFunction": "reconciler"}  # noqa: RUF012 - read only

    def __init__(self) -> None:
        self.store = MemoryStore()
        routes = {keys.alert_route("prod", f"route-{number:03}"): {"entry": "{}"} for number in range(ROUTES)}
        self.store.tables = {"acme": {**routes, keys.settings("prod"): {"settings": "{}"}}, "acme2": dict(routes)}
        self.clients = Aws({"ann": "acme", "bob": "acme2", "cy": "acm"})
        self.settings = None

    def rows(self, prefix: str) -> Iterator[dict[str, Any]]:
        return ({"sk": row.key} for row in self.store.rows(self.tenant_id, prefix))

    @property
    def left(self) -> list[str]:
        return sorted(self.store.tables["acme"])

    def end(self, reason: str = "the contract ended") -> dict[str, Any]:
        what = tenant_revoke.plan(self)  # type: ignore[arg-type]
        return tenant_revoke.revoke(self, what, Order(CHECKED, reason, datetime(2026, 1, 6, tzinfo=UTC)), Steps())  # type: ignore[arg-type]


@pytest.fixture
def tenancy(monkeypatch: pytest.MonkeyPatch) -> Tenancy:
    monkeypatch.setattr(tenant_revoke.stacks, "exists", lambda *_: False)
    return Tenancy()


def test_everything_of_the_tenant_goes_and_nothing_of_one_whose_id_begins_the_same(tenancy: Tenancy) -> None:
    record = tenancy.end()
    assert tenancy.left == []
    assert len(tenancy.store.tables["acme2"]) == ROUTES
    assert (tenancy.clients.disabled, record["people_disabled"]) == (["ann"], ["ann"])
    assert tenancy.clients.asked == [{"action": "offboard", "tenant_id": "acme", "environment": "prod"}]


def test_a_revocation_that_broke_off_between_two_commits_is_finished_by_repeating_it(tenancy: Tenancy) -> None:
    tenancy.store.faults = ["", "before"]
    with pytest.raises(TimeoutError):
        tenancy.end()
    assert 0 < len(tenancy.left) < ROUTES
    record = tenancy.end("the contract has ended")
    assert tenancy.left == []
    assert [each["seq"] for each in record["events"]] == [1, 2]


def test_an_answer_that_was_lost_is_no_second_event(tenancy: Tenancy) -> None:
    tenancy.store.faults = ["after"]
    with pytest.raises(TimeoutError):
        tenancy.end()
    tenancy.end()
    assert (tenancy.left, len(tenancy.store.events["acme"])) == ([], 2)


def test_a_repetition_after_everything_was_done_is_no_further_event(tenancy: Tenancy) -> None:
    first = tenancy.end()
    events = len(tenancy.store.events["acme"])
    assert tenancy.end()["events"] == first["events"]
    assert len(tenancy.store.events["acme"]) == events

"""How the functions are put together: by the same rules, from the same names, and with no more than they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kpis.common import Environment
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.control_plane import control_plane
from lambdas.adapters.governance_settings import governance_settings
from lambdas.adapters.settings import from_environment
from lambdas.adapters.system import new_id
from lambdas.adapters.tenant_list import Place, TenantList
from lambdas.api.composition import Composition
from lambdas.api.queries import ResultQuery
from lambdas.domain.audit.event import Actor
from lambdas.domain.control.desk import Call
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import LogTable
from lambdas.reconciler.registry import Registry
from tests.unit.lambdas import memory
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import MONDAY, SOURCES, Runs, kpi
from tests.unit.lambdas.gate import NEW_YORK, canary

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = {
    "AWS_REGION": "eu-west-1",
    "KPI_DEPLOYMENT": "live",
    "KPI_TABLE_CATALOG": "live-catalog",
    "KPI_TABLE_AUDIT": "live-audit",
    "KPI_BUS_NAME": "live-bus",
    "KPI_STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:123456789012:stateMachine:kpi-live-run",
    "KPI_RESULT_STORE_SECRET": "live/result-store",
    "KPI_ARTIFACTS_BUCKET": "live-artifacts",
    "KPI_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/kpi-live-scheduler",
    "KPI_ALERT_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:kpi-live-alerts-ops",
    "KPI_FIREHOSE_PREFIX": "live-",
    "KPI_METRIC_NAMESPACE": "KPI",
    **{f"KPI_TABLE_{table.value.replace('-', '_').upper()}": f"live-{table.value}" for table in LogTable},
}
OF_THE_WORKER = {
    "KPI_CHANGE_MACHINE_ARN": "arn:aws:states:eu-west-1:123456789012:stateMachine:kpi-live-change",
    "KPI_APPROVALS_QUEUE": "kpi-live-approvals",
    "KPI_AUDIT_BUCKET": "live-audit",
    "KPI_AUDIT_LOCK": "COMPLIANCE:2557",
    "KPI_SIGNING_KEY_ARN": "arn:aws:kms:eu-west-1:123456789012:key/1",
}


class Table:
    """A DynamoDB that holds what is written, of one table."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}

    def __call__(self, _service: str) -> Any:
        return self

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> None:  # noqa: N803 - AWS's name
        self.items[Item["pk"]["S"], Item["sk"]["S"]] = Item

    def delete_item(self, *, Key: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.items.pop((Key["pk"]["S"], Key["sk"]["S"]), None)

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        found = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": found} if found else {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        for each in TransactItems:
            if "Put" in each:
                self.put_item(**each["Put"])
            else:
                self.delete_item(**each["Delete"])

    def query(self, *, ExpressionAttributeValues: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        pk, prefix = (ExpressionAttributeValues[name]["S"] for name in (":pk", ":sk"))
        return {"Items": [item for (owner, key), item in sorted(self.items.items()) if owner == pk and key.startswith(prefix)]}


class Results:
    """A result store without results that counts how often one is made."""

    made: int = 0
    asked: int = 0

    def __init__(self, *_arguments: Any) -> None:
        type(self).made += 1

    def rows(self, *_arguments: Any) -> list[dict[str, Any]]:
        type(self).asked += 1
        return []


def test_topics_of_tenants_begin_as_the_platforms_own_does() -> None:
    assert from_environment(ENVIRONMENT).topic_stem == "arn:aws:sns:eu-west-1:123456789012:kpi-live"


@pytest.mark.parametrize("read", [from_environment, governance_settings])
def test_a_function_that_is_told_too_little_names_all_that_is_missing(read: Any) -> None:
    with pytest.raises(KpiError) as everything:
        read({})
    said = everything.value.message
    assert everything.value.code is ErrorCode.INTERNAL
    assert said.startswith("environment variables are not set: KPI_A")
    assert said.endswith("; the platform stack sets them")
    names = said.split(": ")[1].split(";")[0].split(", ")
    assert names == sorted(names)
    with pytest.raises(KpiError) as one:
        read(dict.fromkeys(names, "x") | {names[0]: ""})
    assert one.value.message == f"environment variables are not set: {names[0]}; the platform stack sets them"


def test_the_calls_of_an_api_process_share_one_connection_to_the_result_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.adapters.results.PostgresResults", Results)
    monkeypatch.setattr(Results, "made", 0)
    monkeypatch.setattr(Results, "asked", 0)
    row = {
        "run_id": {"N": "7"}, "entry": {"S": "open"}, "contract_version": {"S": "1.0.0"}, "environment": {"S": "prod"},
        "started_at": {"S": "2026-01-05T06:00:00.000Z"}, "lineage_ref": {"S": ""},
    }  # fmt: skip

    class Logs:
        def __call__(self, _service: str) -> Any:
            return self

        def query(self, **_: Any) -> dict[str, Any]:
            return {"Items": [row]}

    ports = Composition(from_environment(ENVIRONMENT), Logs()).ports  # type: ignore[arg-type]
    assert Results.made == 0, "a cold start connects to nothing"
    ports.reads.browser.results("skyway", ResultQuery(environment=Environment.PRD))
    ports.evidence.samples("skyway", canary(NEW_YORK))
    assert (Results.made, Results.asked) == (1, 2)


def test_every_control_plane_of_a_deployment_refuses_what_the_packs_checks_refuse() -> None:
    plane = control_plane(MemoryStore(), Runs(), memory.FixedClock(MONDAY))
    call = Call("skyway", Environment.PRD, Actor(subject="ada", role="client-admin"), "a first draft", "event-1")
    with pytest.raises(KpiError, match="sql-writes"):
        plane.definitions.create(call, kpi(expression={"sql": "DELETE FROM flights"}), SOURCES)


def test_ids_are_unguessable_and_fit_into_paths() -> None:
    found = {new_id() for _ in range(100)}
    assert len(found) == 100
    assert all(len(each) == 32 and int(each, 16) for each in found)


def test_the_governance_worker_decides_without_loading_the_api_its_policies_or_a_database_driver() -> None:
    code = (
        "import sys\n"
        "from lambdas.governance.wiring import GovernanceWiring\n"
        "plane = GovernanceWiring().plane\n"
        "unwanted = ('lambdas.api', 'lambdas.domain.authz', 'cedarpy', 'sqlglot', 'psycopg')\n"
        "print(type(plane).__name__, sorted(name for name in sys.modules if name.startswith(unwanted)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=ENVIRONMENT | OF_THE_WORKER, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "ControlPlane []"


class TestTheListOfTenants:
    def test_whom_the_reconciler_registers_the_worker_serves(self) -> None:
        table = Table()
        registry, tenants = Registry(DynamoCatalog(table, "live-catalog")), TenantList(table, "live-catalog")  # type: ignore[arg-type]
        for name in (("acme-two", "dev"), ("acme", "prod")):
            registry.add(*name)
        tenants.add("acme", "dev")
        tenants.add("acme", "prod")
        assert registry.tenants() == [("acme", "prod"), ("acme-two", "dev")]
        assert tenants.all() == [Place("acme", "dev"), Place("acme", "prod"), Place("acme-two", "dev")]

    def test_the_worker_forgets_nobody_whom_a_stack_registered(self) -> None:
        table = Table()
        registry, tenants = Registry(DynamoCatalog(table, "live-catalog")), TenantList(table, "live-catalog")  # type: ignore[arg-type]
        registry.add("acme", "prod")
        tenants.add("acme", "prod")
        tenants.remove(Place("acme", "prod"))
        assert (tenants.all(), registry.tenants()) == ([Place("acme", "prod")], [("acme", "prod")])
        registry.remove("acme", "prod")
        assert (tenants.all(), registry.tenants()) == ([], [])

    def test_who_is_only_audited_is_not_registered_and_a_tenant_of_a_similar_name_is_another(self) -> None:
        table = Table()
        registry, tenants = Registry(DynamoCatalog(table, "live-catalog")), TenantList(table, "live-catalog")  # type: ignore[arg-type]
        tenants.add("acme", "prod")
        registry.add("acme-two", "prod")
        assert registry.tenants() == [("acme-two", "prod")]
        registry.remove("acme", "prod")
        assert tenants.all() == [Place("acme", "prod"), Place("acme-two", "prod")]

    def test_tenants_of_older_stacks_are_looked_for_once(self) -> None:
        table = Table()
        catalog = DynamoCatalog(table, "live-catalog")  # type: ignore[arg-type]
        registry = Registry(catalog)
        catalog.write("acme", [{"sk": "prod#tenant", "settings": "{}"}], [])
        assert registry.is_complete is False
        registry.complete([("acme", "prod"), ("acme", "dev"), ("beta", "prod")])
        assert (registry.is_complete, registry.tenants()) == (True, [("acme", "prod")])
        catalog.write("beta", [{"sk": "prod#tenant", "settings": "{}"}], [])
        registry.complete([("beta", "prod")])
        assert registry.tenants() == [("acme", "prod")]

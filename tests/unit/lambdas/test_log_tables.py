"""The log tables on an emulator of their own: insert only, duplicates refused, readable by tenant and KPI."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests

from kpis.common import Environment
from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.run_record import DynamoRunRecord
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain import anomalies
from lambdas.domain.control.desk import RunFigures
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.entries import close_row, open_row, sourcing_rows
from lambdas.domain.errors import DuplicateEntryError, ErrorCode
from lambdas.domain.fold import fold_runs
from lambdas.domain.model import LogTable, Outcome, RunStatus
from lambdas.domain.reconcile_direct import Scope
from lambdas.domain.reconcile_import import CatalogImport
from lambdas.domain.timestamps import iso
from tests.unit.lambdas.control.office import Runs
from tests.unit.lambdas.memory import NOW, TENANT, FixedClock, kpi, make_run
from tests.unit.lambdas.test_reconcile import dictionary

EMULATOR = Path(__file__).resolve().parents[3] / ".local" / "emulator-venv" / "bin" / "ministack"
TABLES = {table: f"t-{table.value}" for table in LogTable}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    if not EMULATOR.exists():
        pytest.skip("the emulator is not installed yet; `make up` installs it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("emulator")
    environment = os.environ | {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "TMPDIR": str(folder),
        "LOG_LEVEL": "ERROR",
        "DOCKER_HOST": f"unix://{folder}/none.sock",
    }
    process = subprocess.Popen([str(EMULATOR)], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield _ready(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(endpoint: str, process: subprocess.Popen[bytes]) -> Clients:
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{endpoint}/_ministack/ready", timeout=2).raise_for_status()
            break
        except requests.RequestException:
            assert process.poll() is None, "the emulator ended"
            assert time.monotonic() < deadline, "the emulator is not ready after 60 s"
            time.sleep(0.1)

    class Here(Clients):
        def __call__(self, service: str) -> Any:
            if service not in self._clients:
                self._clients[service] = boto3.client(  # type: ignore[call-overload]
                    service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
                )
            return self._clients[service]

    clients = Here()
    for table in [*TABLES.values(), "t-catalog", "t-audit"]:
        _create(clients("dynamodb"), table)
    return clients


def _create(client: Any, table: str) -> None:
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    arguments: dict[str, Any] = {}
    names = {"pk", "sk"}
    if table == TABLES[LogTable.RUN]:
        names |= {"gsi_pk", "gsi_sk"}
        schema = [{"AttributeName": "gsi_pk", "KeyType": "HASH"}, {"AttributeName": "gsi_sk", "KeyType": "RANGE"}]
        arguments["GlobalSecondaryIndexes"] = [{"IndexName": "by_kpi", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}]
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
        **arguments,
    )


@pytest.fixture
def logs(clients: Clients) -> DynamoRunLogs:
    return DynamoRunLogs(clients, TABLES)


def test_a_run_is_read_back_as_it_was_written(logs: DynamoRunLogs) -> None:
    of = kpi()
    run = make_run(of, run_id=2**61, tenant_id="reads")
    logs.insert([open_row(run), *sourcing_rows(run, of, {"GDP_Flights": "v1"}, "h", NOW)])
    logs.insert([close_row(run, Outcome(status=RunStatus.SUCCESS, rows_processed=7), NOW, sla_breached=True)])
    (folded,) = fold_runs(logs.of_run("reads", 2**61, LogTable.RUN))
    assert (folded["run_id"], folded["status"], folded["sla_breached"], folded["rows_processed"]) == (2**61, "success", True, 7)
    (sourcing,) = logs.of_run("reads", 2**61, LogTable.SOURCING)
    assert (sourcing["sk"], sourcing["source_version"]) == (f"{2**61:019d}#gdp#GDP_Flights", "v1")


def test_a_second_insert_of_a_key_is_refused_and_changes_nothing(logs: DynamoRunLogs) -> None:
    run = make_run(kpi(), run_id=7, tenant_id="twice")
    logs.insert([open_row(run)])
    with pytest.raises(DuplicateEntryError, match="never overwritten"):
        logs.insert([open_row(run.model_copy(update={"kpi_id": "SKY-XX-99"}))])
    assert [row["kpi_id"] for row in logs.of_run("twice", 7, LogTable.RUN)] == ["SKY-AD-01"]


def test_more_rows_than_one_call_takes_are_all_written(logs: DynamoRunLogs) -> None:
    logs.insert([open_row(make_run(kpi(), run_id=number, tenant_id="many")) for number in range(1, 61)])
    rows, more = logs.by_tenant("many", rows=100)
    assert ([row["run_id"] for row in rows], more) == (list(range(60, 0, -1)), False)


def test_runs_of_a_kpi_come_newest_first_and_only_of_the_tenant(logs: DynamoRunLogs) -> None:
    for tenant in ("mine", "other"):
        for number in range(1, 4):
            run = make_run(kpi(), run_id=number, tenant_id=tenant)
            logs.insert([open_row(run), close_row(run, Outcome(status=RunStatus.SUCCESS), NOW, sla_breached=False)])
    assert [row["run_id"] for row in logs.recent_closes("mine", "SKY-AD-01", 2)] == [3, 2]
    rows, more = logs.by_kpi("mine", "SKY-AD-01", rows=4)
    assert ({row["tenant_id"] for row in rows}, more) == ({"mine"}, True)


def test_a_close_row_says_what_anomalies_and_dependent_runs_are_decided_on(logs: DynamoRunLogs) -> None:
    run = make_run(kpi(), run_id=9, tenant_id="decided")
    logs.insert([open_row(run), close_row(run, Outcome(status=RunStatus.SUCCESS, rows_processed=500), NOW, sla_breached=False)])
    (row,) = logs.recent_closes("decided", "SKY-AD-01", 5)
    assert (row["run_id"], row["environment"], row["status"]) == (9, run.environment, "success")
    assert [each.what for each in anomalies.find(10_000_000.0, 7, [row] * 20)] == ["duration_ms", "rows_processed"]


def test_the_runs_of_a_version_are_found_among_those_of_others_and_of_other_environments(logs: DynamoRunLogs) -> None:
    good, bad = Outcome(status=RunStatus.SUCCESS), Outcome(status=RunStatus.FAILED, error_code=ErrorCode.SQL_ERROR, error_message="boom")
    for number, changes, outcome in (
        (1, {}, good),
        (2, {"environment": "dev"}, good),
        (3, {"contract_version": "2.0.0"}, bad),
        (4, {"started_at": NOW + timedelta(hours=1)}, bad),
    ):
        run = make_run(kpi(), run_id=number, tenant_id="versions", **changes)
        logs.insert([open_row(run), close_row(run, outcome, NOW + timedelta(hours=2), sla_breached=False)])
    logs.insert([open_row(make_run(kpi(), run_id=5, tenant_id="versions", started_at=NOW + timedelta(hours=3)))])

    def found(*versions: str, in_flight: bool = False, **more: Any) -> list[int]:
        asked = {"environment": "prod", "runs": 10} | more
        return [row["run_id"] for row in logs.of_versions("versions", "SKY-AD-01", versions=versions, in_flight=in_flight, **asked)]

    assert found("1.0.0") == [4, 1]
    assert found("1.0.0", "2.0.0") == [4, 3, 1]
    assert found("1.0.0", in_flight=True, runs=2) == [5, 4, 4]
    assert found("1.0.0", since=iso(NOW + timedelta(minutes=1))) == [4]
    record = DynamoRunRecord(logs)
    assert not record.healthy("versions", "prod", "SKY-AD-01", "1.0.0"), "its newest run failed"
    assert record.healthy("versions", "dev", "SKY-AD-01", "1.0.0")
    assert record.figures("versions", "prod", "SKY-AD-01", "1.0.0", NOW) == RunFigures(runs=2, failed=1)
    snapshot: dict[str, Any] = dict(record.snapshot("versions", "prod", "SKY-AD-01", "1.0.0"))
    assert [each["run_id"] for each in snapshot["runs"]] == ["4", "1"]
    assert [each["error_message"] for each in snapshot["failures"]] == ["boom"]


def test_a_canarys_run_is_not_among_those_the_kpi_is_judged_by(logs: DynamoRunLogs) -> None:
    part = {"canary_id": "c-1", "subset": {"entities": ["JFK"]}}
    for number, changes in ((1, {}), (2, {"canary": part})):
        run = make_run(kpi(), run_id=number, tenant_id="canaries", **changes)
        logs.insert([open_row(run), close_row(run, Outcome(status=RunStatus.SUCCESS), NOW, sla_breached=False)])
    assert [row["run_id"] for row in logs.recent_closes("canaries", "SKY-AD-01", 5)] == [1]
    rows = logs.of_versions("canaries", "SKY-AD-01", environment="prod", versions=["1.0.0"], runs=5, in_flight=False)
    assert [row.get("canary") for row in rows] == ["c-1", None]


def test_the_dictionary_is_imported_read_and_not_imported_twice(clients: Clients) -> None:
    catalog = DynamoCatalog(clients, "t-catalog")
    of = kpi()
    store = DynamoControlStore(clients, "t-catalog", "t-audit")
    plane = ControlPlane(store, FixedClock(NOW), lambda: "id", lambda _tenant, _where: Policy(), Runs())
    importing = CatalogImport(catalog, plane, Scope("skyway", Environment.PRD, "sha"))
    assert importing.run(dictionary(of)).created
    assert importing.run(dictionary(of)).unchanged == 1
    active = catalog.active("skyway", "prod", of.id)
    assert active is not None
    found = catalog.definition("skyway", "prod", of.id, active.contract_version, active.definition_hash)
    assert found is not None
    assert found.kpi == of
    assert found.sources["GDP_Flights"].table == "gdp_flights"
    assert catalog.definition("acme", "prod", of.id, "1.0.0") is None


def test_a_tenants_settings_are_seen_as_soon_as_they_are_written(clients: Clients) -> None:
    catalog = DynamoCatalog(clients, "t-catalog")
    for year in (2013, 2014):
        settings = TENANT.model_copy(update={"replay_year": year})
        catalog.write("skyway", [{"sk": "prod#tenant", "settings": settings.model_dump_json()}], [])
        assert catalog.tenant("skyway", "prod") == settings

"""Evidence of the demo's real runs: `kpi audit export` makes a bundle, `kpi audit verify` checks it without the platform."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from boto3.dynamodb.conditions import Key
from click.testing import Result
from typer.testing import CliRunner

from cli import stack as stacks
from cli.audit import app
from cli.errors import ExitCode, KpiError
from kpis.common import Environment
from lambdas.adapters import evidence_reads
from lambdas.adapters.audit_chain import AuditChains, event_key
from lambdas.adapters.checkpoints import object_key
from lambdas.adapters.control_store import DynamoControlStore
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.checkpoint import make_checkpoint
from lambdas.domain.audit.event import Actor
from lambdas.domain.control import keys
from lambdas.domain.control.desk import Call
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.policy import Policy
from lambdas.domain.control.requests import ChangeRequest, Choice, Side
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import HEAD
from lambdas.domain.timestamps import iso
from tests.local.conftest import Stack
from tests.unit.lambdas.control.office import Runs
from tests.unit.lambdas.memory import FixedClock

pytestmark = pytest.mark.local
TENANT, KPI = "acme", "CFO-EF-02"
NOW = datetime.now(UTC)


class Platform:
    """The demo with an audit chain, checkpoints and a signing key of the test's own, and a copy of the tenant's catalog to change."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"test-evidence-{uuid4().hex[:8]}"
        self.dynamodb, self.s3, self.kms = (stack.client(service) for service in ("dynamodb", "s3", "kms"))
        self.tables = {"catalog": f"{self.name}-catalog", "audit": f"{self.name}-audit"}
        for table in self.tables.values():
            self.dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )
        self.s3.create_bucket(Bucket=self.name)
        self.key_id = self.kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        for row in stack.dynamodb.Table(stack.outputs["tables"]["catalog"]).query(
            KeyConditionExpression=Key("pk").eq(TENANT) & Key("sk").begins_with("prod#")
        )["Items"]:
            stack.dynamodb.Table(self.tables["catalog"]).put_item(Item=row)
        self.store = DynamoControlStore(stack.client, self.tables["catalog"], self.tables["audit"])

    @property
    def outputs(self) -> dict[str, Any]:
        return self.stack.outputs | {"tables": self.stack.outputs["tables"] | self.tables, "auditBucket": self.name}

    @property
    def key(self) -> KmsKey:
        return KmsKey(self.stack.client, self.key_id)

    def plane(self, at: datetime) -> ControlPlane:
        return ControlPlane(self.store, FixedClock(at), lambda: uuid4().hex, lambda _tenant, _environment: Policy(), Runs())

    def call(self, who: str) -> Call:
        return Call(TENANT, Environment.PRD, Actor(subject=who, role="client-admin"), "the mapping is wrong", uuid4().hex)

    def pauses(self, count: int, at: datetime) -> None:
        """Pause and resume the KPI, a second apart: so many events."""
        for number in range(count):
            pausing = self.plane(at + timedelta(seconds=number)).pausing
            (pausing.resume if number % 2 else pausing.pause)(self.call("ada"), Scope(kpi_id=KPI))

    def checkpoint(self) -> None:
        events = AuditChains(self.stack.client, self.tables["catalog"], self.tables["audit"]).read(TENANT)
        signed = make_checkpoint(events, at=iso(NOW), previous=None, sign=self.key.sign, key_id=self.key.arn)
        assert signed is not None
        self.s3.put_object(Bucket=self.name, Key=object_key(TENANT, len(events)), Body=signed.model_dump_json().encode())

    def export(self, out: Path, *more: str, since: datetime = NOW - timedelta(days=30)) -> Result:
        asked = ["--from", since.isoformat(), "--key-id", self.key_id, "--out", str(out)]
        return CliRunner().invoke(app, ["export", TENANT, KPI, *asked, *more])

    def drop(self) -> None:
        for table in self.tables.values():
            self.dynamodb.delete_table(TableName=table)
        for each in self.s3.list_objects_v2(Bucket=self.name).get("Contents", []):
            self.s3.delete_object(Bucket=self.name, Key=each["Key"])
        self.s3.delete_bucket(Bucket=self.name)
        self.kms.schedule_key_deletion(KeyId=self.key_id, PendingWindowInDays=7)


@pytest.fixture
def platform(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    made = Platform(stack)
    monkeypatch.setattr(stacks, "outputs", lambda _settings, _name: made.outputs)
    yield made
    made.drop()


def records(content: bytes, name: str) -> list[dict[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [json.loads(line) for line in archive.read(name).splitlines()]


def test_the_evidence_of_real_runs_is_exported_and_holds_without_the_platform(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_reads, "PAGE", 5)
    platform.pauses(2, NOW - timedelta(days=40))
    plane = platform.plane(NOW - timedelta(hours=1))
    asked = plane.approvals.submit(platform.call("ada"), KPI, "1.0.0", Action.DEPRECATE)
    content = ChangeRequest.model_validate_json(platform.store.row(TENANT, keys.request(asked.request_id)).text("request")).content_hash
    plane.approvals.decide(platform.call("ben"), asked.request_id, Choice.APPROVE, Side.TECHNICAL, content)
    out = tmp_path / "bundle.zip"
    done = platform.export(out, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    checked = CliRunner().invoke(app, ["verify", str(out), "--fingerprint", told["key_fingerprint"]])
    assert checked.exit_code == 0, checked.output
    assert "2 events of the period are one chain under its root; earlier events of the KPI under it: 1" in checked.output

    content = out.read_bytes()
    runs = records(content, "records/runs.jsonl")
    real = [row for row in platform.stack.log_rows("run", TENANT, kpi_id=KPI) if row["environment"] == "prod"]
    assert sorted((row["run_id"], row["entry"]) for row in runs) == sorted((int(row["run_id"]), row["entry"]) for row in real)
    for name, table in (("sourcing", "sourcing"), ("post_validation", "post-validation"), ("delivery", "delivery")):
        wanted = sum(len(platform.stack.log_rows(table, TENANT, run_id=run_id)) for run_id in {row["run_id"] for row in runs})
        assert told["records"][name] == wanted > 0
    assert {row["definition_hash"] for row in runs} == {row["definition_hash"] for row in records(content, "records/artifacts.jsonl")}
    paths = {row["path"] for row in records(content, "records/artifacts.jsonl")}
    assert f"cloudwatch/{TENANT}.prod/dashboards/kpi-local-{TENANT}-prod-overview.json" in paths, "the dashboards that show it"
    assert "grafana/dashboards/executive.json" in paths
    assert not [path for path in paths if "discco" in path or "skyway" in path]
    (request,) = records(content, "records/approvals.jsonl")
    assert [each["by"]["subject"] for each in request["decisions"]] == ["ben"]
    (lineage,) = records(content, "records/lineage.jsonl")
    assert {link["evidence"] for link in lineage["links"] if link["target"] == f"kpi:{KPI}"} == {"both"}


def test_a_bundle_that_was_tampered_with_is_named_and_exits_with_1(platform: Platform, tmp_path: Path) -> None:
    platform.pauses(1, NOW - timedelta(hours=1))
    out = tmp_path / "bundle.zip"
    assert platform.export(out).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["records/runs.jsonl"] = files["records/runs.jsonl"].replace(b"success", b"skipped", 1)
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    checked = CliRunner().invoke(app, ["verify", str(out)])
    assert checked.exit_code == 1
    assert "records/runs.jsonl: it was changed after the manifest was signed" in checked.output


def test_an_event_changed_in_the_table_stops_the_export(platform: Platform, tmp_path: Path) -> None:
    platform.pauses(3, NOW - timedelta(hours=1))
    table = platform.stack.dynamodb.Table(platform.tables["audit"])
    key = {"pk": TENANT, "sk": event_key(2)}
    changed = table.get_item(Key=key)["Item"]["event"].replace("the mapping is wrong", "somebody else did it")
    table.update_item(
        Key=key, UpdateExpression="SET #e = :e", ExpressionAttributeNames={"#e": "event"}, ExpressionAttributeValues={":e": changed}
    )
    done = platform.export(tmp_path / "bundle.zip")
    assert isinstance(done.exception, KpiError)
    assert "the audit chain of acme is broken at event 2" in str(done.exception)
    assert done.exception.code is ExitCode.FAILED
    assert not (tmp_path / "bundle.zip").exists()


def test_a_chain_that_lost_its_end_and_its_head_with_it_does_not_pass_its_checkpoint(platform: Platform, tmp_path: Path) -> None:
    platform.pauses(3, NOW - timedelta(hours=1))
    platform.checkpoint()
    assert platform.export(tmp_path / "whole.zip").exit_code == 0
    platform.dynamodb.delete_item(TableName=platform.tables["audit"], Key={"pk": {"S": TENANT}, "sk": {"S": event_key(3)}})
    second = AuditChains(platform.stack.client, platform.tables["catalog"], platform.tables["audit"])._events(TENANT, 2)
    head = {"pk": TENANT, "sk": HEAD, "seq": 2, "hash": list(second)[-1].hash}
    platform.stack.dynamodb.Table(platform.tables["catalog"]).put_item(Item=head)
    assert "it was cut short" in str(platform.export(tmp_path / "bundle.zip").exception)


def test_a_definition_changed_past_the_control_plane_stops_the_export(platform: Platform, tmp_path: Path) -> None:
    platform.pauses(1, NOW - timedelta(hours=1))
    table = platform.stack.dynamodb.Table(platform.tables["catalog"])
    row = table.get_item(Key={"pk": TENANT, "sk": f"prod#kpi#{KPI}#1.0.0"})["Item"]
    table.put_item(Item=row | {"definition": row["definition"].replace("Chief Financial Officer", "Somebody")})
    assert "it was changed past the control plane" in str(platform.export(tmp_path / "bundle.zip").exception)


def test_a_log_without_events_is_not_exported(platform: Platform, tmp_path: Path) -> None:
    assert "has no chain yet" in str(platform.export(tmp_path / "bundle.zip").exception)


def test_evidence_is_never_overwritten(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_text("mine")
    assert "exists already" in str(platform.export(tmp_path / "bundle.zip").exception)

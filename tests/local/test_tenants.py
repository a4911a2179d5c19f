"""A tenancy from its stack's config to its end: usable right after `pulumi up`, changed through HTTP, exported, verified, revoked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import yaml

from cli import demo_users
from cli import stack as stacks
from lambdas.adapters.audit_chain import AuditChains
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.domain.audit.chain import first_break
from lambdas.domain.tenants.alerts import mark
from lambdas.domain.tenants.listeners import AlertTarget
from tests.local.conftest import Stack, wait_until
from tests.local.workflows.company import kpi, written

pytestmark = pytest.mark.local

PASSWORD = "never/to:be@seen"
ENDPOINT = {"kind": "postgresql", "host": "db.throwaway.example", "port": 5433, "database": "finance"}
CONFIG = {
    "aws:region": "us-east-1",
    "kpi-observatory:accountId": "123456789012",
    "kpi-observatory:platform": "platform.local",
    "kpi-observatory:displayName": "Throwaway",
    "kpi-observatory:timezone": "Europe/Berlin",
    "kpi-observatory:currency": "EUR",
    "kpi-observatory:protect": "false",
    "kpi-observatory:logRetentionDays": "30",
    "kpi-observatory:limits": {"reads": 300},
    "kpi-observatory:changePolicy": {"grace": "10d", "windows": [{"days": [0, 1, 2, 3], "start": "08:00", "end": "18:00"}]},
    "kpi-observatory:holidays": [{"date": "2026-12-25", "name": "Christmas"}],
    "kpi-observatory:sources": ["GDP_Flights"],
}


@dataclass
class Tenancy:
    """A throwaway tenant with one administrator of its own."""

    stack: Stack
    name: str
    person: str
    password: str

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        settings = self.stack.settings
        return subprocess.run(list(command), cwd=settings.root, env=settings.process_env(), capture_output=True, text=True, check=False)

    def kpi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.stack.settings.root / "bin" / "kpi"), "tenant", *arguments)

    def ask(self, method: str, path: str, body: Any = None, *, token: str | None = None, **query: str) -> requests.Response:
        url = f"{self.stack.outputs['apiUrl'].rstrip('/')}{path}"
        headers = {"Authorization": f"Bearer {token or self.token()}", "X-Idempotency-Key": uuid4().hex}
        content = {"reason": "a test of tenancies"} | body if body is not None else None
        return requests.request(method, url, json=content, headers=headers, params=query, timeout=60)

    def token(self) -> str:
        answer = self.stack.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.stack.outputs["userPoolClientId"],
            AuthParameters={"USERNAME": self.person, "PASSWORD": self.password},
        )
        return str(answer["AuthenticationResult"]["IdToken"])

    def secret(self) -> dict[str, Any]:
        """What runs would open the warehouse with."""
        value = self.stack.client("secretsmanager").get_secret_value(SecretId=f"kpi/local/{self.name}/prod/warehouse")["SecretString"]
        found: dict[str, Any] = json.loads(value)
        return found

    def chain(self) -> tuple[Any, ...]:
        tables = self.stack.outputs["tables"]
        return AuditChains(self.stack.client, tables["catalog"], tables["audit"]).read(self.name)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tenancy(stack: Stack) -> Iterator[Tenancy]:
    made = Tenancy(stack, f"gone-{uuid4().hex[:6]}", "", f"Aa1!{uuid4().hex}")
    made.person = f"admin@{made.name}.example"
    config = stack.settings.root / "stacks" / f"Pulumi.{made.name}.prod.yaml"
    config.write_text(yaml.safe_dump({"config": CONFIG}))
    name = f"{made.name}.prod"
    pool, cognito = stack.outputs["userPoolId"], stack.client("cognito-idp")
    demo_users._create(cognito, pool, demo_users.Person(made.person, "client-admin", made.name), made.password)
    try:
        for arguments in (("stack", "init", name, "--no-select"), ("up", "-s", name, "--yes", "--skip-preview")):
            done = made.run("pulumi", *arguments, "--non-interactive", "--color", "never")
            assert done.returncode == 0, done.stdout + done.stderr
        yield made
    finally:
        cognito.admin_delete_user(UserPoolId=pool, Username=made.person)
        if stacks.exists(stack.settings, name):
            made.run("pulumi", "destroy", "-s", name, "--yes", "--skip-preview", "--non-interactive")
            made.run("pulumi", "stack", "rm", "-s", name, "--yes", "--preserve-config", "--non-interactive")
        config.unlink()
        for backup in stacks.state_file(stack.settings, name).parent.glob(f"{name}.json.bak*"):
            backup.unlink()


def test_a_tenant_is_usable_by_its_stacks_config_alone(tenancy: Tenancy) -> None:
    answer = tenancy.ask("GET", "/tenant/settings")
    assert answer.status_code == 200, answer.text
    settings = answer.json()["settings"]
    assert (settings["display_name"], settings["timezone"], settings["currency"]) == ("Throwaway", "Europe/Berlin", "EUR")
    assert (settings["limits"], settings["policy"]["grace"]) == ({"reads": 300, "writes": 120}, "10d")
    assert settings["policy"]["timezone"] == "Europe/Berlin"
    assert settings["calendar"]["holidays"] == [{"date": "2026-12-25", "name": "Christmas"}]
    assert tenancy.ask("GET", "/tenant/connections").json()["items"][0]["version_id"] is None
    assert tenancy.ask("GET", "/audit").status_code == 200


def test_its_first_kpi_reads_a_table_that_its_stack_names_and_no_other(tenancy: Tenancy) -> None:
    definition = written(kpi("SKY-AD-01", "1.0.0", tenancy.name, environments=["prod"]))
    drafted = tenancy.ask("POST", "/kpis", {"definition": definition})
    assert drafted.status_code == 201, drafted.text
    definition["id"], definition["sources"][0]["gdp"] = "SKY-AD-02", "GDP_Sales"
    refused = tenancy.ask("POST", "/kpis", {"definition": definition})
    assert (refused.status_code, "GDP_Sales, which is not a declared source" in refused.text) == (403, True), refused.text


def test_the_platforms_administrator_sees_it_by_acting_for_it(tenancy: Tenancy) -> None:
    stack = tenancy.stack
    token = demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, "platform-admin@kpi.example")
    answer = stack.get("/tenant/settings", token=token, headers={"X-Tenant-Id": tenancy.name})
    assert (answer.status_code, answer.json()["settings"]["tenant_id"]) == (200, tenancy.name)


def test_changed_settings_reach_the_run_engine(tenancy: Tenancy) -> None:
    loose = tenancy.ask("PUT", "/tenant/settings", {"settings": {"timezone": "Asia/Tokyo", "policy": {"windows": []}}})
    assert (loose.status_code, loose.json()["code"]) == (403, "POLICY_DENY"), "who publishes in production does not say when"
    done = tenancy.ask("PUT", "/tenant/settings", {"settings": {"timezone": "Asia/Tokyo", "currency": "JPY"}})
    assert (done.status_code, done.json().get("action")) == (200, "settings.edit"), done.text
    catalog = DynamoCatalog(tenancy.stack.client, tenancy.stack.outputs["tables"]["catalog"])  # type: ignore[arg-type]
    seen = catalog.tenant(tenancy.name, "prod")
    assert seen is not None
    assert (seen.timezone, seen.currency) == ("Asia/Tokyo", "JPY")
    shown = tenancy.kpi("show", tenancy.name, "prod", "--json")
    assert json.loads(shown.stdout)["decided"] == {"timezone": "Asia/Tokyo", "currency": "JPY"}


def test_a_connection_goes_into_the_vault_and_nowhere_else(tenancy: Tenancy) -> None:
    for password in ("the first one", PASSWORD):
        body = {"endpoint": ENDPOINT, "credentials": {"username": "reader", "password": password}}
        done = tenancy.ask("PUT", "/tenant/connections/warehouse", body)
        assert done.status_code == 200, done.text
    assert tenancy.secret() == {
        "url": "postgresql+psycopg://reader:never%2Fto%3Abe%40seen@db.throwaway.example:5433/finance?sslmode=require"
    }
    told = done.text + tenancy.ask("GET", "/tenant/connections").text + tenancy.ask("GET", "/audit").text
    tables = tenancy.stack.outputs["tables"]
    for table in ("catalog", "audit"):
        told += repr(_rows(tenancy.stack, tables[table], tenancy.name))
    logs = tenancy.stack.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{tenancy.stack.outputs['prefix']}-api", limit=10_000)["events"]
    told += repr([event["message"] for event in events])
    assert "connection.edit" in told
    assert not [each for each in (PASSWORD, "never%2Fto", "the first one", "the%20first") if each in told]


def test_routes_and_subscriptions_are_kept_and_every_call_is_one_event(tenancy: Tenancy) -> None:
    before = len(tenancy.chain())
    route = {"pack": "cfo", "severity": "high", "targets": [{"channel": "email", "address": "ops@throwaway.example"}]}
    report = {"pack": "cfo", "frequency": "monthly", "recipients": ["cfo@throwaway.example"]}
    calls = [
        tenancy.ask("PUT", "/alert-routes/ops-team", {"route": route}),
        tenancy.ask("PUT", "/report-subscriptions/board", {"subscription": report}),
        tenancy.ask("PUT", "/report-subscriptions/passing", {"subscription": report}),
        tenancy.ask("DELETE", "/report-subscriptions/passing", reason="nobody reads it"),
    ]
    assert [call.status_code for call in calls] == [200] * 4, [call.text for call in calls]
    assert [item["route_id"] for item in tenancy.ask("GET", "/alert-routes").json()["items"]] == ["ops-team"]
    assert [item["subscription_id"] for item in tenancy.ask("GET", "/report-subscriptions").json()["items"]] == ["board"]
    chain = tenancy.chain()
    assert len(chain) - before == len(calls)
    assert first_break(chain, tenant_id=tenancy.name) is None


def test_an_alert_reaches_whom_a_route_names_and_nobody_else(tenancy: Tenancy) -> None:
    stack = tenancy.stack
    sns, sqs = stack.client("sns"), stack.client("sqs")
    topic = f"arn:aws:sns:us-east-1:123456789012:{stack.outputs['prefix']}-{tenancy.name}-prod-alerts-routine"
    target = AlertTarget(channel="email", address="ops@throwaway.example")

    def subscribed() -> dict[str, str]:
        found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return {each["Endpoint"]: each["Protocol"] for each in found}

    # The route of the test above: high and critical KPIs of the pack cfo.
    both = {target.address: "email", "cfo@throwaway.example": "email"}
    wait_until(lambda: subscribed() == both, seconds=20, what="the subscriptions of the route's target and of the report's reader")
    # An inbox that lets through what the target's own subscription does.
    queue = sqs.create_queue(QueueName=f"test-{tenancy.name}")["QueueUrl"]
    inbox = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"targets": [mark(target)]})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox, Attributes={"FilterPolicy": policy})
    table = stack.dynamodb.Table(stack.outputs["tables"]["catalog"])
    packs = {"THR-CF-01": "cfo", "THR-OP-01": "operations"}
    rows = [{"pk": tenancy.name, "sk": f"prod#kpi#{kpi}#1.0.0", "pack": pack} for kpi, pack in packs.items()]
    try:
        for row in rows:
            table.put_item(Item=row)
        for kpi, level in (("THR-OP-01", "critical"), ("THR-CF-01", "low"), ("THR-CF-01", "high")):
            detail = {"tenant_id": tenancy.name, "environment": "prod", "kpi_id": kpi, "criticality": level, "value": 17.5}
            entry = {"Source": "kpi.observatory", "DetailType": "kpi.sla.breach", "Detail": json.dumps(detail)}
            answer = stack.client("events").put_events(Entries=[entry | {"EventBusName": stack.outputs["busName"]}])
            assert answer["FailedEntryCount"] == 0
        messages = _received(sqs, queue)
        assert [(each["Subject"], json.loads(each["Message"])["criticality"]) for each in messages] == [
            (f"THR-CF-01 SLA breach ({tenancy.name} prod)", "high")
        ]
        assert "17.5" not in messages[0]["Message"], "the number itself is not told"
    finally:
        sqs.delete_queue(QueueUrl=queue)
        for row in rows:
            table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})


def _received(sqs: Any, queue: str) -> list[dict[str, Any]]:
    """What arrives until nothing more does."""
    found: list[dict[str, Any]] = []
    wait = 20
    while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=wait, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
        wait = 4
    return found


def test_a_tenancy_ends_with_a_verified_export_or_not_at_all(tenancy: Tenancy, tmp_path: Path) -> None:
    out = tmp_path / "export"
    end = ("offboard", tenancy.name, "prod", "--out", str(out))
    refused = tenancy.kpi(*end, "--revoke", "--reason", "the contract ended", "--yes")
    assert (refused.returncode, "without a verified export" in refused.stderr) == (2, True), refused.stderr
    first = tenancy.kpi(*end)
    assert first.returncode == 0, first.stdout + first.stderr
    assert tenancy.person in first.stdout
    assert tenancy.token(), "a call without --revoke takes nothing away"

    good = (out / "audit.jsonl").read_bytes()
    (out / "audit.jsonl").write_bytes(good.replace(b"a test of tenancies", b"a test of treachery", 1))
    broken = tenancy.kpi(*end, "--revoke", "--reason", "the contract ended", "--yes")
    assert (broken.returncode, "audit.jsonl" in broken.stderr) == (1, True), broken.stderr
    (out / "audit.jsonl").write_bytes(good)

    assert tenancy.ask("PUT", "/tenant/settings", {"settings": {"currency": "EUR"}}).status_code == 200
    stale = tenancy.kpi(*end, "--revoke", "--reason", "the contract ended", "--yes")
    assert (stale.returncode, "since the export: 1 events" in stale.stderr) == (1, True), stale.stderr

    late = ("offboard", tenancy.name, "prod", "--out", str(tmp_path / "late"))
    assert tenancy.kpi(*late).returncode == 0
    done = tenancy.kpi(*late, "--revoke", "--reason", "the contract ended", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    _is_gone(tenancy)
    record = json.loads((tmp_path / "late" / "revocation.json").read_text())
    assert (record["people_disabled"], record["stack_destroyed"]) == ([tenancy.person], True)
    revoked, offboarded = tenancy.chain()[-2:]
    assert (revoked.action, revoked.reason, offboarded.action) == ("tenant.revoke", "the contract ended", "tenant.offboard")
    again = tenancy.kpi(*late, "--revoke", "--reason", "the contract ended", "--yes")
    assert again.returncode == 0, again.stdout + again.stderr
    assert tenancy.chain()[-2:] == (revoked, offboarded), "a repetition takes nothing more away and is no second event"
    exported = [json.loads(line) for line in (tmp_path / "late" / "audit.jsonl").read_text().splitlines()]
    assert [event["action"] for event in exported].count("settings.edit") == 2


def _is_gone(tenancy: Tenancy) -> None:
    stack, prefix = tenancy.stack, tenancy.stack.outputs["prefix"]
    cognito, secrets = stack.client("cognito-idp"), stack.client("secretsmanager")
    user = cognito.admin_get_user(UserPoolId=stack.outputs["userPoolId"], Username=tenancy.person)
    assert user["Enabled"] is False
    with pytest.raises(cognito.exceptions.ClientError):
        tenancy.token()
    with pytest.raises(secrets.exceptions.ClientError):
        secrets.get_secret_value(SecretId=f"kpi/local/{tenancy.name}/prod/warehouse")
    groups = [group["Name"] for group in stack.client("scheduler").list_schedule_groups()["ScheduleGroups"]]
    assert f"{prefix}-{tenancy.name}-prod" not in groups
    assert not stacks.exists(stack.settings, f"{tenancy.name}.prod")
    rows = {str(row["sk"]["S"]).split("#", 2)[1] for row in _rows(stack, stack.outputs["tables"]["catalog"], tenancy.name)}
    assert rows.isdisjoint({"tenant", "settings", "connection", "alertroute", "report"})
    wait_until(lambda: tenancy.kpi("show", tenancy.name, "prod").returncode != 0, seconds=5, what="the end of the registration")


def _rows(stack: Stack, table: str, tenant: str) -> list[dict[str, Any]]:
    found = stack.client("dynamodb").query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": tenant}}, ConsistentRead=True
    )
    items: list[dict[str, Any]] = found["Items"]
    return items

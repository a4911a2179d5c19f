"""How widgets read DynamoDB: one tenant's rows, as that tenant, bounded, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.widget_reads import MAX_ROWS, TableReader, Tables, TenantReaders, session_policy
from lambdas.domain.widget_request import WidgetError
from lambdas.widgets import handler

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
ENDPOINT = "arn:aws:lambda:us-east-1:123456789012:function:kpi-local-widgets"


class Table:
    """A table as DynamoDB answers queries: pages, order, limits."""

    def __init__(self, rows: Sequence[tuple[str, str, str]], page: int = 50, triggered_by: Mapping[str, str] | None = None) -> None:
        """Rows are partition, sort key, environment; `triggered_by` by sort key."""
        self.triggered_by = triggered_by or {}
        self.rows = sorted(rows, key=lambda row: row[1], reverse=True)
        self.page = page
        self.asked: list[dict[str, Any]] = []

    def query(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        values = {name: value["S"] for name, value in arguments["ExpressionAttributeValues"].items()}
        low, high = values.get(":low", values.get(":sk", "")), values.get(":high", values.get(":sk", "") + "~")
        found = [row for row in self.rows if row[0] == values[":pk"] and low <= row[1] <= high]
        start = next((at for at, row in enumerate(found) if row[1] == arguments.get("ExclusiveStartKey")), -1) + 1
        rows = found[start : start + min(self.page, arguments["Limit"])]
        more = start + len(rows) < len(found)
        items = [
            {"run_id": {"N": str(int(key[:19]))}, "entry": {"S": "close"}, "kpi_id": {"S": "SKY-AD-01"}, "environment": {"S": environment}}
            | ({"triggered_by": {"S": self.triggered_by[key]}} if key in self.triggered_by else {})
            for _, key, environment in rows
        ]
        return {"Items": items} | ({"LastEvaluatedKey": rows[-1][1]} if more else {})


def reader(of: Table, tenant_id: str = "skyway", environment: str = "prod") -> TableReader:
    logs = dict.fromkeys(("run", "sourcing", "pre-validation", "post-validation", "delivery"), "t")
    return TableReader(lambda _service: of, Tables("catalog", logs), tenant_id, environment)


def key_at(moment: datetime, number: int = 0) -> str:
    milliseconds = int((moment - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    return f"{(milliseconds << 20) + number:019d}#close"


def test_runs_are_read_by_the_time_range_over_all_pages():
    inside = [("skyway", key_at(NOW - timedelta(minutes=1), number), "prod") for number in range(180)]
    outside = [("skyway", key_at(NOW - timedelta(days=2)), "prod"), ("skyway", key_at(NOW + timedelta(days=1)), "prod")]
    page = reader(Table([*inside, *outside])).runs(NOW - timedelta(hours=1), NOW)
    assert len(page.rows) == 180
    assert page.complete


def test_what_one_question_reads_is_bounded():
    table_ = Table([("skyway", key_at(NOW, number), "prod") for number in range(MAX_ROWS + 500)], page=1_000)
    page = reader(table_).runs(NOW - timedelta(hours=1), NOW + timedelta(hours=1))
    assert (len(page.rows), page.complete) == (MAX_ROWS, False)


def test_rows_of_other_environments_are_left_out():
    table_ = Table([("skyway", key_at(NOW, 1), "prod"), ("skyway", key_at(NOW, 2), "dev")])
    assert len(reader(table_).runs(NOW - timedelta(hours=1), NOW + timedelta(hours=1)).rows) == 1


def test_runs_of_canaries_are_left_out_since_nobody_gets_what_they_compute():
    own, canary = key_at(NOW, 1), key_at(NOW, 2)
    by = {own: "schedule", canary: "canary/c-1/7"}
    span = Table([("skyway", own, "prod"), ("skyway", canary, "prod")], triggered_by=by)
    index = Table([("skyway#SKY-AD-01", own, "prod"), ("skyway#SKY-AD-01", canary, "prod")], triggered_by=by)
    for page in (reader(span).runs(NOW - timedelta(hours=1), NOW + timedelta(hours=1)), reader(index).runs_of("SKY-AD-01", 5)):
        assert [run["triggered_by"] for run in page.rows] == ["schedule"]


def test_every_query_names_the_tenant_as_its_partition():
    table_ = Table([("skyway", key_at(NOW), "prod"), ("acme", key_at(NOW, 1), "prod")])
    mine = reader(table_)
    mine.runs(NOW - timedelta(hours=1), NOW)
    mine.entries("sourcing", NOW - timedelta(hours=1), NOW)
    mine.run("1")
    mine.runs_of("SKY-AD-01", 5)
    partitions = {asked["ExpressionAttributeValues"][":pk"]["S"] for asked in table_.asked}
    assert partitions == {"skyway", "skyway#SKY-AD-01"}


class Roles:
    """STS: gives out sessions and remembers for whom."""

    def __init__(self, error: str | None = None) -> None:
        self.error = error
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "AssumeRole")
        credentials = {"AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c", "Expiration": NOW + timedelta(minutes=15)}
        return {"Credentials": credentials}


def readers(roles: Roles, clock: list[datetime]) -> TenantReaders:
    tables = Tables("kpi-local-catalog", {"run": "kpi-local-log-run"})
    return TenantReaders(
        lambda _service: roles,  # type: ignore[arg-type]
        tables,
        role_arn=lambda tenant, environment: f"arn:aws:iam::123456789012:role/kpi-local-{tenant}-{environment}-run",
        region="us-east-1",
        now=lambda: clock[0],
    )


def test_rows_are_read_as_the_tenant_with_a_session_that_can_only_read_them():
    roles, clock = Roles(), [NOW]
    made = readers(roles, clock)
    made.of("skyway", "prod")
    made.of("skyway", "prod")
    made.of("acme", "prod")
    assert [each["RoleArn"].rsplit("/")[1] for each in roles.asked] == ["kpi-local-skyway-prod-run", "kpi-local-acme-prod-run"]
    assert roles.asked[0]["Tags"] == [{"Key": "tenant_id", "Value": "skyway"}]
    rows, _ = json.loads(roles.asked[0]["Policy"])["Statement"]
    assert set(rows["Action"]) == {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
    assert rows["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"] == ["skyway", "skyway#*"]
    assert rows["Condition"]["Null"] == {"dynamodb:LeadingKeys": "false"}


def test_a_session_is_renewed_before_it_ends():
    roles, clock = Roles(), [NOW]
    made = readers(roles, clock)
    made.of("skyway", "prod")
    clock[0] = NOW + timedelta(minutes=14, seconds=30)
    made.of("skyway", "prod")
    assert len(roles.asked) == 2


def test_a_session_policy_is_within_what_aws_takes():
    tables = ["kpi-a-deployment-of-20-log-post-validation"] * 6
    assert len(session_policy("a" * 20, tables)) <= 2048


def test_a_tenant_that_does_not_exist_is_named():
    with pytest.raises(WidgetError, match=r"there is no tenant nobody in prod, or its rows may not be read \(AccessDenied\)"):
        readers(Roles("AccessDenied"), [NOW]).of("nobody", "prod")


def test_the_function_finds_roles_and_tables_by_its_deployment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("KPI_DEPLOYMENT", "local")
    monkeypatch.setenv("KPI_TABLE_CATALOG", "kpi-local-catalog")
    for name in ("RUN", "SOURCING", "PRE_VALIDATION", "POST_VALIDATION", "DELIVERY"):
        monkeypatch.setenv(f"KPI_TABLE_LOG_{name}", name)
    handler._readers.cache_clear()  # a warm function keeps it
    shown = handler.handler({"describe": True}, SimpleNamespace(invoked_function_arn=ENDPOINT))
    assert shown.startswith("# KPI tables")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["service"] == "widgets"

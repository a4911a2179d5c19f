"""Browsing, monitoring, evidence and health through the API of the running stack."""

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
import requests
from typer.testing import CliRunner

from cli import demo_users
from cli.audit import app as audit_cli
from lambdas.adapters.evidence_exports import bundle_key, problem_key
from lambdas.adapters.signing import KmsKey
from lambdas.domain.audit.evidence import fingerprint
from lambdas.domain.audit.export_jobs import key_of
from lambdas.domain.monitoring.views import COLUMNS, View
from lambdas.domain.timestamps import iso
from tests.local.conftest import Stack, wait_until
from views.execute import AthenaViews

pytestmark = pytest.mark.local
TENANT, KPI = "acme", "CFO-EF-02"


@pytest.fixture(scope="module")
def cfo(stack: Stack) -> str:
    """The token of a reader."""
    return demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, "cfo@acme.example")


@pytest.fixture(scope="module")
def admin(stack: Stack) -> str:
    """The token of a client admin."""
    return demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, "admin@acme.example")


def post(stack: Stack, token: str, path: str, body: dict[str, Any], key: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}", "X-Idempotency-Key": key or uuid4().hex}
    return requests.post(f"{stack.outputs['apiUrl'].rstrip('/')}{path}", json=body, headers=headers, timeout=30)


def items(stack: Stack, token: str, path: str, **query: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = stack.get(path, token=token, **query, **cursor).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("view", list(View))
def test_a_view_has_the_rows_that_the_lake_has(stack: Stack, cfo: str, view: View) -> None:
    """Every row of the lake is there too, with the same values; the lake may be some seconds behind."""
    lake = AthenaViews(stack.client("athena"), stack.outputs["athenaWorkgroup"], stack.outputs["glueDatabase"])
    expected = {
        comparable(row)
        for row in lake.ask(view.value, tenant=TENANT).records()
        if row["kpi_id"] == KPI and row.get("environment", "prod") == "prod"
    }
    found = items(stack, cfo, f"/views/{view}", kpi_id=KPI, limit="100")
    assert all(tuple(row) == COLUMNS[view] for row in found)
    assert expected <= {comparable(row) for row in found}
    if view is not View.SLA_VIOLATIONS:
        assert expected


def comparable(row: dict[str, Any]) -> tuple[str, ...]:
    """A row as text. Athena writes moments in its own way, so they are left out."""
    texts = {name: "" if value is None else str(value) for name, value in row.items() if not name.endswith("_at")}
    return tuple(text.lower() if text in ("True", "False") else text for text in texts.values())


def test_incidents_are_those_of_the_tenants_runs_and_lead_to_them(stack: Stack) -> None:
    token = demo_users.token(stack.client("cognito-idp"), stack.settings, stack.outputs, "cfo@skyway.example")
    found = items(stack, token, "/incidents", since="2020-01-01", limit="20")
    # Of the demo's real week: a hurricane's data never came, and trains of bad verdicts.
    stopped = {row["kpi_id"] for row in stack.log_rows("run", "skyway") if row.get("error_code") == "VALIDATION_FAIL_PRE"}
    assert stopped
    assert {each["kpi_id"] for each in found if each["cause"] == "pre_validation"} == stopped
    assert {each["cause"] for each in found} >= {"pre_validation", "verdict"}
    for each in (found[0], found[-1]):
        one = stack.get(f"/incidents/{each['incident_id']}", token=token).json()
        assert (one["runs"], one["opened_at"]) == (each["runs"], each["opened_at"])
        assert stack.get(each["links"]["last_run"], token=token).json()["run"]["kpi_id"] == each["kpi_id"]


@pytest.fixture
def asked(stack: Stack, cfo: str) -> Iterator[dict[str, Any]]:
    """Evidence of a month that an auditor asked for; its bundle is removed in the end, its audit event stays."""
    now = datetime.now(UTC)
    body = {"kpi_id": KPI, "from": iso(now - timedelta(days=30)), "to": iso(now - timedelta(seconds=2)), "reason": "a check of the export"}
    answer = post(stack, cfo, "/evidence", body)
    assert answer.status_code == 202, answer.text
    yield answer.json()
    export_id = answer.json()["export_id"]
    for key in (bundle_key(TENANT, export_id), problem_key(TENANT, export_id)):
        stack.client("s3").delete_object(Bucket=stack.outputs["artifactsBucket"], Key=key)
    stack.dynamodb.Table(stack.outputs["tables"]["catalog"]).delete_item(Key={"pk": TENANT, "sk": key_of(export_id)})


def test_evidence_is_made_while_the_caller_does_other_things_and_holds_offline(
    stack: Stack, cfo: str, asked: dict[str, Any], tmp_path: Path
) -> None:
    path = f"/evidence/{asked['export_id']}"
    wait_until(lambda: stack.get(path, token=cfo).json()["state"] != "pending", seconds=60, what=f"the bundle of {path}")
    done = stack.get(path, token=cfo).json()
    assert (done["state"], done["problem"]) == ("done", None)
    bundle = tmp_path / "bundle.zip"
    # The link needs no token: it is signed.
    fetched = requests.get(done["url"], timeout=30)
    assert fetched.status_code == 200, fetched.text
    bundle.write_bytes(fetched.content)
    assert len(fetched.content) == done["bytes"]
    key = KmsKey(stack.client, stack.outputs["signingKeyArn"])
    checked = CliRunner().invoke(audit_cli, ["verify", str(bundle), "--fingerprint", fingerprint(key.public_key())])
    assert checked.exit_code == 0, checked.output
    with zipfile.ZipFile(io.BytesIO(fetched.content)) as archive:
        runs = [json.loads(line) for line in archive.read("records/runs.jsonl").splitlines()]
    assert {str(row["run_id"]) for row in runs} == {
        str(row["run_id"]) for row in stack.log_rows("run", TENANT, kpi_id=KPI) if row["environment"] == "prod"
    }
    (event,) = [
        each
        for each in items(stack, cfo, "/audit", action="evidence.export", kpi_id=KPI, environment="prod")
        if each["details"]["export_id"] == asked["export_id"]
    ]
    assert event["reason"] == "a check of the export"


def test_a_link_that_was_changed_opens_nothing(stack: Stack, cfo: str, asked: dict[str, Any]) -> None:
    path = f"/evidence/{asked['export_id']}"
    wait_until(lambda: stack.get(path, token=cfo).json()["state"] != "pending", seconds=60, what=f"the bundle of {path}")
    link = stack.get(path, token=cfo).json()["url"]
    assert requests.get(link, timeout=30).status_code == 200
    for old, new in (
        ("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        (asked["export_id"], "0" * 32),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ):
        assert old in link
        assert requests.get(link.replace(old, new), timeout=30).status_code == 403


def test_evidence_of_another_tenants_kpi_is_not_there(stack: Stack, admin: str) -> None:
    body = {"kpi_id": "SKY-OT-01", "from": "2026-01-01", "to": "2026-01-02", "reason": "curious"}
    answer = post(stack, admin, "/evidence", body)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("check", ["db", "dependencies"])
def test_health_of_the_parts_needs_no_token_and_tells_no_tenant(stack: Stack, check: str) -> None:
    answer = stack.get(f"/health/{check}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ok"
    assert TENANT not in answer.text

"""Search and lineage of the running stack: what an admin writes is found within seconds, and lineage says what runs really read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from boto3.dynamodb.conditions import Key

from cli import aws, demo_users
from kpis.schema import Kpi
from lambdas.adapters.search_index import keeper_of
from lambdas.adapters.settings import from_environment
from tests.local.conftest import Stack, wait_until

pytestmark = pytest.mark.local

TENANT = "acme"
SECONDS = 20.0
"""How long a change may take from the answer to the search: the stream, the index, and a warm function that looks every few seconds."""


class Admin:
    """An admin of a tenant over HTTP."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        self.token = demo_users.token(aws.client(stack.settings, "cognito-idp"), stack.settings, stack.outputs, name)

    def get(self, path: str, **query: str) -> requests.Response:
        return self.stack.get(path, token=self.token, **query)

    def post(self, path: str, body: dict[str, Any], **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", "X-Idempotency-Key": uuid.uuid4().hex}
        url = f"{self.stack.outputs['apiUrl'].rstrip('/')}{path}"
        return requests.post(url, headers=headers, params=query, json=body, timeout=30)

    def found(self, text: str, environment: str = "dev") -> list[str]:
        answer = self.get("/search", q=text, environment=environment)
        answer.raise_for_status()
        return [f"{hit['kpi_id']} {hit['facets']['status']}" for hit in answer.json()["items"]]


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Admin:
    return Admin(stack, f"admin@{TENANT}.example")


@pytest.fixture(scope="module")
def reader(stack: Stack) -> Admin:
    return Admin(stack, "admin@skyway.example")


@pytest.fixture
def draft(stack: Stack) -> Iterator[dict[str, Any]]:
    """A new KPI in dev, made of one that runs, with a word in its name that nothing else has; its rows are gone afterwards."""
    word = f"zeppelin{uuid.uuid4().hex[:10]}"
    row = stack.dynamodb.Table(f"{stack.outputs['prefix']}-catalog").get_item(Key={"pk": TENANT, "sk": "prod#kpi#CFO-AR-01#1.0.0"})["Item"]
    kpi = Kpi.model_validate_json(row["definition"])
    name = f"TST-{uuid.uuid4().hex[:8].upper()}"
    document = json.loads(row["definition"]) | {
        "id": name,
        "name": f"Receivables of the {word}",
        "environments": ["dev"],
        "tenants": [TENANT],
        "contract_version": "1.0.0",
        "change_log": [{"version": "1.0.0", "date": "2026-01-01", "author": "Test", "summary": "First"}],
    }
    assert kpi.id == "CFO-AR-01"
    yield {"word": word, "kpi_id": name, "definition": document}
    _forget(stack, name)


def _forget(stack: Stack, kpi_id: str) -> None:
    """Take every catalog row about a KPI of the test away; the audit events stay."""
    table = stack.dynamodb.Table(f"{stack.outputs['prefix']}-catalog")
    for prefix in (f"dev#kpi#{kpi_id}#", f"dev#open#{kpi_id}", "dev#queue#", "request#"):
        for row in table.query(KeyConditionExpression=Key("pk").eq(TENANT) & Key("sk").begins_with(prefix))["Items"]:
            if row["kpi_id"] == kpi_id:
                table.delete_item(Key={"pk": TENANT, "sk": row["sk"]})


def test_a_new_kpi_is_found_within_seconds_by_its_tenant_alone_and_is_gone_with_its_row(
    stack: Stack, admin: Admin, reader: Admin, draft: dict[str, Any]
) -> None:
    made = admin.post("/kpis", {"reason": "to be found", "definition": draft["definition"]}, environment="dev")
    assert made.status_code == 201, made.text
    wait_until(lambda: admin.found(draft["word"]) == [f"{draft['kpi_id']} draft"], seconds=SECONDS, what="the new KPI in the search")
    assert admin.found(draft["word"], "prod") == []
    assert reader.found(draft["word"]) == []
    submitted = admin.post(f"/kpis/{draft['kpi_id']}/versions/1.0.0/submit", {"reason": "to be found as proposed"}, environment="dev")
    assert submitted.status_code == 200, submitted.text
    wait_until(lambda: admin.found(draft["word"]) == [f"{draft['kpi_id']} proposed"], seconds=SECONDS, what="its new status in the search")
    queue = admin.get("/approvals", environment="dev", kpi_id=draft["kpi_id"]).json()["items"]
    assert [each["request_id"] for each in queue] == [submitted.json()["request_id"]]
    withdrawn = admin.post(f"/approvals/{queue[0]['request_id']}/withdraw", {"reason": "seen"}, environment="dev")
    assert withdrawn.status_code == 200, withdrawn.text
    assert admin.get("/approvals", environment="dev", kpi_id=draft["kpi_id"]).json()["items"] == []
    stack.client("dynamodb").delete_item(
        TableName=f"{stack.outputs['prefix']}-catalog", Key={"pk": {"S": TENANT}, "sk": {"S": f"dev#kpi#{draft['kpi_id']}#1.0.0"}}
    )
    wait_until(lambda: admin.found(draft["word"]) == [], seconds=SECONDS, what="the end of the KPI in the search")


def test_every_kpi_of_the_demo_is_found_by_its_id(admin: Admin) -> None:
    listed = [item["kpi_id"] for item in admin.get("/kpis", limit="200").json()["items"]]
    assert len(listed) > 10
    for kpi_id in listed[:10]:
        assert admin.get("/search", q=kpi_id).json()["items"][0]["kpi_id"] == kpi_id


def test_the_index_of_every_demo_tenant_is_what_its_catalog_holds(stack: Stack) -> None:
    environment = stack.client("lambda").get_function_configuration(FunctionName=f"{stack.outputs['prefix']}-api")["Environment"]
    settings = from_environment(environment["Variables"])
    keeper = keeper_of(stack.client, settings)  # type: ignore[arg-type]
    for tenant in ("acme", "skyway", "discco"):
        wait_until(lambda tenant=tenant: keeper.state(tenant).in_step, seconds=SECONDS, what=f"the index of {tenant} in step")


def test_lineage_says_which_links_runs_really_read_and_which_columns_make_the_value(admin: Admin) -> None:
    answer = admin.get("/kpis/CFO-EF-02/lineage").json()
    links = {(each["source"], each["target"]): each for each in answer["links"]}
    read = links["gdp:GDP_Receivables", "kpi:CFO-EF-02"]
    assert read["evidence"] == "both"
    assert int(read["last_run"]) > 0
    assert read["source_version"]
    uses = {(each["source"], each["column"]): each["uses"] for each in answer["columns"]}
    assert uses["GDP_Receivables", "balance"][0] == "makes the value"


def test_lineage_comes_as_mermaid_and_as_svg(admin: Admin) -> None:
    assert admin.get("/kpis/CFO-HX-01/lineage", format="mermaid").text.startswith("flowchart LR\n")
    drawing = admin.get("/kpis/CFO-HX-01/lineage", format="svg")
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert drawing.text.startswith("<svg ")


def test_impact_of_a_column_names_the_tenant_that_asks_and_no_other(admin: Admin, reader: Admin) -> None:
    change = {"change": "source:GDP_Sales.credit_sales"}
    report = admin.get("/kpis/CFO-EF-02/impact", **change).json()["report"]
    assert report["tenants"] == [TENANT]
    assert {"CFO-EF-02", "CFO-EF-01"} <= {each["kpi_id"] for each in report["affected"]}
    assert reader.get("/kpis/CFO-EF-02/impact", **change).status_code == 404

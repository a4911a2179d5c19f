"""A tenant's catalog of many KPIs in a table of the bench's own, and the control API over it in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from kpis.common import Environment
from kpis.hashing import definition_hash
from kpis.schema import Kpi, Source
from lambdas.adapters.items import to_item
from lambdas.adapters.settings import from_environment
from lambdas.api.composition import Composition
from lambdas.api.control.wiring import application
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import pointed
from lambdas.domain.reconcile import content_hash, declared, definition_attributes
from tests.local.conftest import Stack
from tests.local.throwaway import Tables

BATCH = 25
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def rows_of(kpis: Sequence[Kpi], sources: Sequence[Source], tenant: str) -> Iterator[dict[str, Any]]:
    """What the catalog holds of KPIs that run in prod: a definition and a pointer each."""
    by_id = {source.id: source for source in sources}
    for kpi in kpis:
        tables = declared(by_id[ref.gdp] for ref in kpi.gdp_sources)
        hashed = content_hash(kpi, tables)
        values = definition_attributes(kpi, sources=tables, hashed=hashed, environment="prod", status="active", at=NOW)
        version = kpi.contract_version
        yield {"pk": tenant, "sk": keys.version(Environment.PRD, kpi.id, version), "row_version": 1, **values}
        pointer = pointed(kpi, definition_hash(kpi), {ref.gdp: by_id[ref.gdp] for ref in kpi.gdp_sources})
        yield {"pk": tenant, "sk": keys.active(Environment.PRD, kpi.id), "row_version": 1, **pointer}


def fill(tables: Tables, rows: Iterator[dict[str, Any]]) -> int:
    """Write rows into the catalog; returns how many bytes they are as JSON."""
    items = [to_item(row) for row in rows]

    def write(start: int) -> None:
        waiting: Mapping[str, Any] = {tables.catalog: [{"PutRequest": {"Item": item}} for item in items[start : start + BATCH]]}
        while waiting:
            waiting = tables.client.batch_write_item(RequestItems=waiting).get("UnprocessedItems", {})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(0, len(items), BATCH)))
    return sum(len(json.dumps(item)) for item in items)


class Counted:
    """Clients of the stack that count what is asked of DynamoDB, and how many rows it answers with."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.calls = self.rows = 0

    def __call__(self, service: str) -> Any:
        client = self._stack.client(service)
        return self if service == "dynamodb" else client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._stack.client("dynamodb"), name)
        if name == "exceptions":
            return call

        def counted(**arguments: Any) -> Any:
            answer = call(**arguments)
            self.calls += 1
            self.rows += len(answer.get("Items", ())) + ("Item" in answer)
            return answer

        return counted

    def taken(self) -> str:
        """What was asked since the last time, in words."""
        said = f"{self.calls} DynamoDB calls, {self.rows:,} rows"
        self.calls = self.rows = 0
        return said


class Api:
    """The deployed API's own composition, over the bench's tables."""

    def __init__(self, stack: Stack, tables: Tables, tenant: str) -> None:
        deployed = stack.client("lambda").get_function_configuration(FunctionName=f"{stack.outputs['prefix']}-api")
        settings = from_environment(deployed["Environment"]["Variables"])
        self.clients = Counted(stack)
        settings = replace(settings, catalog_table=tables.catalog, audit_table=tables.audit)
        self.composition = Composition(settings, self.clients)  # type: ignore[arg-type]
        self.tenant = tenant
        self.app = application(lambda: self.composition.ports)
        self.calls = 0

    def get(self, path: str, **query: str) -> Any:
        return self._send("GET", path, query)

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> Any:
        return self._send("POST", path, query, json.dumps({"reason": "to be measured", **body}))

    def _send(self, method: str, path: str, query: Mapping[str, str], body: str = "") -> Any:
        self.calls += 1
        claims = {"sub": "bench", "cognito:groups": "[client-admin]", "custom:tenant_id": self.tenant}
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": urlencode(query),
            "headers": {"X-Idempotency-Key": f"bench-{self.calls}"},
            "queryStringParameters": dict(query),
            "requestContext": {
                "http": {"method": method, "path": path},
                "requestId": f"bench-{self.calls}",
                "stage": "$default",
                "authorizer": {"jwt": {"claims": claims}},
            },
            "body": body,
            "isBase64Encoded": False,
        }
        answer = self.app.resolve(event, None)  # type: ignore[arg-type]
        assert answer["statusCode"] < 300, answer["body"]
        return json.loads(answer["body"])

"""The whole control API in memory: an event of API Gateway goes in, an HTTP answer comes out."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from kpis.hashing import canonical_json
from kpis.schema import Kpi
from lambdas.api.control.catalog_reads import CatalogReads
from lambdas.api.control.ports import Ports
from lambdas.api.control.tenants_ports import TenantPorts
from lambdas.api.control.wiring import application
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.control.canary import Canary, Sample
from lambdas.domain.limits.idempotency import Idempotency
from lambdas.domain.limits.limiter import Limiter, Limits
from lambdas.domain.lineage import Observation
from lambdas.domain.model import RunRequest
from lambdas.domain.search import Index, build, document_of, key_of
from lambdas.domain.tenants.directory import TenantDirectory
from tests.unit.lambdas.api_control.reads import Reads
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import SOURCES, TENANT, Office, kpi
from tests.unit.lambdas.limits.stores import Memory
from tests.unit.lambdas.tenants.vault import MemoryVault

Claims = Mapping[str, Any]


def person(subject: str, *roles: str, tenant: str | None = TENANT, environments: str | None = None) -> Claims:
    claims: dict[str, Any] = {"sub": subject, "cognito:groups": f"[{' '.join(roles)}]"}
    if tenant is not None:
        claims["custom:tenant_id"] = tenant
    if environments is not None:
        claims["custom:environments"] = environments
    return claims


ADA = person("ada", "client-admin")
BEN = person("ben", "client-admin")
EVE = person("eve", "client-admin")
CFO = person("cfo", "read-only")
OPS = person("ops", "platform-admin", tenant="platform")
RIVAL = person("rex", "client-admin", tenant="rival")
NOBODY = person("nobody")


@dataclass(frozen=True)
class Got:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.text)  # type: ignore[no-any-return]


class AuditOf:
    """The audit log as the store in memory has it."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def newest(self, tenant_id: str, before: int | None) -> Iterator[AuditEvent]:
        for event in reversed(self.store.events.get(tenant_id, [])):
            if before is None or event.seq < before:
                yield event


@dataclass
class Deliveries:
    """What both versions of a canary delivered."""

    found: list[Sample] = field(default_factory=list)

    def samples(self, tenant_id: str, canary: Canary) -> Sequence[Sample]:
        del tenant_id, canary
        return self.found


@dataclass
class Started:
    """The executions of the run machine, by name."""

    requests: dict[str, RunRequest] = field(default_factory=dict)

    def start(self, name: str, request: RunRequest) -> bool:
        return self.requests.setdefault(name, request) is request


@dataclass
class Readings:
    """What the latest runs read, of one tenant."""

    seen: list[Observation] = field(default_factory=list)
    asked: list[Sequence[str]] = field(default_factory=list)

    def latest(self, tenant_id: str, environment: str, kpi_ids: Sequence[str]) -> Sequence[Observation]:
        self.asked.append(kpi_ids)
        mine = tenant_id == TENANT and environment == "prod"
        return [each for each in self.seen if mine and each.target.removeprefix("kpi:") in kpi_ids]


class Service:
    """The API over the control plane of an `Office`, whose clock, policies and rows a test may change."""

    def __init__(self, office: Office | None = None) -> None:
        self.office = office or Office()
        self.memory = Memory()
        self.deliveries = Deliveries()
        self.limits = Limits(reads=100_000, writes=100_000)
        self.started = Started()
        self.readings = Readings()
        self.keys = 0
        reads = CatalogReads(self.office.store)
        self.directory = TenantDirectory(self.office.store, time.monotonic)
        self.vault = MemoryVault()
        self.reads = Reads(self.office.store)
        if isinstance(self.office.store, MemoryStore):
            registered = {"display_name": "Skyway", "timezone": "America/New_York", "currency": "USD"}
            row = {"settings": json.dumps(registered)}
            self.office.store.tables.setdefault(TENANT, {}).setdefault("prod#tenant", row)
        self.ports = Ports(
            plane=self.office.plane,
            authorizer=Authorizer(),
            limiter=Limiter(self.memory),
            limits=lambda _tenant: self.limits,
            idempotency=Idempotency(self.memory, self.office.clock.now),
            audit=AuditOf(self.office.store),
            evidence=self.deliveries,
            index=self.index,
            graph=reads.graph,
            sources=lambda _tenant: SOURCES,
            tenants=TenantPorts(self.directory, self.vault),
            reads=self.reads.ports,
            runs=self.started,
            readings=self.readings,
        )
        self.app = application(lambda: self.ports)

    def index(self, tenant_id: str) -> Index:
        documents = []
        for name, table in self.office.store.tables.items():
            for key, row in table.items():
                found = key_of(name, key)
                if found is not None and name == tenant_id:
                    documents.append(document_of(found, row))
        return Index.open(build(documents))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: Claims = ADA,
        query: Mapping[str, str] | None = None,
        tenant: str | None = None,
        key: str | None = "",
        encoded: bool = False,
        raw: bool = False,
    ) -> Got:
        """One request. `key` is made up unless given; None sends none. A `raw` body is said to be base64, whatever it is."""
        self.keys += 1
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["X-Idempotency-Key"] = key or f"key-{self.keys}"
        if tenant is not None:
            headers["X-Tenant-Id"] = tenant
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": urlencode(query or {}),
            "headers": headers,
            "queryStringParameters": dict(query or {}),
            "requestContext": {
                "http": {"method": method, "path": path},
                "requestId": f"request-{self.keys}",
                "stage": "$default",
                "authorizer": {"jwt": {"claims": dict(by)}},
            },
            "body": base64.b64encode(text.encode()).decode() if encoded else text,
            "isBase64Encoded": encoded or raw,
        }
        answer = self.app.resolve(event, None)  # type: ignore[arg-type]
        return Got(answer["statusCode"], answer["headers"], answer["body"])

    def post(self, path: str, body: Any = None, **more: Any) -> Got:
        content = {"reason": "because it is better"} | (body or {})
        return self.send("POST", path, content, **more)

    def get(self, path: str, by: Claims = ADA, tenant: str | None = None, **query: str) -> Got:
        return self.send("GET", path, by=by, tenant=tenant, query=query, key=None)

    def version(self, number: str, last: str = "", kpi_id: str = "SKY-AD-01") -> str:
        return f"/kpis/{kpi_id}/versions/{number}{'/' if last else ''}{last}"

    def written(self, of: Kpi) -> dict[str, Any]:
        """A definition as a caller sends it."""
        return {"definition": json.loads(canonical_json(of))}

    def sign(self, request_id: str, *sides: tuple[Claims, str]) -> Got:
        """Each approver reads the request and signs what it read."""
        last = None
        for who, side in sides or ((BEN, "business"), (EVE, "technical")):
            seen = self.get(f"/approvals/{request_id}", by=who).body["content_hash"]
            decision = {"choice": "approve", "side": side, "content_hash": seen}
            last = self.post(f"/approvals/{request_id}/decision", decision, by=who)
            if last.status != 200 or last.body["details"]["state"] == "approved":
                break
        assert last is not None
        return last

    def live(self, number: str = "1.0.0", **changes: Any) -> None:
        """A version that runs."""
        self.office.live(kpi(number, **changes))

    @property
    def state(self) -> tuple[Any, int]:
        """All rows and how many events there are: what a refusal must leave as it is."""
        rows = json.dumps(self.office.store.tables, sort_keys=True, default=str)
        return rows, sum(len(events) for events in self.office.store.events.values())

"""The control plane with thousands of KPIs: lists, search, lineage, impact, requests and bulk actions; what a cold function pays for.

The catalog is in tables of the bench's own on the embedded DynamoDB, under the API's own composition in this process; what API Gateway
and the deployed function add is measured apart, on the running stack. Every figure of the emulator is that of one Python process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
import requests

from cli import aws, demo_users
from infra import packages
from infra.config import FunctionTarget
from kpis.common import Environment
from lambdas.adapters.index_objects import S3IndexObjects, object_key
from lambdas.domain.audit.event import Actor
from lambdas.domain.control.desk import Call
from lambdas.domain.control.pauses import Scope
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.search import build
from tests.bench.control_catalog import Api, fill, rows_of
from tests.bench.report import Report
from tests.bench.search_corpus import Corpus
from tests.bench.test_impact import catalog
from tests.local.conftest import Stack
from tests.local.throwaway import Tables, own_tables
from tests.unit.lambdas import memory
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import MONDAY, Runs

pytestmark = pytest.mark.bench
BENCH = "control-plane"
ROOT = Path(__file__).resolve().parents[2]
TENANT = "bench"
BULK = 1_000
FRESH = 7
HTTP_CALLS = 60


def timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def spread(report: Report, name: str, call: Callable[[], Any], times: int, aim: str = "") -> None:
    values = [timed(call) for _ in range(times)]
    report.median(BENCH, name, values, "ms", aim=aim)
    report.add(BENCH, f"{name}, p95", quantiles(values, n=20)[-1], "ms", aim=aim)


class Catalog:
    """Reads and writes of one tenant, each reported with this process's own CPU and what it asked of DynamoDB."""

    def __init__(self, api: Api, report: Report, title: str) -> None:
        self.api, self.report, self.title = api, report, title

    def of(self, name: str, call: Callable[[], Any], times: int = 1) -> None:
        wall: list[float] = []
        busy: list[float] = []
        for _ in range(times):
            self.api.clients.taken()
            cpu = time.process_time()
            wall.append(timed(call))
            busy.append((time.process_time() - cpu) * 1000)
        asked = self.api.clients.taken()
        self.report.add(BENCH, f"{self.title}: {name}", median(wall), "ms", of=f"median of {times}" if times > 1 else "once")
        self.report.add(BENCH, f"{self.title}: {name}, own CPU", median(busy), "ms", of=asked)


@pytest.fixture(scope="module")
def tables(stack: Stack) -> Iterator[Tables]:
    with own_tables(stack) as made:
        yield made


@pytest.mark.parametrize("count", [2_000, 10_000])
def test_a_tenant_with_thousands_of_kpis(stack: Stack, tables: Tables, report: Report, count: int) -> None:
    """2,000 is what a tenant has when 100,000 KPIs belong to 50 of them: a tenant's rows are read, never another one's."""
    tenant, (kpis, sources) = f"{TENANT}-{count}", catalog(count)
    size = fill(tables, rows_of(kpis, sources, tenant))
    report.add(BENCH, f"{count:,} KPIs: rows of the tenant", size / 1e6, "MB", of=f"{len(kpis):,} definitions")
    api = Api(stack, tables, tenant)
    first, last = kpis[0].id, kpis[-1].id
    of = Catalog(api, report, f"{count:,} KPIs").of
    of("list, a page of 50", lambda: api.get("/kpis", limit="50"), 5)
    of("first lineage of a process", lambda: api.get(f"/kpis/{last}/lineage", runs="false"))
    of("lineage, warm", lambda: api.get(f"/kpis/{last}/lineage", runs="false"), 20)
    for change in ("definition", "deprecation"):
        of(f"impact of a {change}, warm", lambda change=change: api.get(f"/kpis/{first}/impact", change=change), 20)
    api.post("/bulk", {"action": "kpi.pause", "items": [{"kpi_id": last, "version": kpis[-1].contract_version}]})
    of("lineage after a write that changes no version", lambda: api.get(f"/kpis/{last}/lineage", runs="false"))
    path = f"/kpis/{first}/versions/{kpis[0].contract_version}/submit"
    of("a change request with its impact", lambda: api.post(path, {"requested": "unpublish"}))
    of("queue of change requests", lambda: api.get("/approvals"), 20)


def test_a_bulk_pause(stack: Stack, tables: Tables, report: Report) -> None:
    """Each KPI in its own transaction with its own audit event."""
    chosen, sources = catalog(BULK)
    tenant = f"{TENANT}-bulk"
    fill(tables, rows_of(chosen, sources, tenant))
    ids = [kpi.id for kpi in chosen]
    stored = Api(stack, tables, tenant).composition.ports.plane
    in_memory = MemoryStore()
    in_memory.tables[tenant] = {row["sk"]: row for row in rows_of(chosen, sources, tenant)}
    plane = ControlPlane(in_memory, memory.FixedClock(MONDAY), lambda: uuid.uuid4().hex, stored.policy, Runs())
    for what, each in (("own time, store in memory", plane), ("on the embedded DynamoDB", stored)):
        report.add(BENCH, f"bulk pause of {BULK:,} KPIs: {what}", _paused(each, tenant, ids) / 1000, "s", of=f"{BULK:,} audit events")


def _paused(plane: ControlPlane, tenant: str, ids: list[str]) -> float:
    call = Call(tenant, Environment.PRD, Actor(subject="ada", role="client-admin"), "to be measured", uuid.uuid4().hex)
    until = plane.clock.now() + timedelta(hours=1)
    began = time.perf_counter()
    done = plane.bulk(call, ids, lambda each, kpi_id: plane.pausing.pause(each, Scope(kpi_id=kpi_id), until=until))
    assert (len(done.done), done.refused) == (len(ids), ())
    return (time.perf_counter() - began) * 1000


def test_search_through_http(stack: Stack, report: Report) -> None:
    """The deployed function with an index of a tenant of the bench's own, which has nothing but that object."""
    tenant, bucket = f"bench-{uuid.uuid4().hex[:8]}", str(_variables(stack)["KPI_ARTIFACTS_BUCKET"])
    documents = [_of(each, tenant) for each in Corpus(10_000, 1).documents()]
    S3IndexObjects(stack.client, bucket).write(tenant, build(documents), None)  # type: ignore[arg-type]
    words = iter(
        ["revenue", "cash margin", "flight delay", "liq", "customer", "rate", "working capital", "tax", "store", "loss"] * HTTP_CALLS
    )
    try:
        token = demo_users.token(aws.client(stack.settings, "cognito-idp"), stack.settings, stack.outputs, "platform-admin@kpi.example")
        asked = _http(stack, token, tenant)
        report.add(BENCH, "search through HTTP, 10,000 entries: first of the tenant", timed(lambda: asked("/search", q="revenue")), "ms")
        spread(report, "search through HTTP, 10,000 entries", lambda: asked("/search", q=next(words)), HTTP_CALLS, "< 1 s")
    finally:
        stack.client("s3").delete_object(Bucket=bucket, Key=object_key(tenant))
    own = _http(stack, token, "acme")
    for path, query in (
        ("/health", {}),
        ("/kpis", {"limit": "50"}),
        ("/search", {"q": "receivable"}),
        ("/kpis/CFO-HX-01/lineage", {}),
        ("/kpis/CFO-EF-02/impact", {"change": "deprecation"}),
        ("/approvals", {}),
        ("/audit", {}),
    ):
        own(path, **query)
        spread(report, f"GET {path} through HTTP, the demo's tenant", lambda path=path, query=query: own(path, **query), 25, "< 1 s")


def _of(document: Any, tenant: str) -> Any:
    from dataclasses import replace

    return replace(document, key=replace(document.key, tenant_id=tenant))


def _variables(stack: Stack) -> dict[str, Any]:
    found = stack.client("lambda").get_function_configuration(FunctionName=f"{stack.outputs['prefix']}-api")
    return dict(found["Environment"]["Variables"])


def _http(stack: Stack, token: str, tenant: str) -> Callable[..., None]:
    session = requests.Session()
    session.headers.update({"Authorization": f"Bearer {token}", "X-Tenant-Id": tenant})
    base = str(stack.outputs["apiUrl"]).rstrip("/")

    def get(path: str, **query: str) -> None:
        answer = session.get(f"{base}{path}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text

    return get


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Path:
    """The control package as a function has it; sizes of both packages are reported on the way."""
    where = packages.target(FunctionTarget.LOCAL_PYTHON)
    folder = tmp_path_factory.mktemp("package")
    for spec in (packages.CONTROL, packages.RUNNER):
        built = packages.build(spec, where, ROOT, ROOT / ".local" / "packages")
        with zipfile.ZipFile(built.path) as archive:
            entries = archive.infolist()
            if spec is packages.CONTROL:
                archive.extractall(folder)
        report.add(BENCH, f"package {spec.name}: zip", built.path.stat().st_size / 1e6, "MB", aim="< 50 MB to upload")
        whole = sum(entry.file_size for entry in entries) / 1e6
        report.add(BENCH, f"package {spec.name}: unpacked", whole, "MB", aim="< 250 MB", of=f"{len(entries):,} files")
        by_part: dict[str, int] = {}
        for entry in entries:
            part = entry.filename.split("/")[0]
            by_part[part] = by_part.get(part, 0) + entry.file_size
        for part, size in sorted(by_part.items(), key=lambda each: -each[1])[:6]:
            report.add(BENCH, f"package {spec.name}: {part}", size / 1e6, "MB")
    return folder


PARTS = {
    "the interpreter alone": "pass",
    "pydantic": "import pydantic",
    "Powertools' event handler": "import aws_lambda_powertools.event_handler",
    "Cedar": "import cedarpy",
    "models of the dictionary": "import kpis.schema",
    "a DynamoDB client": "import botocore.session; botocore.session.get_session().create_client('dynamodb', region_name='us-east-1')",
    "the SQL parser, when a definition is written": "import sqlglot",
    "psycopg, when results are read": "import psycopg",
    "all that the API imports": "import lambdas.api.handler",
}


def test_what_a_cold_api_function_pays_for(unpacked: Path, report: Report) -> None:
    """CPU of fresh processes, taken in turns; parts overlap, since each is imported alone."""
    taken: dict[str, list[float]] = {name: [] for name in PARTS}
    for turn in range(FRESH + 1):
        for name, code in PARTS.items():
            value = _fresh(code, unpacked)
            if turn:  # the first turn compiles what was never imported
                taken[name].append(value)
    for name, values in taken.items():
        report.median(BENCH, f"cold start, CPU: {name}", values, "ms")


def _fresh(code: str, package: Path) -> float:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": str(package / ".pycache"), "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    program = f"import sys, time; sys.path.insert(0, {str(package)!r})\n{code}\nprint(time.process_time() * 1000)"
    done = subprocess.run([sys.executable, "-c", program], env=env, cwd=package, capture_output=True, text=True, check=True)
    return float(done.stdout)

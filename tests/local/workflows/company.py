"""A tenant of the tests' own: onboarded as its stack would do it, with flights of New York as its golden data, and offboarded at the end.

It has a chain, rules of change and topics of its own, so that every one of its audit events can be accounted for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import kpis
from cli.run_client import Finished, RunClient
from kpis.bundle import bundle_bytes
from kpis.common import Environment
from kpis.hashing import canonical_json
from kpis.schema import Dictionary, Kpi
from lambdas.domain.model import Period, RunRequest, TriggerType
from local.settings import ACCOUNT_ID, REGION
from tests.local.conftest import Stack

GRACE, SOAK = "8s", "1s"
"""Short, so that a test can wait for their end."""
GOVERNANCE = {"policy": {"grace": GRACE, "gates": {"soak": SOAK, "runs": 3}}}
LENDER = "skyway.prod"
"""The demo tenant whose warehouse the tests read."""
DAYS = tuple(datetime(2013, 3, day, tzinfo=UTC) for day in (4, 5, 6))
"""Ordinary days of flights."""
_MODEL = "SKY-OT-02"


def kpi(kpi_id: str, version: str, tenant: str, **changes: Any) -> Kpi:
    """The on-time departure rate per airport, under another id and with changes."""
    model = json.loads(canonical_json(next(each for each in kpis.load().kpis if each.id == _MODEL)))
    log = [{"version": version, "date": "2026-11-02", "author": "Flight Data Engineering", "summary": "A version"}]
    model |= {"id": kpi_id, "contract_version": version, "tenants": [tenant], "change_log": log}
    return Kpi.model_validate(model | changes)


def written(of: Kpi) -> dict[str, Any]:
    """A definition as a caller sends it."""
    return json.loads(canonical_json(of))


@dataclass
class Company:
    """The tenant while it is there. `mark` makes ids that no earlier session used."""

    stack: Stack
    tenant: str
    mark: str
    runs: RunClient = field(init=False)

    def __post_init__(self) -> None:
        self.runs = RunClient(self.stack.settings)

    def kpi_id(self, workflow: str) -> str:
        """The id of a workflow's KPI."""
        return f"WF{workflow}-{self.mark}"

    def stem(self, environment: str) -> str:
        """What names of this tenant's resources begin with."""
        return f"{self.stack.outputs['prefix']}-{self.tenant}-{environment}"

    def topics(self, environment: str) -> list[str]:
        """Where people of the tenant are told, from the most urgent on."""
        names = [f"{self.stem(environment)}-alerts-{kind}" for kind in ("urgent", "routine")]
        return [f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:{name}" for name in names]

    def run(self, kpi_id: str, days: Sequence[datetime] = DAYS, environment: str = "prod", **more: Any) -> list[Finished]:
        """One run a day, beside each other, to their ends."""
        asked = [self.request(kpi_id, day, environment, **more) for day in days]
        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(lambda each: self.runs.run(f"{kpi_id}-{uuid4().hex}", each), asked))

    def request(self, kpi_id: str, day: datetime, environment: str = "prod", **more: Any) -> RunRequest:
        """A run of a day."""
        period = Period(start=day, end=day + timedelta(days=1))
        asked = {"tenant_id": self.tenant, "environment": environment, "kpi_id": kpi_id, "period": period}
        return RunRequest.model_validate(asked | {"trigger_type": TriggerType.MANUAL, "triggered_by": "tests/workflows"} | more)

    def log(self, table: str, run: Finished) -> list[dict[str, Any]]:
        """Rows of a run in a log table."""
        return self.stack.log_rows(table, self.tenant, run_id=int(run.document["run_id"]))

    def waits(self, request_id: str) -> str:
        """How the execution that waits for a change request's sign-off is doing, as Step Functions says it."""
        machine = str(self.stack.outputs["stateMachineArn"]).rpartition("-")[0] + "-change"
        states = self.stack.client("stepfunctions")
        try:
            return str(states.describe_execution(executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{request_id}")["status"])
        except states.exceptions.ExecutionDoesNotExist:
            return "not started"

    def row(self, key: str) -> dict[str, Any] | None:
        """A row of the tenant's catalog."""
        table = self.stack.dynamodb.Table(self.stack.outputs["tables"]["catalog"])
        return table.get_item(Key={"pk": self.tenant, "sk": key}, ConsistentRead=True).get("Item")

    def schedules(self, environment: str = "prod") -> set[str]:
        """KPIs with a schedule."""
        pages = self.stack.client("scheduler").get_paginator("list_schedules").paginate(GroupName=self.stem(environment))
        return {each["Name"] for page in pages for each in page["Schedules"]}


@contextmanager
def founded(stack: Stack, mark: str, dictionary: Sequence[Kpi], tenant: str) -> Iterator[Company]:
    """Onboard the tenant in every environment with KPIs that run already, and offboard it at the end."""
    company = Company(stack, tenant, mark)
    bundle = _bundle(stack, dictionary)
    with _environments(company):
        for environment in Environment:
            settings = {
                "display_name": "Workflows",
                "timezone": "America/New_York",
                "replay_year": 2013,
                "warehouse_secret": stack.tenant_outputs(LENDER)["warehouseSecret"],
                "schedule_group": company.stem(environment),
                "governance": GOVERNANCE,
            }
            _reconcile(stack, {"action": "onboard", "settings": settings, "bundle": bundle}, tenant, environment)
        try:
            yield company
        finally:
            for environment in Environment:
                _reconcile(stack, {"action": "offboard"}, tenant, environment)
            stack.client("s3").delete_object(Bucket=bundle["bucket"], Key=bundle["key"])


@contextmanager
def _environments(company: Company) -> Iterator[None]:
    """What a tenant's stack makes beside the registration: schedule groups and topics."""
    scheduler, sns = company.stack.client("scheduler"), company.stack.client("sns")
    stems = [company.stem(environment) for environment in Environment]
    topics = [topic for environment in Environment for topic in company.topics(environment)]
    for topic in topics:
        sns.create_topic(Name=topic.rpartition(":")[2])
    for stem in stems:
        scheduler.create_schedule_group(Name=stem)
    try:
        yield
    finally:
        for stem in stems:
            scheduler.delete_schedule_group(Name=stem)
        for topic in topics:
            sns.delete_topic(TopicArn=topic)


def _bundle(stack: Stack, own: Sequence[Kpi]) -> dict[str, str]:
    """A dictionary with only these KPIs, where the reconciler finds it."""
    known = kpis.load()
    dictionary = Dictionary(packs=known.packs, sources=known.sources, signals=known.signals, kpis=tuple(own))
    content = bundle_bytes(dictionary)
    digest = hashlib.sha256(content).hexdigest()
    place = {"bucket": stack.outputs["artifactsBucket"], "key": f"dictionary/{digest}.jsonl.gz"}
    stack.client("s3").put_object(Bucket=place["bucket"], Key=place["key"], Body=content)
    return place | {"sha256": digest}


def _reconcile(stack: Stack, action: dict[str, Any], tenant: str, environment: str) -> dict[str, Any]:
    asked = json.dumps(action | {"tenant_id": tenant, "environment": environment})
    answer = stack.client("lambda").invoke(FunctionName=stack.outputs["reconcilerFunction"], Payload=asked)
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, f"{action['action']} of {tenant}.{environment} failed: {told}"
    return told

"""Workflow A of K28: publish a new KPI version.

1. Author definition -> submit for approval.
2. Validation of sources & rules; generate impact analysis.
3. Approver signs off -> Promote to env -> Publish to Active.
4. Monitor with canary (optional) -> full rollout.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cli.run_client import Finished
from kpis.schema import Kpi
from tests.local.conftest import wait_until
from tests.local.workflows.books import Books
from tests.local.workflows.changes import asked_for, both_sign, read, running, sign, status, version
from tests.local.workflows.company import DAYS, Company, kpi, written
from tests.local.workflows.people import People

pytestmark = pytest.mark.local
NEW = "1.1.0"
WHY = "operations asked for a rolling mean"
ROLLING = [{"kind": "PoP"}, {"kind": "percentile", "periods": 90}, {"kind": "rolling", "periods": 3}]


def better(company: Company, **changes: object) -> Kpi:
    """The new version: an extension more, which needs a minor version."""
    shape = {"environments": ["dev", "stg", "prod"], "criticality": "critical", "extensions": ROLLING}
    return kpi(company.kpi_id("A"), NEW, company.tenant, **shape | changes)


def test_workflow_a_publish_a_new_kpi_version(company: Company, people: People, books: Books, tmp_path: Path) -> None:
    kpi_id = company.kpi_id("A")
    author_a_definition(company, people)
    request = validation_and_impact(company, people)
    approver_signs_off(company, people, request)
    published_in_dev(company, people, request)
    promoted_and_published_in_stg(company, people)
    promoted_to_production(company, people)
    canary_and_full_rollout(company, people)

    way = ["kpi.approve", "kpi.approve", "kpi.publish"]
    assert books.trail(kpi_id, "dev") == ["kpi.create", "kpi.submit", *way]
    assert books.trail(kpi_id, "stg") == ["kpi.promote", *way]
    canary = ["kpi.canary_start", "kpi.canary_pause", "kpi.canary_resume", "kpi.canary_promote"]
    assert books.trail(kpi_id) == ["kpi.promote", "kpi.approve", "kpi.approve", *canary]
    records = books.evidence(kpi_id, tmp_path)
    assert records["approvals"] == 1
    assert records["runs"] > 0
    books.balance(kpi_id)


def author_a_definition(company: Company, people: People) -> None:
    """1. Author definition: in dev, by somebody who may not touch production."""
    author, new = people.author, better(company)
    body = {"definition": written(new), "reason": WHY}
    assert author.post("/kpis", body, environment="prod").refusal == (403, "POLICY_DENY")
    assert people.cfo.post("/kpis", body, environment="dev").refusal == (403, "POLICY_DENY")
    first = people.admin.post("/kpis", body, environment="prod")
    assert first.refusal == (403, "POLICY_DENY")
    assert "it lives in dev first" in first.body["detail"]
    assert author.post("/kpis", body, environment="dev", key=f"draft-{new.id}").ok(201)["details"]["status"] == "draft"
    again = author.post("/kpis", body, environment="dev", key=f"draft-{new.id}")
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true"), "a repeated call changes nothing"


def validation_and_impact(company: Company, people: People) -> str:
    """2. Validation of sources & rules; generate impact analysis. Gives the change request."""
    author, kpi_id = people.author, company.kpi_id("A")
    unknown = better(company, sources=[{"gdp": "GDP_Flights", "attributes": ["gate"]}], contract_version="1.2.0")
    refused = author.post("/kpis", {"definition": written(unknown), "reason": WHY}, environment="dev")
    assert refused.refusal == (403, "POLICY_DENY")
    assert "it reads gate of GDP_Flights, which has no such columns" in refused.body["detail"]
    request_id = asked_for(author, kpi_id, NEW, "publish", reason=WHY, environment="dev")
    request = read(people.business, request_id, "dev")["request"]
    assert {each["path"] for each in request["diff"]} == {"contract_version", "extensions"}
    assert "dashboard: Skyway operations" in request["impact"]["consumers"]
    report = people.cfo.get(f"/kpis/{kpi_id}/impact", change="definition").ok()
    assert report["sentences"], "the impact is told in words"
    return request_id


def approver_signs_off(company: Company, people: People, request_id: str) -> None:
    """3. Approver signs off: two people, neither of whom asked or wrote, each for what they read."""
    waiting = [each["request_id"] for each in people.business.items("/approvals", environment="dev", kpi_id=company.kpi_id("A"))]
    assert waiting == [request_id]
    wait_until(lambda: company.waits(request_id) == "RUNNING", seconds=30, what=f"what waits for the sign-off of {request_id}")
    seen = read(people.business, request_id, "dev")
    assert seen["missing"] == ["business sign-off", "technical sign-off"]
    assert sign(people.author, request_id, "business", "dev").refusal == (403, "POLICY_DENY")
    assert sign(people.cfo, request_id, "business", "dev").refusal == (403, "POLICY_DENY")
    assert sign(people.operator, request_id, "business", "dev").refusal == (403, "POLICY_DENY"), "the platform has no business side"
    assert sign(people.business, request_id, "business", "dev", "0" * 64).refusal == (409, "CONFLICT"), "that is not what was read"
    sign(people.business, request_id, "business", "dev").ok()
    assert sign(people.business, request_id, "technical", "dev").refusal == (403, "POLICY_DENY"), "the other side is another person"
    unsigned = people.author.post(version(company.kpi_id("A"), NEW, "publish"), {"reason": WHY}, environment="dev")
    assert unsigned.refusal == (403, "POLICY_DENY")
    assert sign(people.technical, request_id, "technical", "dev").ok()["details"]["state"] == "approved"


def published_in_dev(company: Company, people: People, request_id: str) -> None:
    """3. Publish to Active, in dev: the next runs use it."""
    kpi_id = company.kpi_id("A")
    too_soon = people.author.post(version(kpi_id, NEW, "promote"), {"source": "dev", "reason": WHY}, environment="stg")
    assert "is active in dev" in too_soon.body["detail"], "only what runs can go on"
    live = people.author.post(version(kpi_id, NEW, "publish"), {"reason": WHY}, environment="dev").ok()["details"]
    assert (live["version"], live["superseded"]) == (NEW, "1.0.0")
    assert live["seconds_since_submitted"] >= 0
    wait_until(lambda: company.waits(request_id) == "SUCCEEDED", seconds=30, what=f"the end of the wait for {request_id}")
    untried = people.author.post(version(kpi_id, NEW, "promote"), {"source": "dev", "reason": WHY}, environment="stg")
    assert untried.refusal == (403, "POLICY_DENY")
    assert "has at least 3 runs in dev, found 0" in untried.body["detail"]
    assert [run.state for run in company.run(kpi_id, environment="dev")] == ["success"] * len(DAYS)


def promoted_and_published_in_stg(company: Company, people: People) -> None:
    """3. Promote to env: from dev to stg, with its gates and its time in dev recorded."""
    kpi_id, author = company.kpi_id("A"), people.author
    request_id = _promoted(company, people, "dev", "stg", by="author")
    both_sign(people, request_id, "stg")
    live = author.post(version(kpi_id, NEW, "publish"), {"reason": WHY}, environment="stg").ok()["details"]
    assert (live["version"], live["promoted_from"]) == (NEW, "dev")
    assert [run.state for run in company.run(kpi_id, environment="stg")] == ["success"] * len(DAYS)


def promoted_to_production(company: Company, people: People) -> None:
    """3. Promote to env: from stg to production, which the author cannot."""
    kpi_id = company.kpi_id("A")
    body = {"source": "stg", "reason": WHY}
    assert people.author.post(version(kpi_id, NEW, "promote"), body, environment="prod").refusal == (403, "POLICY_DENY")
    request_id = _promoted(company, people, "stg", "prod", by="admin")
    assert sign(people.admin, request_id, "business").refusal == (403, "POLICY_DENY"), "who promotes does not sign"
    assert people.admin.post(version(kpi_id, NEW, "publish"), {"reason": WHY}).refusal == (403, "POLICY_DENY")
    both_sign(people, request_id)
    assert status(people.cfo, kpi_id, NEW) == "approved"


def canary_and_full_rollout(company: Company, people: People) -> None:
    """4. Monitor with canary -> full rollout: on one airport first, and to all only when both versions agree on what was really run."""
    kpi_id, admin = company.kpi_id("A"), people.admin
    begin = {"subset": {"entities": ["JFK"]}, "tolerances": {"min_periods": 3}, "reason": WHY}
    assert admin.post(version(kpi_id, NEW, "canary/start"), begin).ok()["details"]["baseline"] == "1.0.0"
    unproven = admin.post(version(kpi_id, NEW, "canary/advance"), {"reason": "is it good?"}).ok()
    assert unproven["action"] == "kpi.canary_pause", "what is not proven is never rolled out"
    assert running(people.cfo, kpi_id) == "1.0.0"
    admin.post(version(kpi_id, NEW, "canary/resume"), {"reason": "wait for runs"}).ok()
    whole = company.run(kpi_id)
    assert {_ran(company, run) for run in whole} == {"1.0.0"}, "production goes on with what is proven"
    wait_until(lambda: _candidate_runs(company) == len(DAYS), seconds=30, what=f"{len(DAYS)} runs of the canary beside them")
    rolled_out = admin.post(version(kpi_id, NEW, "canary/advance"), {"reason": "three days agree"}).ok()
    assert rolled_out["action"] == "kpi.canary_promote", rolled_out
    told = rolled_out["details"]
    assert (told["superseded"], told["promoted_from"]) == ("1.0.0", "stg")
    assert told["seconds_since_submitted"] >= 0
    assert running(people.cfo, kpi_id) == NEW
    assert {_ran(company, run) for run in company.run(kpi_id, DAYS[:1])} == {NEW}


def _promoted(company: Company, people: People, source: str, target: str, *, by: str) -> str:
    body = {"source": source, "reason": WHY}
    path = version(company.kpi_id("A"), NEW, "promote")
    # The soak of the tenant's rules is a second, and three runs may take less.
    time.sleep(1.2)
    request_id = str(getattr(people, by).post(path, body, environment=target).ok()["request_id"])
    promotion = read(people.business, request_id, target)["request"]["promotion"]
    assert promotion["source"] == source
    assert promotion["seconds_in_source"] >= 1
    gates = {gate["name"]: (gate["passed"], gate["found"]) for gate in promotion["gates"]}
    assert all(passed for passed, _ in gates.values())
    assert gates[f"has at least 3 runs in {source}"] == (True, len(DAYS))
    return request_id


def _ran(company: Company, run: Finished) -> str:
    (opened,) = [row for row in company.log("run", run) if row["entry"] == "open"]
    return str(opened["contract_version"])


def _candidate_runs(company: Company) -> int:
    rows = company.stack.log_rows("run", company.tenant, kpi_id=company.kpi_id("A"))
    return sum(row["entry"] == "close" and (row["environment"], row["contract_version"]) == ("prod", NEW) for row in rows)

"""The run engine obeys the control plane: candidates beside the baseline, what is published next, a pause overridden on record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from cli.control_plane import ControlPlane
from cli.run import asked_for as asked_for_run
from kpis.common import Environment
from lambdas.domain.control.canary import Subset
from lambdas.domain.errors import RETRYABLE
from tests.local.conftest import Stack, wait_until
from tests.local.workflows.changes import asked_for, running, sign, version
from tests.local.workflows.company import DAYS, Company, founded, kpi, written
from tests.local.workflows.http import Ledger
from tests.local.workflows.people import People, hired

pytestmark = pytest.mark.local
CANARY, SHARE, LIVE, PAUSED = "R", "S", "T", "U"
NEW = "2.0.0"
WHY = "the run engine is to be seen at work"
RATE = """\
SELECT COALESCE(origin, 'ALL') AS entity,
       {factor} * CAST(SUM(CASE WHEN departure_delay < {late} THEN 1 ELSE 0 END) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0) AS value,
       COUNT(*) AS rows_processed
FROM gdp_flights
WHERE flight_date >= :period_start AND flight_date < :period_end AND loaded_at <= :as_of
GROUP BY GROUPING SETS ((origin), ())
"""


@pytest.fixture(scope="module")
def company(stack: Stack) -> Iterator[Company]:
    mark = uuid4().hex[:8].upper()
    tenant = f"rc-{mark.lower()}"
    dictionary = [kpi(f"WF{each}-{mark}", "1.0.0", tenant) for each in (CANARY, SHARE, LIVE, PAUSED)]
    with founded(stack, mark, dictionary, tenant) as made:
        yield made


@pytest.fixture(scope="module")
def people(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with hired(company.stack, company.tenant, Ledger(), tmp_path_factory.mktemp("people")) as made:
        yield made


def signed_off(company: Company, people: People, of: str, *, factor: int = 1, late: int = 15) -> None:
    """A second version of a KPI, ready to go live."""
    kpi_id = company.kpi_id(of)
    new = kpi(kpi_id, NEW, company.tenant, expression={"sql": RATE.format(factor=factor, late=late)})
    people.admin.post("/kpis", {"definition": written(new), "reason": WHY}).ok(201)
    request_id = asked_for(people.admin, kpi_id, NEW, "publish", reason=WHY)
    assert sign(people.technical, request_id, "technical").ok()["details"]["state"] == "approved"


def started(company: Company, people: People, of: str, subset: dict[str, Any]) -> str:
    """A canary of the second version; gives its id."""
    body = {"subset": subset, "tolerances": {"min_periods": 3}, "reason": WHY}
    receipt = people.admin.post(version(company.kpi_id(of), NEW, "canary/start"), body).ok()
    return str(receipt["details"]["canary"])


def advanced(company: Company, people: People, of: str) -> dict[str, Any]:
    return people.admin.post(version(company.kpi_id(of), NEW, "canary/advance"), {"reason": "is it good?"}).ok()


def closes(company: Company, of: str) -> list[dict[str, Any]]:
    return [row for row in company.stack.log_rows("run", company.tenant, kpi_id=company.kpi_id(of)) if row["entry"] == "close"]


def candidates(company: Company, of: str, canary: str) -> list[dict[str, Any]]:
    """The last attempts of a canary's runs, once there is one for each day that no other follows."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        attempts = [row for row in closes(company, of) if row.get("canary") == canary]
        last = {row["triggered_by"]: row for row in sorted(attempts, key=lambda row: int(row["retry_seq"]))}
        found[:] = [row for row in last.values() if row.get("error_code") not in RETRYABLE]
        return len(found) == len(DAYS)

    wait_until(there, seconds=90, what=f"a run of the candidate for each of {len(DAYS)} days")
    return found


def delivered(people: People, kpi_id: str) -> list[dict[str, Any]]:
    return list(people.cfo.items("/results", kpi_id=kpi_id))


def test_a_candidate_that_fails_beside_a_healthy_baseline_is_rolled_back_and_never_delivered(company: Company, people: People) -> None:
    kpi_id = company.kpi_id(CANARY)
    signed_off(company, people, CANARY, factor=2)
    canary = started(company, people, CANARY, {"entities": ["JFK", "LGA"]})
    whole = company.run(kpi_id)
    assert [run.state for run in whole] == ["success"] * len(DAYS)
    runs = candidates(company, CANARY, canary)
    assert {(row["contract_version"], row["status"], row["error_code"]) for row in runs} == {(NEW, "failed", "VALIDATION_FAIL_POST")}
    assert {row["triggered_by"] for row in runs} == {f"canary/{canary}/{run.document['run_id']}" for run in whole}
    assert {row["sla_breached"] for row in runs} == {False}
    seen = people.cfo.get(version(kpi_id, NEW, "canary")).ok()
    assert (seen["state"], seen["now"]["outcome"], seen["now"]["candidate_failures"]) == ("running", "rollback", 6)
    verdict = advanced(company, people, CANARY)
    assert verdict["action"] == "kpi.canary_rollback", verdict
    assert "6 of 6 samples" in verdict["details"]["why"], "two airports on three days"
    assert running(people.cfo, kpi_id) == "1.0.0"
    assert {each["contract_version"] for each in delivered(people, kpi_id)} == {"1.0.0"}
    incidents = list(people.cfo.items("/incidents", kpi_id=kpi_id))
    assert [each for each in incidents if each["contract_version"] == NEW] == [], "a candidate alerts nobody"
    company.run(kpi_id, DAYS[:1])
    assert candidates(company, CANARY, canary) == runs, "a canary that is over computes nothing"


def test_a_share_of_entities_is_compared_and_what_differs_is_not_promoted(company: Company, people: People) -> None:
    kpi_id = company.kpi_id(SHARE)
    signed_off(company, people, SHARE, late=30)
    share = Subset(percent=60)
    part = {entity for entity in ("ALL", "EWR", "JFK", "LGA") if share.contains(kpi_id, entity)}
    canary = started(company, people, SHARE, {"percent": 60})
    assert [run.state for run in company.run(kpi_id)] == ["success"] * len(DAYS)
    runs = candidates(company, SHARE, canary)
    if part:
        assert {row["status"] for row in runs} == {"success"}
        (delivery,) = company.stack.log_rows("delivery", company.tenant, run_id=int(runs[0]["run_id"]))
        assert {each["entity"] for each in json.loads(delivery["output_sample"])["sample"]} == part
    assert {each["contract_version"] for each in delivered(people, kpi_id)} == {"1.0.0"}, "readers get the baseline"
    outcome = advanced(company, people, SHARE)
    assert outcome["action"] == ("kpi.canary_rollback" if part else "kpi.canary_pause"), outcome
    assert running(people.cfo, kpi_id) == "1.0.0"


def test_the_next_run_uses_what_was_published_and_its_row_names_the_content(company: Company, people: People) -> None:
    kpi_id = company.kpi_id(LIVE)
    signed_off(company, people, LIVE, late=30)
    before = _hash(company, kpi_id)
    company.run(kpi_id, DAYS[:1])
    people.admin.post(version(kpi_id, NEW, "publish"), {"reason": WHY}).ok()
    company.run(kpi_id, DAYS[:1])
    ended = [row for row in closes(company, LIVE) if row["status"] == "success"]
    first, second = sorted(ended, key=lambda row: str(row["started_at"]))
    assert (first["contract_version"], first["definition_hash"]) == ("1.0.0", before)
    assert (second["contract_version"], second["definition_hash"]) == (NEW, _hash(company, kpi_id))
    assert before != _hash(company, kpi_id)


def test_an_administrator_runs_a_paused_kpi_on_record_and_nobody_else_does(company: Company, people: People) -> None:
    kpi_id = company.kpi_id(PAUSED)
    people.admin.post(version(kpi_id, "1.0.0", "pause"), {"reason": "the warehouse moves"}).ok()
    body = {"reason": "the CFO waits", "period": {"start": "2013-03-04T00:00:00Z", "end": "2013-03-05T00:00:00Z"}}
    assert people.cfo.post(f"/kpis/{kpi_id}/run", body | {"during_pause": True}).refusal == (403, "POLICY_DENY")
    people.admin.post(f"/kpis/{kpi_id}/run", body).ok(202)
    wait_until(lambda: len(closes(company, PAUSED)) == 1, seconds=60, what="a run that obeys the pause")
    assert closes(company, PAUSED)[0]["error_code"] == "PAUSED"
    receipt = people.admin.post(f"/kpis/{kpi_id}/run", body | {"during_pause": True}, key=f"once-{kpi_id}").ok(202)
    people.admin.post(f"/kpis/{kpi_id}/run", body | {"during_pause": True}, key=f"once-{kpi_id}").ok(202)
    delivering = _successes(company, PAUSED)
    wait_until(lambda: bool(delivering()), seconds=90, what="the run that overrides the pause")
    (run,) = delivering()
    (event,) = [each for each in people.auditor.items("/audit", kpi_id=kpi_id, action="kpi.run") if each["details"].get("during_pause")]
    assert (event["hash"], event["reason"]) == (receipt["hash"], "the CFO waits")
    assert run["triggered_by"].startswith(f"api/{event['actor']['subject']} (despite pause ")
    badge = people.cfo.get(f"/kpis/{kpi_id}").ok()["pause"]
    assert badge["reason"] == "the warehouse moves"
    assert f"(despite pause {badge['pause_id']})" in run["triggered_by"]


def test_the_command_line_overrides_a_pause_through_the_control_plane(company: Company, people: People) -> None:
    kpi_id = company.kpi_id(PAUSED)
    request = company.request(kpi_id, DAYS[1])
    name = asked_for_run(ControlPlane(company.stack.settings), request, "the operator looks into it")
    done = company.runs.wait(company.runs.execution_arn(name), request, known=False)
    assert done.state == "success"
    (event,) = [each for each in people.auditor.items("/audit", kpi_id=kpi_id, action="kpi.run") if each["details"]["execution"] == name]
    assert (event["actor"]["role"], event["actor"]["acting_for"]) == ("platform-admin", True)
    assert event["reason"] == "the operator looks into it"


def _successes(company: Company, of: str) -> Callable[[], list[dict[str, Any]]]:
    return lambda: [row for row in closes(company, of) if row["status"] == "success"]


def _hash(company: Company, kpi_id: str) -> str:
    pointer = company.row(f"{Environment.PRD.value}#active#{kpi_id}")
    assert pointer is not None
    return str(pointer["definition_hash"])

"""A canary can be looked at before it is decided on, and its runs say nothing of the KPI's health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kpis.common import Verdict
from lambdas.domain.control.canary import Sample, Side
from lambdas.domain.entries import close_row, open_row
from lambdas.domain.errors import ErrorCode
from lambdas.domain.ids import make_run_id
from lambdas.domain.model import Outcome, Run, RunStatus
from tests.unit.lambdas.api_control.service import BEN, CFO, Service
from tests.unit.lambdas.control.office import MONDAY, kpi
from tests.unit.lambdas.memory import make_run

VERSION = "/kpis/SKY-AD-01/versions/1.1.0"
BEFORE, AFTER = Side(6.0, Verdict.ADEQUATE), Side(9.0, Verdict.LOW)


@pytest.fixture
def service() -> Service:
    """A canary of 1.1.0 on JFK."""
    made = Service()
    made.live()
    assert made.post("/kpis", made.written(kpi("1.1.0"))).status == 201
    request = made.post(f"{VERSION}/submit").body["request_id"]
    assert made.sign(request).status == 200
    assert made.post(f"{VERSION}/canary/start", {"subset": {"entities": ["JFK"]}}).status == 200
    return made


def test_a_look_at_a_canary_says_what_advancing_would_decide_and_decides_nothing(service: Service) -> None:
    service.deliveries.found = [Sample(f"2026-01-0{day}", "JFK", BEFORE, AFTER) for day in (1, 2, 3)]
    before = service.state
    seen = service.get(f"{VERSION}/canary", by=CFO).body
    assert service.state == before
    assert (seen["state"], seen["baseline"], seen["entities"], seen["last"]) == ("running", "1.0.0", ["JFK"], None)
    assert (seen["now"]["outcome"], seen["now"]["disagreeing"], seen["samples_shown"]) == ("rollback", 3, 3)
    newest = {"period": "2026-01-03", "entity": "JFK", "baseline": _shown(BEFORE), "candidate": _shown(AFTER)}
    assert seen["samples"][0] == newest
    decided = service.post(f"{VERSION}/canary/advance").body
    assert decided["action"] == "kpi.canary_rollback"
    evidence = decided["details"]["evidence"]
    assert (evidence["samples"], evidence["periods"], len(evidence["samples_sha256"])) == (3, 3, 64)
    after = service.get(f"{VERSION}/canary").body
    assert (after["state"], after["now"], after["samples"]) == ("rolled_back", None, [])
    assert after["last"] == seen["now"], "it decided what was shown"


def test_a_version_that_is_no_candidate_has_no_canary(service: Service) -> None:
    for nowhere in ("/kpis/SKY-AD-01/versions/1.0.0/canary", "/kpis/SKY-NO-99/versions/1.1.0/canary"):
        assert service.get(nowhere, by=BEN).status == 404


def test_a_failed_run_of_a_candidate_is_neither_the_kpis_last_run_nor_an_incident(service: Service) -> None:
    good = ran(service, 1, Outcome(status=RunStatus.SUCCESS))
    assert last_run(service) == str(good.run_id)
    broken = Outcome(status=RunStatus.FAILED, error_code=ErrorCode.VALIDATION_FAIL_POST, error_message="99")
    ran(service, 2, broken, triggered_by=f"canary/c-1/{good.run_id}", canary={"canary_id": "c-1", "subset": {"entities": ["JFK"]}})
    assert last_run(service) == str(good.run_id)
    assert service.get("/incidents", since="2026-01-01T00:00:00Z").body["items"] == []
    mine = ran(service, 3, broken)
    assert last_run(service) == str(mine.run_id)
    assert len(service.get("/incidents", since="2026-01-01T00:00:00Z").body["items"]) == 1, "the KPI's own failure is one"


def ran(service: Service, number: int, outcome: Outcome, **changes: Any) -> Run:
    at = MONDAY - timedelta(minutes=30 - number)
    run = make_run(kpi(), run_id=make_run_id(at, number), started_at=at, **changes)
    service.reads.logs.add(open_row(run), close_row(run, outcome, at, sla_breached=False))
    return run


def last_run(service: Service) -> str:
    (item,) = [each for each in service.get("/kpis", include="last_run").body["items"] if each["contract_version"] == "1.0.0"]
    return str(item["last_run"]["run_id"])


def _shown(side: Side) -> dict[str, Any]:
    return {"value": side.value, "verdict": str(side.verdict), "failed": side.failed}


def test_a_repeated_advance_is_the_first_one_whatever_was_delivered_since(service: Service) -> None:
    """The first answer got lost after the commit; meanwhile the canary is over and other samples would be found."""
    service.deliveries.found = [Sample(f"2026-01-0{day}", "JFK", BEFORE, AFTER) for day in (1, 2, 3)]
    service.office.store.faults = ["after"]
    assert service.post(f"{VERSION}/canary/advance", key="k").status >= 500
    service.deliveries.found = []
    again = service.post(f"{VERSION}/canary/advance", key="k")
    assert (again.status, again.body["action"]) == (200, "kpi.canary_rollback"), again.text
    assert [event.action for event in service.office.events].count("kpi.canary_rollback") == 1
    assert service.post(f"{VERSION}/canary/advance", {"reason": "another one"}, key="k").status == 409

"""An administrator starts a run by hand, also during a pause; the audit log says who and why, and the run starts once."""

from __future__ import annotations

import pytest

from lambdas.domain.model import RunRequest, TriggerType
from tests.unit.lambdas.api_control.service import ADA, BEN, CFO, EVE, OPS, Service
from tests.unit.lambdas.control.office import TENANT

RUN = "/kpis/SKY-AD-01/run"
DAY = {"start": "2013-10-29T00:00:00Z", "end": "2013-10-30T00:00:00Z"}


@pytest.fixture
def service() -> Service:
    made = Service()
    made.live()
    return made


def started(service: Service) -> list[RunRequest]:
    return list(service.started.requests.values())


def test_a_run_is_recorded_with_its_reason_and_then_started(service: Service) -> None:
    before = len(service.office.events)
    body = {"reason": "the CFO waits", "period": DAY, "entities": ["JFK"], "during_pause": True}
    answer = service.post(RUN, body, by=ADA)
    assert answer.status == 202, answer.text
    (request,) = started(service)
    assert (request.tenant_id, request.kpi_id, request.trigger_type, request.triggered_by) == (
        TENANT, "SKY-AD-01", TriggerType.MANUAL, "api/ada"
    )  # fmt: skip
    assert (request.entities, request.during_pause, request.contract_version) == (("JFK",), True, None)
    (event,) = service.office.events[before:]
    assert (event.action, event.reason, event.details["during_pause"]) == ("kpi.run", "the CFO waits", True)
    assert event.details["execution"] in service.started.requests, "the event leads to the run"
    assert service.office.chain_holds()


def test_a_repeated_call_is_one_event_and_one_run(service: Service) -> None:
    before = len(service.office.events)
    assert [service.post(RUN, {"reason": "again"}, key="k").status for _ in range(2)] == [202, 202]
    assert (len(started(service)), len(service.office.events) - before) == (1, 1)
    assert service.post(RUN, {"reason": "again", "during_pause": True}, key="k").status == 409


def test_a_call_that_broke_off_before_the_run_began_starts_it_when_repeated(service: Service) -> None:
    before = len(service.office.events)
    start, service.started.start = service.started.start, broken  # type: ignore[method-assign]
    assert service.post(RUN, {"reason": "now"}, key="k").status >= 500
    service.started.start = start  # type: ignore[method-assign]
    assert service.post(RUN, {"reason": "now"}, key="k").status == 202
    assert (len(started(service)), len(service.office.events) - before) == (1, 1)


def broken(name: str, request: RunRequest) -> bool:
    raise TimeoutError(f"{name} of {request.kpi_id} was not started")


def test_readers_start_nothing_and_platform_admins_only_where_they_act(service: Service) -> None:
    assert service.post(RUN, {"reason": "r"}, by=CFO).status == 403
    assert started(service) == []
    assert service.post(RUN, {"reason": "r"}, by=OPS, tenant=TENANT).status == 202
    assert [each.triggered_by for each in started(service)] == ["api/ops"]


def test_what_does_not_run_cannot_be_started(service: Service) -> None:
    assert service.post("/kpis/SKY-AD-77/run", {"reason": "r"}, by=BEN).status == 404
    assert service.post(RUN, {"reason": "r"}, by=EVE, query={"environment": "dev"}).status == 404
    assert started(service) == []


@pytest.mark.parametrize(
    "body", [{}, {"reason": " "}, {"reason": "r", "entities": []}, {"reason": "r", "period": DAY | {"end": DAY["start"]}}]
)
def test_a_run_without_a_reason_or_with_an_impossible_period_is_refused(service: Service, body: dict[str, object]) -> None:
    assert service.send("POST", RUN, body).status == 400
    assert started(service) == []

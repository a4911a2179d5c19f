"""Signals and completed runs start what waits for them, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.domain.control.canary import Canary, CanaryState, Subset, Tolerances
from lambdas.domain.dispatch import COMPLETED, Dispatcher
from lambdas.domain.errors import KpiError
from lambdas.domain.model import RunRequest

PERIOD = {"start": "2013-10-29T00:00:00.000Z", "end": "2013-10-30T00:00:00.000Z"}
TEXT = f"{PERIOD['start']}/{PERIOD['end']}"


@dataclass
class World:
    """Waiting KPIs by signal, runs by KPI, and what was started."""

    waiting: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    runs: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    started: dict[str, RunRequest] = field(default_factory=dict)
    under_way: Canary | None = None

    def triggers(self, tenant_id: str, environment: str, signal: str) -> Iterable[Mapping[str, Any]]:
        return self.waiting.get(signal, []) if (tenant_id, environment) == ("skyway", "prod") else []

    def canary(self, tenant_id: str, environment: str, kpi_id: str) -> Canary | None:
        found = self.under_way
        return found if found and (tenant_id, environment, kpi_id) == ("skyway", found.environment.value, found.kpi_id) else None

    def recent_closes(self, tenant_id: str, kpi_id: str, limit: int) -> Sequence[Mapping[str, Any]]:
        del tenant_id, limit
        return [{"run_id": run_id, "status": status, "environment": "prod"} for run_id, status in self.runs.get(kpi_id, [])]

    def deliveries(self, tenant_id: str, run_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        del tenant_id
        return {run_id: {"time_range": TEXT if run_id < 100 else "another day"} for run_id in run_ids}

    def start(self, name: str, request: RunRequest) -> bool:
        if name in self.started:
            return False
        self.started[name] = request
        return True

    def dispatch(self, kind: str, detail: dict[str, Any], event_id: str = "e1") -> list[str]:
        event = {"id": event_id, "detail-type": kind, "time": "2013-10-30T09:31:00Z", "detail": {"tenant_id": "skyway"} | detail}
        done = Dispatcher(self, self, self).dispatch(event)
        return [self.started[name].kpi_id for name in done.started]


@pytest.fixture
def world() -> World:
    return World(
        waiting={
            "gdp-flights-updated": [{"kpi_id": "SKY-DV-01", "upstreams": []}],
            COMPLETED: [{"kpi_id": "SKY-RT-01", "upstreams": ["SKY-AA-01", "SKY-BB-01"]}],
        }
    )


def completed(kpi_id: str, run_id: int, **changes: Any) -> dict[str, Any]:
    return {
        "environment": "prod",
        "kpi_id": kpi_id,
        "run_id": str(run_id),
        "trigger_type": "time",
        "period": PERIOD,
        "as_of": "2013-10-30T10:00:00Z",
    } | changes


def test_a_signal_starts_the_kpis_that_wait_for_it_at_its_time(world: World) -> None:
    assert world.dispatch("gdp-flights-updated", {}) == ["SKY-DV-01"]
    (request,) = world.started.values()
    assert (request.trigger_type, request.scheduled_at, request.triggered_by) == (
        "event",
        "2013-10-30T09:31:00Z",
        "signal/gdp-flights-updated",
    )


def test_a_signal_may_be_named_in_the_detail(world: World) -> None:
    assert world.dispatch("gdp.updated", {"signal": "gdp-flights-updated", "period": PERIOD}) == ["SKY-DV-01"]


def test_the_same_event_again_starts_nothing(world: World) -> None:
    world.dispatch("gdp-flights-updated", {})
    assert world.dispatch("gdp-flights-updated", {}) == []
    assert world.dispatch("gdp-flights-updated", {}, event_id="e2") == ["SKY-DV-01"]


def test_a_signal_of_another_tenant_starts_nothing_here(world: World) -> None:
    assert world.dispatch("gdp-flights-updated", {"tenant_id": "acme"}) == []


def test_a_derived_kpi_waits_until_all_its_upstreams_have_delivered_the_period(world: World) -> None:
    assert world.dispatch(COMPLETED, completed("SKY-AA-01", 1)) == []
    world.runs = {"SKY-AA-01": [(1, "success")]}
    assert world.dispatch(COMPLETED, completed("SKY-BB-01", 2)) == ["SKY-RT-01"]
    (request,) = world.started.values()
    assert request.period is not None
    assert request.period.text == TEXT
    assert request.scheduled_at == "2013-10-30T10:00:00Z"


def test_two_upstreams_that_complete_at_once_start_the_derived_kpi_once(world: World) -> None:
    world.runs = {"SKY-AA-01": [(1, "success")], "SKY-BB-01": [(2, "partial")]}
    assert world.dispatch(COMPLETED, completed("SKY-AA-01", 1)) == ["SKY-RT-01"]
    assert world.dispatch(COMPLETED, completed("SKY-BB-01", 2)) == []


def test_a_new_delivery_of_an_upstream_starts_the_derived_kpi_again(world: World) -> None:
    world.runs = {"SKY-AA-01": [(1, "success")], "SKY-BB-01": [(2, "success")]}
    world.dispatch(COMPLETED, completed("SKY-AA-01", 1))
    assert world.dispatch(COMPLETED, completed("SKY-AA-01", 3)) == ["SKY-RT-01"]


@pytest.mark.parametrize("runs", [[(2, "failed")], [(102, "success")], []])
def test_a_failed_run_or_another_period_is_no_delivery(world: World, runs: list[tuple[int, str]]) -> None:
    world.runs = {"SKY-BB-01": runs}
    assert world.dispatch(COMPLETED, completed("SKY-AA-01", 1)) == []


def test_manual_runs_start_nothing(world: World) -> None:
    world.runs = {"SKY-BB-01": [(2, "success")]}
    assert world.dispatch(COMPLETED, completed("SKY-AA-01", 1, trigger_type="manual")) == []


def test_an_event_without_a_tenant_is_refused(world: World) -> None:
    with pytest.raises(KpiError, match=r"has no detail\.tenant_id"):
        world.dispatch("gdp-flights-updated", {"tenant_id": ""})


def test_an_event_with_an_unreadable_period_is_refused(world: World) -> None:
    with pytest.raises(KpiError, match="e1"):
        world.dispatch("gdp-flights-updated", {"period": {"start": "x", "end": "y"}})


# Canaries.

ENTITIES = Subset(entities=("JFK", "LGA"))


def canary(subset: Subset = ENTITIES, **changes: Any) -> Canary:
    values: dict[str, Any] = {
        "canary_id": "c-1",
        "environment": "prod",
        "kpi_id": "SKY-AD-01",
        "candidate": "1.1.0",
        "candidate_hash": "b" * 64,
        "baseline": "1.0.0",
        "baseline_hash": "a" * 64,
        "subset": subset,
        "tolerances": Tolerances(),
        "since": "2013-10-29T00:00:00.000Z",
        "request_id": "r-1",
    }
    return Canary.model_validate(values | changes)


def baseline(**changes: Any) -> dict[str, Any]:
    return completed(
        "SKY-AD-01", 7, **({"contract_version": "1.0.0", "entities": None, "scd_view": "as_reported", "status": "success"} | changes)
    )


@pytest.mark.parametrize("trigger", ["time", "event", "manual"])
def test_a_run_of_the_baseline_starts_the_candidate_for_its_part_of_the_same_period(world: World, trigger: str) -> None:
    world.under_way = canary()
    assert world.dispatch(COMPLETED, baseline(trigger_type=trigger)) == ["SKY-AD-01"]
    (request,) = world.started.values()
    assert request.period is not None
    assert (request.canary, request.entities, request.period.text) == ("c-1", ("JFK", "LGA"), TEXT)
    assert (request.trigger_type, request.triggered_by) == ("event", "canary/c-1/7")
    assert request.scheduled_at == "2013-10-30T10:00:00Z", "it looks at the world as the baseline did"


def test_the_candidate_is_started_once_for_each_run_of_the_baseline(world: World) -> None:
    world.under_way = canary()
    world.dispatch(COMPLETED, baseline())
    assert world.dispatch(COMPLETED, baseline()) == []
    assert world.dispatch(COMPLETED, baseline() | {"run_id": "8"}) == ["SKY-AD-01"]


def test_a_share_of_entities_is_left_to_the_candidates_run_which_sees_them_all(world: World) -> None:
    world.under_way = canary(Subset(percent=20))
    world.dispatch(COMPLETED, baseline())
    (request,) = world.started.values()
    assert request.entities is None


@pytest.mark.parametrize(("asked", "part"), [(["JFK", "BOS"], ("JFK",)), (["BOS"], None)])
def test_after_a_run_of_some_entities_the_candidate_computes_those_of_its_part(
    world: World, asked: list[str], part: tuple[str, ...] | None
) -> None:
    world.under_way = canary()
    world.dispatch(COMPLETED, baseline(entities=asked))
    assert [request.entities for request in world.started.values()] == ([part] if part else [])


@pytest.mark.parametrize(
    ("by", "run"),
    [
        (None, {}),
        (canary(state=CanaryState.PAUSED), {}),
        (canary(state=CanaryState.ROLLED_BACK), {}),
        (canary(baseline="0.9.0"), {}),
        (canary(environment="dev"), {}),
        (canary(kpi_id="SKY-AD-02"), {}),
        (canary(), {"contract_version": "1.1.0"}),
        (canary(), {"scd_view": "restated"}),
        (canary(), {"status": "partial"}),
        (canary(), {"despite_pause": "p-1"}),
    ],
    ids=[
        "none",
        "paused",
        "over",
        "another baseline",
        "another environment",
        "another KPI",
        "the candidate itself",
        "restated",
        "fell back",
        "overrode a pause",
    ],
)
def test_nothing_else_starts_a_candidate(world: World, by: Canary | None, run: dict[str, Any]) -> None:
    world.under_way = by
    assert world.dispatch(COMPLETED, baseline(**run)) == []


class LongNames(World):
    """A tenant and KPIs whose ids are as long as they may be, and differ at the end."""

    tenant, kpis = "north-atlantic-lines", ("OPERATIONS-TRANSPORTS-PUNCTUALIT-ARRIVE1", "OPERATIONS-TRANSPORTS-PUNCTUALIT-ARRIVE2")

    def triggers(self, tenant_id: str, environment: str, signal: str) -> Iterable[Mapping[str, Any]]:
        assert (tenant_id, environment) == (self.tenant, "prod")
        upstreams = ["SKY-AA-01"] if signal == COMPLETED else []
        return [{"kpi_id": kpi_id, "upstreams": upstreams} for kpi_id in self.kpis]


@pytest.mark.parametrize(("kind", "detail"), [("gdp-flights-updated", {}), (COMPLETED, completed("SKY-AA-01", 1))])
def test_kpis_with_long_ids_that_wait_for_the_same_are_all_started(kind: str, detail: dict[str, Any]) -> None:
    world = LongNames()
    assert world.dispatch(kind, {**detail, "tenant_id": world.tenant}) == list(world.kpis)
    assert world.dispatch(kind, {**detail, "tenant_id": world.tenant}) == []

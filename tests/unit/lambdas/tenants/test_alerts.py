"""Which targets an event is told to, and what is not told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.components.events import ROUTED
from lambdas.domain.tenants.alerts import Alert, Alerts, mark
from lambdas.domain.tenants.listeners import AlertKind, AlertTarget, ReportSubscription, TenantAlertRoute

OPS = {"channel": "email", "address": "ops@acme.example"}
CFO = {"channel": "email", "address": "cfo@acme.example"}
HOOK = {"channel": "webhook", "address": "https://hooks.acme.example/kpi"}


class World:
    """Routes by environment, the packs of KPIs, and what was published and subscribed."""

    def __init__(self, *routes: dict[str, Any]) -> None:
        self.routes = [TenantAlertRoute.model_validate(route) for route in routes]
        self.published: list[Alert] = []
        self.heard: list[AlertTarget] = []
        self.reports: list[ReportSubscription] = []
        self.looked_up = 0

    def alert_routes(self, tenant_id: str, environment: str) -> Iterator[TenantAlertRoute]:
        yield from self.routes if (tenant_id, environment) == ("acme", "prod") else []

    def subscriptions(self, tenant_id: str, environment: str) -> Iterator[ReportSubscription]:
        yield from self.reports if (tenant_id, environment) == ("acme", "prod") else []

    def pack(self, tenant_id: str, environment: str, kpi_id: str) -> str | None:
        assert (tenant_id, environment) == ("acme", "prod")
        self.looked_up += 1
        return "cfo" if kpi_id.startswith("CFO-") else None

    def publish(self, tenant_id: str, environment: str, alert: Alert) -> None:
        assert (tenant_id, environment) == ("acme", "prod")
        self.published.append(alert)

    def subscribe(self, tenant_id: str, environment: str, target: AlertTarget) -> None:
        assert (tenant_id, environment) == ("acme", "prod")
        self.heard.append(target)

    def tell(self, kind: str = "kpi.sla.breach", **detail: Any) -> set[str]:
        """The addresses that are told."""
        told = {"tenant_id": "acme", "environment": "prod", "kpi_id": "CFO-EF-02", "criticality": "high", "value": 17.5} | detail
        count = Alerts(self, self).tell({"detail-type": kind, "detail": told})
        names = {mark(target): target.address for route in self.routes for target in route.targets}
        found = {names[each] for alert in self.published for each in alert.marks}
        assert count == len(found)
        self.published.clear()
        return found


def test_a_route_of_a_kpi_hears_of_that_kpi_and_one_of_a_pack_of_all_in_it() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]}, {"pack": "cfo", "targets": [CFO, HOOK]})
    assert world.tell() == {OPS["address"], CFO["address"], HOOK["address"]}
    assert world.tell(kpi_id="CFO-AR-01") == {CFO["address"], HOOK["address"]}
    assert world.tell(kpi_id="SKY-AD-01") == set()


def test_a_kpi_of_no_pack_is_not_in_the_pack_of_a_route() -> None:
    assert World({"kpi_id": "CFO-EF-02", "targets": [OPS]}).tell(kpi_id="SKY-AD-01") == set()


def test_a_target_of_two_routes_is_told_once() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]}, {"pack": "cfo", "targets": [OPS]})
    assert Alerts(world, world).tell({"detail-type": "kpi.sla.breach", "detail": {"tenant_id": "acme", "kpi_id": "CFO-EF-02"}}) == 1
    assert len(world.published) == 1


@pytest.mark.parametrize(("level", "told"), [("low", False), ("medium", False), ("high", True), ("critical", True), (None, True)])
def test_a_route_hears_from_its_severity_up(level: str | None, told: bool) -> None:
    world = World({"kpi_id": "CFO-EF-02", "severity": "high", "targets": [OPS]})
    assert bool(world.tell(criticality=level)) is told


def test_a_route_hears_of_the_kinds_it_names() -> None:
    world = World({"kpi_id": "CFO-EF-02", "events": ["kpi.run.failed"], "targets": [OPS]})
    assert (world.tell("kpi.run.failed"), world.tell("kpi.run.anomaly"), world.tell("kpi.sla.breach")) == ({OPS["address"]}, set(), set())


def test_what_is_tried_again_or_was_paused_is_no_news() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]})
    assert world.tell("kpi.run.failed", will_retry=True) == set()
    assert world.tell("kpi.run.failed", error_code="PAUSED") == set()
    assert world.tell("kpi.run.failed", error_code="TIMEOUT") == {OPS["address"]}


def test_the_message_tells_what_happened_and_not_the_number() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]})
    detail = {"tenant_id": "acme", "kpi_id": "CFO-EF-02", "value": 17.5, "kpi_name": "Größe", "error_code": "TIMEOUT", "verdict": None}
    Alerts(world, world).tell({"detail-type": "kpi.run.failed", "detail": detail})
    (alert,) = world.published
    assert alert.subject == "CFO-EF-02 failed run (acme prod)"
    assert alert.message == {
        "event": "kpi.run.failed",
        "tenant_id": "acme",
        "kpi_id": "CFO-EF-02",
        "kpi_name": "Größe",
        "error_code": "TIMEOUT",
    }


def test_the_pack_is_looked_up_only_for_those_who_ask_for_packs() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]})
    world.tell()
    assert world.looked_up == 0


def test_everybody_a_route_names_is_let_to_hear_once() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS, HOOK]}, {"pack": "cfo", "targets": [OPS]})
    Alerts(world, world).follow("acme", "prod")
    assert sorted(target.address for target in world.heard) == sorted([OPS["address"], HOOK["address"]])


def test_whoever_gets_a_report_is_let_to_hear_too() -> None:
    world = World({"kpi_id": "CFO-EF-02", "targets": [OPS]})
    world.reports = [ReportSubscription(pack="cfo", frequency="weekly", recipients=("cfo@acme.example", OPS["address"]))]
    Alerts(world, world).follow("acme", "prod")
    assert sorted(target.address for target in world.heard) == sorted([OPS["address"], "cfo@acme.example"])


def test_the_bus_hands_on_exactly_what_routes_can_be_about() -> None:
    assert set(ROUTED) == {kind.value for kind in AlertKind}

"""A tenancy begins and ends as often as its stack is deployed and destroyed, and an end that broke off is finished by repeating it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from kpis.schema import Dictionary
from lambdas.reconciler.service import Reconciler
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.memory import FixedClock
from tests.unit.lambdas.test_reconcile import dictionary

PLACE = {"tenant_id": "acme", "environment": "prod"}
SETTINGS = {"warehouse_secret": "kpi/local/acme/prod/warehouse", "schedule_group": "kpi-local-acme-prod"}


class Registry:
    """Who is registered."""

    def __init__(self) -> None:
        self.known: set[tuple[str, str]] = set()

    def add(self, tenant_id: str, environment: str) -> None:
        self.known.add((tenant_id, environment))

    def remove(self, tenant_id: str, environment: str) -> None:
        self.known.discard((tenant_id, environment))


class Kept:
    """Schedules, mute rules and dashboards of acme; removing them fails as often as `faults` says."""

    def __init__(self) -> None:
        self.left = {"schedules", "mutes", "dashboards"}
        self.faults: list[str] = []

    def gone(self, what: str) -> None:
        if self.faults[:1] == [what]:
            self.faults.pop(0)
            raise TimeoutError("throttled")
        self.left.discard(what)


class Deployment:
    """A reconciler whose packs are empty, with all it writes in memory."""

    def __init__(self) -> None:
        self.store, self.kept, self.clock, deployment = MemoryStore(), Kept(), FixedClock(), self

        class Schedules:
            def remove_all(self, tenant: Any) -> list[str]:
                assert tenant.schedule_group == SETTINGS["schedule_group"]
                deployment.kept.gone("schedules")
                return []

        class Mutes:
            def apply(self, stem: str, pauses: Any, _at: Any) -> None:
                assert (stem, pauses) == ("kpi-local-acme-prod", ())
                deployment.kept.gone("mutes")

        class Dashboards:
            def remove_all(self, tenant_id: str, environment: str) -> None:
                assert (tenant_id, environment) == ("acme", "prod")
                deployment.kept.gone("dashboards")

        class Parts:
            registry, store, clock = Registry(), deployment.store, deployment.clock
            schedules, mutes, dashboards = Schedules(), Mutes(), Dashboards()

            @staticmethod
            def stem(tenant_id: str, environment: str) -> str:
                return f"kpi-local-{tenant_id}-{environment}"

        class WithoutPacks(Reconciler):
            def _dictionary(self, _ref: Any) -> Dictionary:
                return dictionary()

            def _last_bundle(self) -> Any:
                return None

            def _brought(self, *_: Any) -> dict[str, Any]:
                return {}

        parts: Any = Parts()
        self.reconciler = WithoutPacks(parts, lambda: 0.0, lambda _: None)

    def do(self, action: str, **more: Any) -> Mapping[str, Any]:
        self.clock.move(timedelta(minutes=1))
        return self.reconciler.handle({"action": action, **PLACE, **more})

    @property
    def registered(self) -> bool:
        return self.store.row("acme", "prod#tenant") is not None

    @property
    def actions(self) -> list[str]:
        return [event.action for event in self.store.events.get("acme", [])]


@pytest.fixture
def deployment() -> Deployment:
    made = Deployment()
    made.do("onboard", settings=SETTINGS)
    return made


def test_a_tenant_that_was_offboarded_can_begin_again_with_the_same_config_and_end_again(deployment: Deployment) -> None:
    for _ in range(2):
        deployment.do("offboard")
        assert not deployment.registered
        deployment.do("onboard", settings=SETTINGS)
        assert deployment.registered
    assert deployment.actions == ["tenant.onboard", "tenant.offboard"] * 2 + ["tenant.onboard"]


def test_what_is_deployed_again_without_a_change_is_no_event(deployment: Deployment) -> None:
    assert deployment.do("onboard", settings=SETTINGS)["settings_changed"] is False
    deployment.do("offboard")
    deployment.do("offboard")
    assert deployment.actions == ["tenant.onboard", "tenant.offboard"]


@pytest.mark.parametrize("died", ["schedules", "mutes", "dashboards"])
def test_an_end_that_broke_off_is_finished_by_repeating_it(deployment: Deployment, died: str) -> None:
    deployment.kept.faults = [died]
    with pytest.raises(TimeoutError):
        deployment.do("offboard")
    assert deployment.kept.left
    deployment.do("offboard")
    assert deployment.kept.left == set()
    assert deployment.actions == ["tenant.onboard", "tenant.offboard"]


def test_a_tenant_that_was_never_here_has_nothing_to_end() -> None:
    deployment = Deployment()
    assert deployment.do("offboard")["schedules"] == []
    assert deployment.actions == []

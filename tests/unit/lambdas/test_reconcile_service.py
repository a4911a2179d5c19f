"""A pass over all tenants: each has its turn whatever happens to the others, and one that takes too long goes on elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.domain.control.unit import Row
from lambdas.domain.drift import Finding, Part
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import IndexState
from lambdas.reconciler.passes import indexed
from lambdas.reconciler.service import BUDGET_SECONDS, Reconciler

TENANTS = [("acme", "dev"), ("acme", "prod"), ("beta", "prod"), ("core", "prod")]


class Registry:
    """Four tenants that stacks registered."""

    is_complete = True

    def tenants(self) -> list[tuple[str, str]]:
        return TENANTS


@dataclass
class World:
    """What passes were made; each takes `seconds`, and those over `broken` tenants fail."""

    seconds: float = 1.0
    broken: tuple[str, ...] = ()
    made: list[str] = field(default_factory=list)
    handed_on: list[dict[str, Any]] = field(default_factory=list)
    offboarded: tuple[str, ...] = ()
    clock: float = 0.0

    def reconciler(self) -> Reconciler:
        world = self

        class Store:
            @staticmethod
            def row(tenant_id: str, key: str) -> Row | None:
                assert key in ("dev#tenant", "prod#tenant")
                return None if tenant_id in world.offboarded else Row(key, {})

        class Parts:
            registry = Registry()
            store = Store()

        class OnlyPasses(Reconciler):
            def _mended(self, tenant_id: str, environment: str) -> dict[str, Any]:
                world.made.append(f"{tenant_id}.{environment}")
                world.clock += world.seconds
                if tenant_id in world.broken:
                    raise KpiError(ErrorCode.INTERNAL, "throttled")
                return {}

        parts: Any = Parts()
        return OnlyPasses(parts, lambda: world.clock, lambda action: world.handed_on.append(dict(action)))


def test_every_tenant_has_its_turn_and_the_failures_are_named_at_the_end() -> None:
    world = World(broken=("acme",))
    with pytest.raises(KpiError, match=r"acme.dev.*acme.prod") as failed:
        world.reconciler().handle({"action": "reconcile"})
    assert "beta" not in failed.value.message
    assert world.made == ["acme.dev", "acme.prod", "beta.prod", "core.prod"]


def test_a_pass_that_takes_too_long_hands_on_what_is_left_and_the_next_one_takes_it_up() -> None:
    world = World(seconds=BUDGET_SECONDS * 0.6, broken=("acme",))
    with pytest.raises(KpiError):
        world.reconciler().handle({"action": "reconcile"})
    assert [each["after"] for each in world.handed_on] == ["acme.prod"]
    world.reconciler().handle(world.handed_on[0])
    assert world.made == ["acme.dev", "acme.prod", "beta.prod", "core.prod"]
    assert len(world.handed_on) == 1


def test_a_tenant_that_was_offboarded_since_the_list_was_read_is_passed_over() -> None:
    world = World(offboarded=("beta",))
    assert set(world.reconciler().handle({"action": "reconcile"})["tenants"]) == {"acme.dev", "acme.prod", "core.prod"}


def test_one_tenant_or_one_environment_can_be_asked_for() -> None:
    world = World()
    world.reconciler().handle({"action": "reconcile", "tenant_id": "acme", "environment": "prod"})
    assert world.made == ["acme.prod"]


def test_an_index_that_is_not_there_is_one_finding_and_one_that_differs_is_one_for_each_row_of_the_environment() -> None:
    nothing = IndexState(None, in_catalog=3, in_index=0, missing=("prod#kpi#A-1#1.0.0",))
    assert [each.name for each in indexed(nothing, "prod")] == ["index"]
    assert indexed(IndexState(None, in_catalog=0, in_index=0), "prod") == []
    state = IndexState(
        '"1"', 3, 3, missing=("prod#kpi#A-1#1.0.0", "dev#kpi#A-1#1.0.0"), extra=("A-2#00000001#prod",), outdated=("dev#kpi#A-3#1.0.0",)
    )
    found: list[Finding] = indexed(state, "prod")
    assert [(each.part, each.name, each.difference.value) for each in found] == [
        (Part.INDEX, "prod#kpi#A-1#1.0.0", "missing"),
        (Part.INDEX, "A-2#00000001#prod", "extra"),
    ]


def test_a_tenant_whose_id_goes_on_with_a_hyphen_has_its_turn_after_a_pass_was_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "tenants", lambda _self: [("acme", "dev"), ("acme", "prod"), ("acme-asia", "dev")])
    world = World(seconds=BUDGET_SECONDS * 0.6)
    world.reconciler().handle({"action": "reconcile"})
    world.reconciler().handle(world.handed_on[0])
    assert world.made == ["acme.dev", "acme.prod", "acme-asia.dev"]

"""A KPI has a dashboard of its own while the tenant asks for it and the KPI runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

import dashboards
from lambdas.domain.control import keys
from lambdas.domain.control.unit import OneRow
from lambdas.domain.drift import Difference, Grade
from lambdas.domain.errors import KpiError
from lambdas.domain.reconcile_dashboards import DashboardKeeper, Stencil
from tests.unit.lambdas.control.office import Office, kpi

STEM = "kpi-local-skyway-prod"
PLACE = ("skyway", "prod")
ONE, TWO = f"{STEM}-kpi-sky-ad-01", f"{STEM}-kpi-sky-ad-02"
STENCIL = Stencil(
    standard={"widgets": ["kpi-variable-kpi of kpi-variable-tenant, kpi-variable-environment"]},
    tier_0={"widgets": ["series"]},
)


@dataclass
class Boards:
    """Dashboards of an account, as CloudWatch has them."""

    there: dict[str, str] = field(default_factory=dict)
    published: Stencil | None = STENCIL
    writes: int = 0
    broken: bool = False

    def keeper(self, rows: OneRow) -> DashboardKeeper:
        return DashboardKeeper(rows, self, lambda: self.published, lambda tenant, where: f"kpi-local-{tenant}-{where}")

    def names(self, prefix: str) -> Iterable[str]:
        return [name for name in self.there if name.startswith(prefix)]

    def body(self, name: str) -> str | None:
        return self.there.get(name)

    def put(self, name: str, body: str) -> None:
        if self.broken:
            raise TimeoutError
        self.writes += 1
        self.there[name] = body

    def delete(self, name: str) -> None:
        self.writes += 1
        self.there.pop(name, None)


@dataclass
class World:
    """A tenant with one KPI that runs."""

    office: Office = field(default_factory=Office)
    boards: Boards = field(default_factory=Boards)

    @property
    def keeper(self) -> DashboardKeeper:
        return self.boards.keeper(self.office.store)

    def ask(self, *kpi_ids: str) -> None:
        self.office.store.tables["skyway"]["prod#settings"] = {"settings": json.dumps({"dashboards": kpi_ids})}

    def drift(self) -> list[tuple[str, Difference, Grade]]:
        return [(each.name, each.difference, each.grade) for each in self.keeper.plan(*PLACE)]


@pytest.fixture
def world() -> World:
    made = World()
    made.office.live(kpi())
    return made


def test_a_tenant_that_asks_for_none_has_none(world: World) -> None:
    assert world.drift() == []
    world.ask()
    assert world.drift() == []


def test_what_was_asked_for_is_made_once(world: World) -> None:
    world.ask("SKY-AD-01")
    assert world.drift() == [(ONE, Difference.MISSING, Grade.MEDIUM)]
    assert world.keeper.apply(*PLACE) == [ONE]
    assert json.loads(world.boards.there[ONE]) == {"widgets": ["SKY-AD-01 of skyway, prod"]}
    assert (world.keeper.apply(*PLACE), world.boards.writes, world.drift()) == ([], 1, [])


def test_a_kpi_of_tier_0_shows_its_own_series(world: World) -> None:
    world.office.live(kpi(id="SKY-AD-02", tier=0))
    world.ask("SKY-AD-01", "SKY-AD-02")
    world.keeper.apply(*PLACE)
    assert json.loads(world.boards.there[TWO]) == {"widgets": ["series"]}
    assert json.loads(world.boards.there[ONE]) != {"widgets": ["series"]}


def test_a_kpi_that_does_not_run_has_none_and_gets_it_with_its_publication(world: World) -> None:
    world.ask("SKY-AD-02")
    assert world.drift() == []
    world.office.live(kpi(id="SKY-AD-02"))
    assert world.keeper.apply(*PLACE) == [TWO]
    del world.office.store.tables["skyway"][keys.active("prod", "SKY-AD-02")]
    assert world.drift() == [(TWO, Difference.EXTRA, Grade.LOW)]
    world.keeper.apply(*PLACE)
    assert world.boards.there == {}


def test_what_is_asked_for_no_more_goes(world: World) -> None:
    world.ask("SKY-AD-01")
    world.keeper.apply(*PLACE)
    world.ask()
    assert world.drift() == [(ONE, Difference.EXTRA, Grade.LOW)]
    assert world.keeper.apply(*PLACE) == [ONE]
    assert world.boards.there == {}


def test_one_that_was_changed_by_hand_is_drift_and_is_put_back(world: World) -> None:
    world.ask("SKY-AD-01")
    world.keeper.apply(*PLACE)
    world.boards.there[ONE] = "{}"
    assert world.drift() == [(ONE, Difference.DIFFERENT, Grade.MEDIUM)]
    world.keeper.apply(*PLACE)
    assert world.drift() == []


def test_other_dashboards_are_left_alone_also_those_of_a_tenant_whose_name_begins_alike(world: World) -> None:
    """The tenant `skyway-prod-kpi-xy` has names that begin like those of skyway's own."""
    others = {f"{STEM}-overview": "a", f"{STEM}-kpi-xy-prod-kpi-sky-ad-01": "b", "kpi-local-skyway2-prod-kpi-sky-ad-01": "c"}
    world.boards.there = dict(others)
    assert world.drift() == []
    world.keeper.remove_all(*PLACE)
    assert world.boards.there == others


def test_offboarding_takes_them_all_away(world: World) -> None:
    world.ask("SKY-AD-01")
    world.keeper.apply(*PLACE)
    world.keeper.remove_all(*PLACE)
    assert world.boards.there == {}


def test_without_the_stencil_nothing_is_compared_and_none_is_made_but_they_still_go(world: World) -> None:
    world.ask("SKY-AD-01")
    world.keeper.apply(*PLACE)
    world.boards.published = None
    assert world.drift() == []
    world.office.live(kpi(id="SKY-AD-02"))
    world.ask("SKY-AD-02")
    assert [name for name, _, _ in world.drift()] == [TWO, ONE]
    with pytest.raises(KpiError, match="deploy the platform's stack"):
        world.keeper.apply(*PLACE)
    world.ask()
    assert world.keeper.apply(*PLACE) == [ONE]


def test_the_published_stencil_is_filled_in_completely() -> None:
    text = dashboards.render_kpi_stencil(deployment="local", region="us-east-1", account_id="123456789012", digest="d" * 64)
    stencil = Stencil.model_validate_json(text)
    for tier_0 in (False, True):
        body = stencil.body("skyway", "prod", "SKY-AD-01", tier_0=tier_0)
        assert "kpi-variable" not in body
        assert '"kpi_id":"SKY-AD-01"' in body
        assert f"dashboards/dashboard/{STEM}-overview" in body
        assert ("KpiVerdict" in body) is tier_0

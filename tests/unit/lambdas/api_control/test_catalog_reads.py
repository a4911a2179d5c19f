"""A kept graph is always the one a fresh reading would give, and reads no more than what changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.api.control import catalog_reads
from lambdas.api.control.catalog_reads import CatalogReads
from lambdas.domain import reconcile
from lambdas.domain.control import catalog, keys
from lambdas.domain.control.states import Action
from lambdas.domain.control.unit import Row
from lambdas.domain.lineage import Change, ChangeKind, Graph, graph_of, impact, lineage
from tests.unit.lambdas.control.memory import MemoryStore
from tests.unit.lambdas.control.office import MONDAY, SOURCES, TENANT, Office, kpi, reader


class Counted:
    """The store of an office, with the rows that were read."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.read: list[str] = []

    def row(self, tenant_id: str, key: str) -> Row | None:
        self.read.append(key)
        return self.store.row(tenant_id, key)

    def rows(self, tenant_id: str, prefix: str, *, after: str = "") -> Iterator[Row]:
        for row in self.store.rows(tenant_id, prefix, after=after):
            self.read.append(row.key)
            yield row

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def definitions(self) -> list[str]:
        found, self.read = [key for key in self.read if "#kpi#" in key], []
        return found


class World:
    def __init__(self) -> None:
        self.office = Office()
        self.seconds = 0.0
        self.store = Counted(self.office.store)
        self.reads = CatalogReads(self.store, lambda: self.seconds)
        for of in (kpi(), reader(), kpi(id="SKY-AD-02")):
            self.office.live(of)

    def graph(self) -> Graph:
        found = self.reads.graph(TENANT, "prod")
        fresh = CatalogReads(self.office.store).graph(TENANT, "prod")
        assert (found.nodes, found.links, found.parents) == (fresh.nodes, fresh.links, fresh.parents)
        assert dict(found.sources) == dict(fresh.sources)
        assert dict(found.kpis) == dict(fresh.kpis)
        return found


@pytest.fixture
def world() -> World:
    return World()


def test_it_is_the_graph_of_what_runs(world: World) -> None:
    found = world.graph()
    plain = graph_of([kpi(), reader(), kpi(id="SKY-AD-02")], SOURCES.values())
    assert (found.nodes.keys(), found.links) == (plain.nodes.keys(), plain.links)
    change = Change(kind=ChangeKind.DEPRECATION, kpi_id="SKY-AD-01")
    assert impact(found, TENANT, change, MONDAY) == impact(plain, TENANT, change, MONDAY)
    assert lineage(found, "SKY-RT-01").links == lineage(plain, "SKY-RT-01").links


def test_while_nothing_changes_only_the_head_of_the_chain_is_read(world: World) -> None:
    first = world.graph()
    world.store.read = []
    assert world.reads.graph(TENANT, "prod") is first
    assert world.store.read == ["audit#head"]


def test_after_a_publication_no_definition_is_read_before_somebody_asks_for_it(world: World) -> None:
    world.graph()
    world.office.live(kpi("1.1.0", name="Delays at departure"))
    world.store.definitions()
    found = world.reads.graph(TENANT, "prod")
    assert found.nodes["kpi:SKY-AD-01"].name == "Delays at departure"
    assert world.store.definitions() == []
    assert found.kpis["SKY-AD-01"].name == "Delays at departure"
    assert world.store.definitions() == [keys.version("prod", "SKY-AD-01", "1.1.0")]
    world.graph()


def test_of_a_pointer_that_does_not_say_what_it_reads_the_definition_is_read(world: World) -> None:
    for key, row in world.office.store.tables[TENANT].items():
        if "#active#" in key:
            row["part"] = {"prod#active#SKY-AD-01": None, "prod#active#SKY-AD-02": '{"format":0}'}.get(key, row["part"])
    silent = world.reads.graph(TENANT, "prod")
    assert sorted(world.store.definitions()) == [keys.version("prod", name, "1.0.0") for name in ("SKY-AD-01", "SKY-AD-02")]
    told = World().reads.graph(TENANT, "prod")
    assert (silent.nodes, silent.links, silent.parents) == (told.nodes, told.links, told.parents)


def test_definitions_of_a_large_report_are_read_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "ONE_BY_ONE", 1)
    found = world.reads.graph(TENANT, "prod")
    world.store.definitions()
    assert [each.id for each in found.definitions(["SKY-RT-01", "SKY-AD-01"])] == ["SKY-RT-01", "SKY-AD-01"]
    assert sorted(set(world.store.definitions())) == [
        keys.version("prod", name, "1.0.0") for name in ("SKY-AD-01", "SKY-AD-02", "SKY-RT-01")
    ]


def test_a_change_that_moves_no_pointer_keeps_the_graph(world: World) -> None:
    first = world.graph()
    world.office.plane.definitions.create(world.office.call(), kpi(id="SKY-AD-03"), SOURCES)
    world.store.definitions()
    assert world.reads.graph(TENANT, "prod") is first
    assert world.store.definitions() == []


def test_what_stops_running_leaves_the_graph(world: World) -> None:
    world.graph()
    world.office.agreed(Action.UNPUBLISH, "1.0.0", "SKY-AD-02")
    world.office.plane.removal.unpublish(world.office.call(), "SKY-AD-02", "1.0.0")
    assert "kpi:SKY-AD-02" not in world.graph().nodes


def test_a_writer_beside_the_control_plane_is_seen_after_half_a_minute(world: World) -> None:
    world.graph()
    table = world.office.store.tables[TENANT]
    table[keys.version("prod", "SKY-AD-01", "1.0.0")]["definition"] = kpi(name="Imported").model_dump_json(by_alias=True, exclude_none=True)
    pointer = table[keys.active("prod", "SKY-AD-01")]
    pointer["definition_hash"] = "other"
    del pointer["part"]
    assert world.reads.graph(TENANT, "prod").nodes["kpi:SKY-AD-01"].name != "Imported"
    world.seconds = catalog_reads.LOOK_SECONDS
    assert world.graph().nodes["kpi:SKY-AD-01"].name == "Imported"


def test_a_table_that_is_described_anew_is_seen_after_ten_minutes(world: World) -> None:
    world.graph()
    for key, row in world.office.store.tables[TENANT].items():
        if "#active#" in key:
            row["part"] = row["part"].replace('"name":"Flights"', '"name":"All flights"')
    world.seconds = catalog_reads.LOOK_SECONDS
    assert world.reads.graph(TENANT, "prod").nodes["gdp:GDP_Flights"].name != "All flights"
    world.seconds = catalog_reads.WHOLE_SECONDS
    assert world.graph().nodes["gdp:GDP_Flights"].name == "All flights"


def test_tenants_and_environments_never_share_a_graph(world: World) -> None:
    world.graph()
    assert world.reads.graph("rival", "prod").nodes == {}
    assert world.reads.graph(TENANT, "dev").nodes == {}


def test_few_graphs_of_many_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_reads, "KEPT_KPIS", 4)
    first = world.graph()
    world.office.tenant = "rival"
    for of in (kpi(tenants=["rival"]), kpi(id="SKY-AD-02", tenants=["rival"])):
        world.office.live(of)
    world.reads.graph("rival", "prod")
    assert world.reads.graph(TENANT, "prod") is not first


def test_a_definition_beyond_the_parsed_ones_is_parsed_when_it_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_reads, "PARSED", 1)
    found = world.graph().kpis
    assert [found[name].id for name in ("SKY-AD-01", "SKY-AD-02", "SKY-AD-02")] == ["SKY-AD-01", "SKY-AD-02", "SKY-AD-02"]
    with pytest.raises(KeyError):
        found["SKY-NO-99"]


def test_a_table_of_a_running_definition_is_at_hand_and_any_other_is_looked_for_once(world: World) -> None:
    tables = world.reads.sources(TENANT)
    world.graph()
    world.store.definitions()
    assert tables["GDP_Flights"] == SOURCES["GDP_Flights"]
    assert len(world.store.definitions()) <= 1
    assert "GDP_Unknown" not in tables
    assert len(world.store.definitions()) == 3
    assert set(tables) == {"GDP_Flights"}
    assert world.store.definitions() == []


def test_a_table_that_only_a_draft_reads_is_known(world: World) -> None:
    world.office.tenant = "rival"
    world.office.plane.definitions.create(world.office.call(), kpi(tenants=["rival"]), SOURCES)
    assert world.reads.sources("rival")["GDP_Flights"] == SOURCES["GDP_Flights"]
    assert "GDP_Flights" not in world.reads.sources("stranger")


def test_a_table_that_the_tenants_stack_names_is_known_before_anything_reads_it(world: World) -> None:
    declared = reconcile.declared(SOURCES.values())
    world.office.store.tables.setdefault("newcomer", {})["dev#sources"] = {"sources": declared, "row_version": 1}
    assert world.reads.sources("newcomer")["GDP_Flights"] == SOURCES["GDP_Flights"]

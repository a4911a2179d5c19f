"""An index that follows the catalog: change by change, anew when it must, and compared with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from lambdas.domain.errors import KpiError
from lambdas.domain.search import ChangedRow, Index, Indexed, IndexState, Keeper, Query
from tests.unit.lambdas.search.factory import catalog_rows, document
from tests.unit.lambdas.search.test_objects import Bucket


class Catalog:
    """Catalog rows in memory. A row that changes is what the stream says."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        for tenant, sort_key, row in catalog_rows():
            self.tables.setdefault(tenant, {})[sort_key] = row

    def rows(self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False) -> Iterator[Mapping[str, Any]]:
        assert consistent, "an index of an old reading of the catalog would miss what the stream said before it was built"
        for sort_key, row in sorted(self.tables.get(tenant_id, {}).items()):
            if sort_key.startswith(prefix):
                whole = {"pk": tenant_id, "sk": sort_key, **row}
                yield {name: whole[name] for name in attributes if name in whole} if attributes else whole

    def put(self, tenant_id: str, sort_key: str, **changes: Any) -> ChangedRow:
        table = self.tables.setdefault(tenant_id, {})
        old = table.get(sort_key, {"row_version": 0, "definition": "{}"})
        table[sort_key] = old | {"row_version": old["row_version"] + 1} | changes
        return ChangedRow(sort_key, table[sort_key])

    def remove(self, tenant_id: str, sort_key: str) -> ChangedRow:
        del self.tables[tenant_id][sort_key]
        return ChangedRow(sort_key, None)


class World:
    def __init__(self) -> None:
        self.catalog, self.bucket, self.problems = Catalog(), Bucket(), list[str]()
        self.keeper = Keeper(self.catalog, self.bucket, self.problems.append)

    def found(self, text: str, tenant: str = "acme") -> list[str]:
        return [hit.kpi_id for hit in Index.open(self.bucket.objects[tenant]).search(tenant, Query(text, limit=200)).hits]

    @property
    def state(self) -> IndexState:
        return self.keeper.state("acme")


ROW = "prod#kpi#CFO-AR-01#1.0.0"


def test_a_rebuild_finds_every_definition_of_the_tenant_in_every_environment_and_nobody_elses() -> None:
    world = World()
    world.catalog.put("acme", "dev#kpi#DEV-AA-01#1.0.0", definition='{"name": "Zeppelin"}')
    done = world.keeper.rebuild("acme")
    assert done == Indexed(changed=len(world.catalog.tables["acme"]), rebuilt=True)
    assert world.found("zeppelin") == ["DEV-AA-01"]
    assert world.state.in_step
    assert set(world.bucket.objects) == {"acme"}


def test_a_change_of_the_stream_is_found_and_one_that_comes_twice_ends_where_it_ended() -> None:
    world = World()
    world.keeper.rebuild("acme")
    change = world.catalog.put("acme", ROW, definition='{"name": "Zeppelin"}')
    for _ in range(2):
        assert world.keeper.index_changes("acme", [change]) == Indexed(changed=1)
        assert world.found("zeppelin") == ["CFO-AR-01"]
        assert world.state.in_step


def test_a_deleted_definition_is_not_found_any_more() -> None:
    world = World()
    world.keeper.rebuild("acme")
    world.keeper.index_changes("acme", [world.catalog.remove("acme", ROW)])
    assert "CFO-AR-01" not in world.found("receivable")
    assert world.state.in_step


def test_the_first_change_of_a_tenant_makes_an_index_of_its_whole_catalog() -> None:
    world = World()
    assert world.keeper.index_changes("acme", [world.catalog.put("acme", ROW)]).rebuilt
    assert world.state.in_step


def test_an_index_this_code_cannot_read_is_built_anew_and_said_so() -> None:
    world = World()
    world.bucket.objects["acme"] = b"of another time"
    assert world.state.missing == tuple(sorted(world.catalog.tables["acme"]))
    assert world.keeper.index_changes("acme", [world.catalog.put("acme", ROW)]).rebuilt
    assert world.state.in_step
    assert "is built anew" in world.problems[-1]


def test_rows_that_are_no_definitions_touch_no_object() -> None:
    world = World()
    world.bucket.broken = True
    rows = [ChangedRow(key, {"kpi_id": "CFO-AR-01"}) for key in ("prod#active#CFO-AR-01", "prod#pause#*", "audit#head", "request#1")]
    assert world.keeper.index_changes("acme", rows) == Indexed()


def test_a_row_that_holds_no_definition_is_named_and_holds_up_no_other() -> None:
    world = World()
    world.keeper.rebuild("acme")
    bad = ChangedRow("prod#kpi#BAD-AA-01#1.0.0", {"definition": "{broken"})
    good = world.catalog.put("acme", ROW, definition='{"name": "Zeppelin"}')
    assert world.keeper.index_changes("acme", [bad, good]) == Indexed(changed=1, unreadable=(bad.sort_key,))
    assert world.found("zeppelin") == ["CFO-AR-01"]
    assert "BAD-AA-01" in world.problems[0]


def test_two_keepers_at_once_lose_no_change() -> None:
    world = World()
    world.keeper.rebuild("acme")
    world.catalog.put("acme", "prod#kpi#NEW-AA-01#1.0.0", definition='{"name": "Zeppelin"}')
    world.bucket.meanwhile = [document("acme", "NEW-AA-01", name="Zeppelin")]
    world.keeper.index_changes("acme", [world.catalog.put("acme", ROW, definition='{"name": "Zeppelin two"}')])
    assert world.found("zeppelin") == ["NEW-AA-01", "CFO-AR-01"]


def test_the_state_names_what_a_search_would_miss_show_in_vain_or_show_as_it_was() -> None:
    world = World()
    assert world.state.etag is None
    assert not world.state.in_step
    world.keeper.rebuild("acme")
    world.catalog.put("acme", ROW, status="paused")
    world.catalog.put("acme", "prod#kpi#NEW-AA-01#1.0.0")
    gone = next(key for key in world.catalog.tables["acme"] if key != ROW and "NEW" not in key)
    world.catalog.remove("acme", gone)
    state = world.state
    assert (state.missing, state.outdated, len(state.extra)) == (("prod#kpi#NEW-AA-01#1.0.0",), (ROW,), 1)
    assert gone.split("#")[2] in state.extra[0]
    assert not state.in_step


def test_a_tenant_without_definitions_needs_no_index() -> None:
    assert World().keeper.state("nobody").in_step


def test_a_bucket_that_does_not_answer_is_an_error_so_that_the_stream_sends_the_batch_again() -> None:
    world = World()
    world.bucket.broken = True
    with pytest.raises(KpiError, match="does not answer"):
        world.keeper.index_changes("acme", [world.catalog.put("acme", ROW)])

"""Indexes that are damaged within, and catalog rows of forms nobody wrote: what can be read is found, the rest is said and mended."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import ChangedRow, Index, Query, build
from tests.unit.lambdas.search.factory import shipped
from tests.unit.lambdas.search.test_keeper import ROW, World


def without(data: bytes, name: str) -> bytes:
    """An index in which the pages of a table hold nothing."""
    connection = sqlite3.connect(":memory:")
    connection.deserialize(data)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    return data[: (root - 1) * size] + b"\xff" * size + data[root * size :]


TABLES = ("documents", "words_1_data", "words_1_idx", "words_1_content", "words_1_docsize")


@pytest.mark.parametrize("name", TABLES)
def test_a_search_of_a_damaged_index_is_an_error_in_words(name: str) -> None:
    def searched() -> None:
        index = Index.open(without(build(shipped()), name))
        index.search("acme", Query("receivable"))
        index.search("acme", Query(""))

    with pytest.raises(KpiError, match=r"the search index cannot be read \(.*\); build it anew") as refused:
        searched()
    assert refused.value.code is ErrorCode.INTERNAL


@pytest.mark.parametrize("name", TABLES)
def test_a_damaged_index_is_not_in_step_and_a_rebuild_mends_it(name: str) -> None:
    world = World()
    world.keeper.rebuild("acme")
    world.bucket.objects["acme"] = without(world.bucket.objects["acme"], name)
    assert not world.state.in_step
    world.keeper.rebuild("acme")
    assert world.state.in_step


@pytest.mark.parametrize("name", ["documents", "words_1_content"])
def test_a_change_that_meets_a_damaged_index_builds_it_anew(name: str) -> None:
    world = World()
    world.keeper.rebuild("acme")
    world.bucket.objects["acme"] = without(world.bucket.objects["acme"], name)
    change = world.catalog.put("acme", ROW, definition='{"name": "Zeppelin"}')
    assert world.keeper.index_changes("acme", [change]).rebuilt
    assert world.found("zeppelin") == ["CFO-AR-01"]


def test_an_index_that_was_cut_short_is_built_anew() -> None:
    world = World()
    world.keeper.rebuild("acme")
    world.bucket.objects["acme"] = world.bucket.objects["acme"][:-8192]
    assert world.keeper.index_changes("acme", [world.catalog.put("acme", ROW)]).rebuilt
    assert world.state.in_step


ODD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": "[]"}),
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": "null"}),
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": "{}", "sources": "[1]"}),
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": "{}", "sources": "3"}),
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": '{"owners": "me"}'}),
    ("prod#kpi#ODD-AA-01#1.0.0", {"definition": "{}", "row_version": "many"}),
)


@pytest.mark.parametrize(("key", "row"), ODD)
def test_a_row_of_a_form_nobody_wrote_holds_up_no_other(key: str, row: dict[str, Any]) -> None:
    world = World()
    world.keeper.rebuild("acme")
    good = world.catalog.put("acme", ROW, definition='{"name": "Zeppelin"}')
    assert world.keeper.index_changes("acme", [ChangedRow(key, row), good]).unreadable == (key,)
    assert world.found("zeppelin") == ["CFO-AR-01"]
    world.catalog.tables["acme"][key] = row
    assert world.keeper.rebuild("acme").unreadable == (key,)
    assert world.state.missing == (key,)
    assert world.found("zeppelin") == ["CFO-AR-01"]


@pytest.mark.parametrize("version", ["latest", "1.0", "1.0.x", ""])
def test_a_row_under_a_version_that_is_none_is_no_definition_and_holds_up_no_other(version: str) -> None:
    world, key = World(), f"prod#kpi#ODD-AA-01#{version}"
    world.keeper.rebuild("acme")
    good = world.catalog.put("acme", ROW, definition='{"name": "Zeppelin"}')
    assert world.keeper.index_changes("acme", [ChangedRow(key, {"definition": "{}"}), good]).changed == 1
    world.catalog.tables["acme"][key] = {"definition": "{}"}
    assert world.state.in_step
    world.keeper.rebuild("acme")
    assert world.found("zeppelin") == ["CFO-AR-01"]

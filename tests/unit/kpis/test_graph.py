"""The graph of KPIs: order, circles, downstream."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpis
from kpis.graph import downstream, find_cycles, topological_order
from kpis.schema import Dictionary
from tests.unit.kpis.build import Shop

_NAMES = st.sampled_from("ABCDEFG")
_GRAPHS = st.dictionaries(_NAMES, st.lists(_NAMES, max_size=3).map(tuple), max_size=7)


@pytest.fixture
def dictionary(shop: Shop) -> Dictionary:
    return kpis.load(shop.write())


def test_every_kpi_comes_after_those_it_reads(dictionary: Dictionary) -> None:
    assert topological_order(dictionary.kpis) == ["SH-RV-01", "SH-RV-02", "SH-AV-01", "SH-IX-01"]


def test_downstream_are_direct_and_indirect_readers(dictionary: Dictionary) -> None:
    assert downstream(dictionary.kpis, "SH-RV-02") == ["SH-AV-01", "SH-IX-01"]
    assert downstream(dictionary.kpis, "SH-IX-01") == []


def test_ordering_a_circle_names_it(shop: Shop) -> None:
    shop["SH-AV-01"]["sources"][0] = {"kpi": "SH-IX-01", "as": "revenue"}
    loaded = kpis.load(shop.write())
    with pytest.raises(ValueError, match="SH-AV-01 -> SH-IX-01 -> SH-AV-01"):
        topological_order(loaded.kpis)


@settings(deadline=None)
@given(graph=_GRAPHS)
def test_found_circles_are_real_and_every_circle_is_touched(graph: dict[str, tuple[str, ...]]) -> None:
    circles = find_cycles(graph)
    for circle in circles:
        assert circle[0] == circle[-1]
        assert all(after in graph[before] for before, after in itertools.pairwise(circle))
    found = {name for circle in circles for name in circle}
    rest = {name: [to for to in upstream if to not in found] for name, upstream in graph.items() if name not in found}
    assert find_cycles({name: tuple(upstream) for name, upstream in rest.items()}) == []


def test_our_own_packs_have_an_order() -> None:
    dictionary = kpis.load(Path(kpis.PACKS_DIR))
    assert sorted(topological_order(dictionary.kpis)) == sorted(kpi.id for kpi in dictionary.kpis)

"""Whatever stands anywhere in a foreign file, an import ends with a pack, problems or losses; it never falls over."""

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpis.exchange.dbt_import import import_dbt
from kpis.exchange.draft import check_artifacts
from kpis.exchange.openslo_import import import_openslo
from kpis.exchange.readers import Format, Readers
from kpis.exchange.trees import Document, Path, at, read_documents
from tests.unit.kpis.exchange.conftest import INPUTS, OPTIONS, ROOT, report_text

_WORDS = st.sampled_from(
    ["", "day", "order", "{{", "{{ Dimension('order__status') }}", "'", "a b", "1", "amount + 1", "SELECT 1", "\u2028", "9" * 400]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | _WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=3,
)
_BUDGET = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def nodes(value: Any, path: Path = ()) -> list[Path]:
    found = [path]
    if isinstance(value, dict):
        for key, child in value.items():
            found += nodes(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            found += nodes(child, (*path, index))
    return found


@pytest.mark.parametrize(("name", "importer"), [("shop_metrics.yml", import_dbt), ("slos.yaml", import_openslo)])
def test_any_value_anywhere_is_read_or_refused(name: str, importer: Any) -> None:
    documents, _ = read_documents(name, (INPUTS / name).read_bytes())
    places = [(number, path) for number, document in enumerate(documents) for path in nodes(document.value) if path]

    @_BUDGET
    @given(st.lists(st.tuples(st.sampled_from(places), _VALUES), min_size=1, max_size=3))
    def check(changes: list[tuple[tuple[int, Path], Any]]) -> None:
        contents = [copy.deepcopy(document.value) for document in documents]
        for (number, path), value in changes:
            parent = at(contents[number], path[:-1])
            if isinstance(parent, dict) or (isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent)):
                parent[path[-1]] = value
        result = importer([Document(name, number, content) for number, content in enumerate(contents)], OPTIONS)
        assert report_text(result)
        if not result.problems:
            check_artifacts(result.artifacts(), ROOT)

    check()


@_BUDGET
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
    st.sampled_from(Format),
    st.sampled_from(["x.csv", "x.json", "kpis.csv", "x.yaml"]),
)
def test_any_bytes_are_read_or_refused(content: bytes, source_format: Format, name: str) -> None:
    readers = Readers(OPTIONS, (INPUTS / "metric_list_mapping.yaml").read_bytes())
    result = readers.read(source_format, [(name, content)])
    assert result.problems or result.dictionary.kpis == ()


def test_a_meta_that_is_no_mapping_is_told_by_its_path() -> None:
    (document, *_), _ = read_documents("shop_metrics.yml", (INPUTS / "shop_metrics.yml").read_bytes())
    content = copy.deepcopy(document.value)
    content["metrics"][0]["config"]["meta"] = True
    assert "metrics[0].config.meta" in report_text(import_dbt([Document("shop_metrics.yml", 0, content)], OPTIONS))

"""From catalog rows to documents."""

from __future__ import annotations

import pytest

from lambdas.domain.search import Document, DocumentKey, Facet, Part, Removed, change_of
from tests.unit.lambdas.search.factory import catalog_rows, shipped


def test_every_definition_row_becomes_a_document_with_all_its_parts_and_facets() -> None:
    documents = shipped()
    assert len(documents) == len(list(catalog_rows()))
    for document in documents:
        assert set(document.parts) == set(Part)
        assert all(document.parts.values()), document.key
        assert all(document.facets.values()), document.key


@pytest.mark.parametrize(
    "sort_key",
    ["prod#active#CFO-EF-02", "prod#open#CFO-EF-02", "request#1", "prod#pause#kpi#CFO-EF-02", "audit#head", "idem#kpi#CFO-EF-02#1.0.0", ""],
)
def test_rows_that_are_no_definitions_change_nothing(sort_key: str) -> None:
    assert change_of("acme", sort_key, {"definition": "{}"}) is None


def test_a_deleted_definition_row_is_a_removal() -> None:
    assert change_of("acme", "prod#kpi#CFO-EF-02#1.0.0", None) == Removed(DocumentKey("acme", "prod", "CFO-EF-02", "1.0.0"))


def test_a_row_as_it_was_written_wins_over_its_definition() -> None:
    row = {"definition": '{"name": "Cash", "status": "active", "pack": "cfo"}', "status": "deprecated", "row_version": 7}
    change = change_of("acme", "dev#kpi#CFO-CA-01#2.0.0", row)
    assert isinstance(change, Document)
    assert change.facets[Facet.STATUS] == "deprecated"
    assert (change.facets[Facet.PACK], change.facets[Facet.VERSION], change.facets[Facet.ENVIRONMENT]) == ("cfo", "2.0.0", "dev")
    assert change.row_version == 7


def test_a_definition_that_is_not_json_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"CFO-CA-01 2\.0\.0: the catalog row's definition is not JSON"):
        change_of("acme", "dev#kpi#CFO-CA-01#2.0.0", {"definition": "{"})

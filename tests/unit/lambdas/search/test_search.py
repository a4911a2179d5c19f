"""What is found, in which order, and how results are narrowed and paged."""

from __future__ import annotations

import json

import pytest

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import Facet, Index, Part, Query, build, index
from tests.unit.lambdas.search.factory import document, shipped


@pytest.fixture(scope="module")
def catalog() -> Index:
    return Index.open(build(shipped()))


def ids(index_: Index, text: str, tenant: str = "acme", **narrow: str) -> list[str]:
    facets = {Facet(name): frozenset({value}) for name, value in narrow.items()}
    return [hit.kpi_id for hit in index_.search(tenant, Query(text, facets, limit=100)).hits]


def walk(index_: Index, query: Query, tenant: str = "acme") -> list[tuple[str, str, str]]:
    """Every hit of all pages."""
    found, position = [], query.position
    while True:
        page = index_.search(tenant, Query(query.text, query.facets, query.limit, position))
        found += [(hit.kpi_id, hit.version, hit.environment) for hit in page.hits]
        if page.next_position is None:
            return found
        position = page.next_position


def test_an_id_finds_its_kpi_first_then_its_variants(catalog: Index) -> None:
    assert ids(catalog, "CFO-EF-02")[:2] == ["CFO-EF-02", "CFO-EF-02-ENT"]
    assert ids(catalog, "cfo-ef-02")[0] == "CFO-EF-02"


def test_the_beginning_of_an_id_finds_all_that_start_so(catalog: Index) -> None:
    assert set(ids(catalog, "CFO-LQ-0")) >= {"CFO-LQ-01", "CFO-LQ-02", "CFO-LQ-03", "CFO-LQ-07"}


@pytest.mark.parametrize(
    ("where", "text", "expected"),
    [
        (Part.PURPOSE, "accounts at the end of the day IAS 7.6", "CFO-CA-01"),
        (Part.FORMULA, "credit_sales", "CFO-EF-02"),
        (Part.SOURCES, "GDP_Receivables", "CFO-AR-01"),
        (Part.RULES, "no-negative-receivables", "CFO-AR-01"),
        (Part.NAME, "days sales outstanding", "CFO-EF-02"),
        (Part.ID, "CFO-HX-01", "CFO-HX-01"),
        (Part.LABELS, "Monthly board pack", "CFO-EF-02"),
    ],
)
def test_words_of_every_part_of_a_definition_are_found_and_shown(catalog: Index, where: Part, text: str, expected: str) -> None:
    hits = {hit.kpi_id: hit for hit in catalog.search("acme", Query(text, limit=100)).hits}
    assert expected in hits
    shown = {excerpt.part: excerpt for excerpt in hits[expected].excerpts}
    assert any(piece.hit for excerpt in shown.values() for piece in excerpt.pieces)
    assert where in shown or len(shown) == 3


def test_a_name_counts_more_than_a_purpose_and_a_purpose_more_than_a_rule() -> None:
    named = document(kpi_id="SH-AA-03", name="Liquidity")
    meant = document(kpi_id="SH-AA-02", purpose="Shows the liquidity of the shop")
    ruled = document(kpi_id="SH-AA-01", pre_validation=[{"id": "liquidity", "check": "source_present"}])
    assert ids(Index.open(build([ruled, meant, named])), "liquidity") == ["SH-AA-03", "SH-AA-02", "SH-AA-01"]


def test_an_exact_word_comes_before_a_longer_one() -> None:
    cashier = document(kpi_id="SH-AA-01", name="Cashier errors")
    cash = document(kpi_id="SH-AA-02", name="Cash balance")
    assert ids(Index.open(build([cashier, cash])), "cash") == ["SH-AA-02", "SH-AA-01"]


def test_case_and_accents_do_not_matter() -> None:
    found = Index.open(build([document(name="Crédit-client à São Paulo")]))
    assert ids(found, "CREDIT sao") == ["SH-RV-01"]
    assert ids(found, "crédit são") == ["SH-RV-01"]


def test_all_words_must_be_there(catalog: Index) -> None:
    assert ids(catalog, "cash zebra") == []


def test_the_excerpt_is_cut_around_the_hit_and_marks_it(catalog: Index) -> None:
    hit = next(hit for hit in catalog.search("acme", Query("receivables outstanding")).hits if hit.kpi_id == "CFO-EF-02")
    for excerpt in hit.excerpts:
        assert len(excerpt.text) < 220
        assert [piece.text for piece in excerpt.pieces if piece.hit]
        assert {piece.text.lower() for piece in excerpt.pieces if piece.hit} <= {"receivables", "outstanding"}


def test_markup_in_a_definition_stays_text() -> None:
    found = Index.open(build([document(purpose='<script>alert("cash")</script> {{ cash }}')]))
    excerpt = found.search("acme", Query("cash")).hits[0].excerpts[0]
    assert excerpt.text == '<script>alert("cash")</script> {{ cash }}'
    assert [piece.text for piece in excerpt.pieces if piece.hit] == ["cash", "cash"]


def test_without_words_everything_is_listed_by_id_and_version(catalog: Index) -> None:
    listed = [document(version=version, environment=env) for version in ("1.10.0", "1.9.0") for env in ("stg", "prod")]
    found = [(hit.version, hit.environment) for hit in Index.open(build(listed)).search("acme", Query()).hits]
    assert found == [("1.9.0", "prod"), ("1.9.0", "stg"), ("1.10.0", "prod"), ("1.10.0", "stg")]
    assert ids(catalog, "") == sorted(ids(catalog, ""))
    assert ids(catalog, "   ") == ids(catalog, "")


@pytest.mark.parametrize("text", ["***", "- -", '"', "💥", "''"])
def test_a_query_without_any_word_finds_nothing(catalog: Index, text: str) -> None:
    assert ids(catalog, text) == []


def test_facets_narrow_and_count_as_if_their_own_choice_were_not_made(catalog: Index) -> None:
    page = catalog.search("acme", Query("cash", {Facet.LAYER: frozenset({"secondary"})}, limit=100))
    everything = catalog.search("acme", Query("cash", limit=100))
    assert {hit.facets[Facet.LAYER] for hit in page.hits} == {"secondary"}
    assert page.total == len(page.hits) == everything.counts[Facet.LAYER]["secondary"]
    assert page.counts[Facet.LAYER] == everything.counts[Facet.LAYER]
    assert sum(page.counts[Facet.PACK].values()) == page.total


def test_values_of_one_facet_are_alternatives_and_an_unknown_value_finds_nothing(catalog: Index) -> None:
    both = catalog.search("acme", Query("", {Facet.LAYER: frozenset({"secondary", "composite"})}, limit=100))
    assert {hit.facets[Facet.LAYER] for hit in both.hits} == {"secondary", "composite"}
    assert ids(catalog, "", layer="quaternary") == []


def test_the_rows_status_wins_over_the_definitions() -> None:
    retired = document(status="retired")
    assert retired.facets[Facet.STATUS] == "retired"


@pytest.mark.parametrize("text", ["", "cash", "day"])
@pytest.mark.parametrize("narrow", [{}, {Facet.LAYER: frozenset({"primary"})}])
def test_pages_give_every_hit_once_in_the_same_order(catalog: Index, text: str, narrow: dict[Facet, frozenset[str]]) -> None:
    whole = [(hit.kpi_id, hit.version, hit.environment) for hit in catalog.search("acme", Query(text, narrow, limit=200)).hits]
    assert whole
    for limit in (1, 2, 7):
        assert walk(catalog, Query(text, narrow, limit)) == whole


def test_a_page_goes_on_where_it_was_when_documents_come_and_go() -> None:
    before = [document(kpi_id=f"SH-AA-{number:02d}") for number in range(6)]
    first = Index.open(build(before)).search("acme", Query(limit=3))
    after = Index.open(build([*before[:2], *before[3:], document(kpi_id="SH-ZZ-99")]))
    rest = after.search("acme", Query(limit=10, position=first.next_position))
    assert [hit.kpi_id for hit in rest.hits] == ["SH-AA-03", "SH-AA-04", "SH-AA-05", "SH-ZZ-99"]


@pytest.mark.parametrize("position", ["", "[]", "null", '["x",1,2,"y"]', "{}", "[[[", '[1,"a","b",4]', '["x",1,NaN,"y"]', "[" * 100_000])
def test_a_cursor_that_is_not_of_this_search_is_refused(catalog: Index, position: str) -> None:
    with pytest.raises(KpiError, match="start again without it") as caught:
        catalog.search("acme", Query("cash", position=position))
    assert caught.value.code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize("part", ["Infinity", "-Infinity", "NaN", "1e999", "9" * 400, '"x"', "null", "[]"])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_cursor_that_somebody_edited_is_refused_or_goes_on_somewhere_and_never_breaks(catalog: Index, place: int, part: str) -> None:
    position = json.loads(catalog.search("acme", Query("cash", limit=1)).next_position or "")
    parts = [json.dumps(each) for each in position]
    edited = f"[{', '.join((*parts[:place], part, *parts[place + 1 :]))}]"
    try:
        page = catalog.search("acme", Query("cash", position=edited))
    except KpiError as error:
        assert error.code is ErrorCode.INVALID_INPUT  # noqa: PT017 - refused or taken, both are fine
    else:
        assert {hit.kpi_id for hit in page.hits} <= set(ids(catalog, "cash"))


def test_a_cursor_of_another_search_is_refused(catalog: Index) -> None:
    position = catalog.search("acme", Query("cash", limit=1)).next_position
    for other in (Query("sales", position=position), Query("cash", {Facet.LAYER: frozenset({"primary"})}, position=position)):
        with pytest.raises(KpiError, match="another search"):
            catalog.search("acme", other)


@pytest.mark.parametrize(("query", "message"), [("x" * 401, "401 characters"), (" ".join(map(str, range(17))), "17 words")])
def test_a_query_that_is_too_long_is_refused_by_its_size(catalog: Index, query: str, message: str) -> None:
    with pytest.raises(KpiError, match=message):
        catalog.search("acme", Query(query))


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_limit_out_of_bounds_is_refused(limit: int) -> None:
    with pytest.raises(KpiError, match="ask for 1 to 200"):
        Query(limit=limit)


def test_what_very_many_match_is_ordered_by_name_hits_first_and_still_paged_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_RANKED", 5)
    documents = [document(kpi_id=f"SH-AA-{number:02d}", purpose="common word") for number in range(20)]
    documents += [document(kpi_id=f"SH-BB-{number:02d}", name="Common") for number in range(3)]
    many = Index.open(build(documents))
    page = many.search("acme", Query("common", limit=100))
    assert page.total == len(page.hits) == 23
    assert [hit.kpi_id for hit in page.hits][:4] == ["SH-BB-00", "SH-BB-01", "SH-BB-02", "SH-AA-00"]
    assert walk(many, Query("common", limit=4)) == [(hit.kpi_id, hit.version, hit.environment) for hit in page.hits]


def test_a_list_of_values_with_commas_between_them_names_values_that_have_commas_too() -> None:
    """Who asks over HTTP writes alternatives with commas between them; owners are called what people call them."""
    owners = {"SH-AA-01": "Head of Sales, EMEA", "SH-BB-01": "Head of Sales", "SH-CC-01": "Finance"}
    made = Index.open(build(document(kpi_id=name, owners={"business": owner}) for name, owner in owners.items()))

    def found(listed: str) -> list[str]:
        chosen = {Facet.OWNER: made.alternatives("acme", Facet.OWNER, listed)}
        return [owners[hit.kpi_id] for hit in made.search("acme", Query(facets=chosen)).hits]

    counts = made.search("acme", Query()).counts[Facet.OWNER]
    assert {owner: len(found(owner)) for owner in owners.values()} == dict(counts)
    assert found("Head of Sales,Head of Sales, EMEA") == ["Head of Sales, EMEA", "Head of Sales"]
    assert found("Finance,Head of Sales, EMEA") == ["Head of Sales, EMEA", "Finance"]
    assert found("Nobody,Finance,,") == ["Finance"]
    assert found("Nobody") == []
    assert made.alternatives("stranger", Facet.OWNER, "Finance,x") == {"Finance", "x"}

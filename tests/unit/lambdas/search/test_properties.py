"""What holds for any texts, tenants and queries."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas.domain.errors import KpiError
from lambdas.domain.search import Document, Facet, Index, Query, Removed, apply, build
from lambdas.domain.search.words import tokens_of
from tests.unit.lambdas.search.factory import document

TENANTS = ("acme", "skyway", "words_1", "acme' OR '1'='1", "%")
HOSTILE = (
    '"', "'", "*", "^", "(", ")", "AND", "OR", "NOT", "NEAR(a b)", "id:", "name : cash", "{id name}", "+", "-", '""', '" OR "a', "cash*",
    "a\x00b", "'; DROP TABLE documents; --", "%", "_", "\\", "ca\tsh", "NEAR", "- cash", 'cash" *', "🙂", "\u202e", "İ", "ß", "नमस्ते",
    "現金",
)  # fmt: skip
words = st.sampled_from(["cash", "sales", "Cash-Flow", "credit_sales", "days", "größe", "São", "現金流量", "a1", *HOSTILE])
texts = st.lists(words | st.text(max_size=8), max_size=6).map(" ".join)


@st.composite
def catalogs(draw: st.DrawFn) -> list[Document]:
    """Documents of several tenants, of which each definition is there once."""
    keys = draw(
        st.lists(st.tuples(st.sampled_from(TENANTS), st.integers(0, 4), st.sampled_from(["prod", "dev"])), unique=True, max_size=12)
    )
    return [
        document(
            tenant, f"SH-RV-{number}", environment=environment, name=draw(texts), purpose=draw(texts),
            status=draw(st.sampled_from(["active", "draft"])), pack=draw(st.sampled_from(["shop", "cfo"])),
        )
        for tenant, number, environment in keys
    ]  # fmt: skip


def found(index: Index, tenant: str, query: Query) -> list[tuple[str, str, float]]:
    return [(hit.kpi_id, hit.environment, hit.score) for hit in index.search(tenant, query).hits]


@given(catalogs(), texts, st.sampled_from([*TENANTS, "nobody", ""]))
@settings(max_examples=150, deadline=None)
def test_a_tenant_finds_exactly_what_it_would_find_if_it_were_alone(documents: list[Document], text: str, tenant: str) -> None:
    """Not its hits alone: ranks, totals and counts are the same too, so not even how rare a word is elsewhere shows."""
    own = [each for each in documents if each.key.tenant_id == tenant]
    alone, together = Index.open(build(own)), Index.open(build(documents))
    for query in (Query(text, limit=50), Query(text, {Facet.PACK: frozenset({"cfo"})}, limit=1)):
        assert together.search(tenant, query) == alone.search(tenant, query)


@given(catalogs(), texts)
@settings(max_examples=100, deadline=None)
def test_every_hit_and_every_count_is_of_the_tenants_own_documents(documents: list[Document], text: str) -> None:
    index = Index.open(build(documents))
    for tenant in TENANTS:
        own = {(each.key.kpi_id, each.key.environment) for each in documents if each.key.tenant_id == tenant}
        page = index.search(tenant, Query(text, limit=50))
        assert {(hit.kpi_id, hit.environment) for hit in page.hits} <= own
        assert all(sum(values.values()) == page.total <= len(own) for values in page.counts.values())


@given(st.text(max_size=400) | texts)
@example('"')
@example("\x00")
@example("cash \ud800")
@example("a" * 400)
@settings(max_examples=300, deadline=None)
def test_no_query_is_a_syntax_error(text: str) -> None:
    index = Index.open(build([document(name="Cash", purpose="sales")]))
    if len(text.split()) <= 16 and len(text) <= 400:
        assert index.search("acme", Query(text)).total in (0, 1)


@given(texts, st.sampled_from(["shop", "cfo"]))
@example("NOT", "shop")
@example("name : cash", "shop")
@settings(max_examples=150, deadline=None)
def test_what_was_written_is_found_by_what_was_written(text: str, pack: str) -> None:
    """Operators and quotes included: to the index they are words, or nothing."""
    index = Index.open(build([document(name="x", purpose=text, pack=pack)]))
    for word in {each for each in text.split() if tokens_of(each) and len(each) < 100}:
        if all(character.isascii() for character in word):
            assert found(index, "acme", Query(word)), word


@given(st.text(alphabet=st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_every_beginning_of_a_word_finds_it(word: str, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, len(word)))
    assert found(Index.open(build([document(name=word)])), "acme", Query(word[:length]))


@given(catalogs(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_same_documents_in_any_order_give_the_same_bytes(documents: list[Document], random: object) -> None:
    shuffled = list(documents)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert build(shuffled) == build(documents)


@given(catalogs(), catalogs(), st.data(), texts)
@settings(max_examples=120, deadline=None)
def test_changes_applied_find_what_a_new_index_would_find(
    before: list[Document], after: list[Document], data: st.DataObject, text: str
) -> None:
    """In any order of definitions, and again when the batch comes twice."""
    gone = [Removed(each.key) for each in before if each.key not in {new.key for new in after}]
    changes = data.draw(st.permutations([*after, *gone]))
    once = apply(build(before), changes)
    twice = apply(once.data, changes)
    fresh = Index.open(build(after))
    for applied in (Index.open(once.data), Index.open(twice.data)):
        for tenant in TENANTS:
            assert applied.search(tenant, Query(limit=50)) == fresh.search(tenant, Query(limit=50))
            got, wanted = applied.search(tenant, Query(text, limit=50)), fresh.search(tenant, Query(text, limit=50))
            assert (got.total, got.counts) == (wanted.total, wanted.counts)
            assert {hit.kpi_id: round(hit.score, 6) for hit in got.hits} == {hit.kpi_id: round(hit.score, 6) for hit in wanted.hits}


@given(st.text(max_size=60) | st.sampled_from(["[]", '["a",1,2,"b"]']))
def test_any_cursor_is_taken_or_refused_with_words(position: str) -> None:
    index = Index.open(build([document()]))
    try:
        index.search("acme", Query(position=position))
    except KpiError as error:
        assert "start again without it" in error.message  # noqa: PT017 - taken or refused, both are fine


@given(catalogs(), texts, st.integers(1, 4), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_pages_give_every_hit_once_however_few_are_ranked(documents: list[Document], text: str, limit: int, ranked: int) -> None:
    index = Index.open(build(documents))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.domain.search.index.MAX_RANKED", ranked)
        whole = index.search("acme", Query(text, limit=200))
        assert len(whole.hits) == whole.total
        seen, position = [], None
        while True:
            page = index.search("acme", Query(text, limit=limit, position=position))
            seen += page.hits
            position = page.next_position
            if position is None:
                break
        assert tuple(seen) == whole.hits

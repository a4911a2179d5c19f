"""Catalog search in process: how long a query takes, whole and by kind, and what the index costs to build, change, open and keep.

Times are of this process's CPU beside the wall clock: a query waits for nothing, so the difference is other work on the machine.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles

import pytest

from lambdas.domain.search import Document, Facet, Index, Part, Query, apply, build
from lambdas.domain.search.words import expression, words_of
from tests.bench.report import Report
from tests.bench.search_corpus import OWNERS, PACKS, SEED, WORDS, Corpus, tail_word

pytestmark = pytest.mark.bench
BENCH = "search"
QUERIES = 2000
_RANDOM = random.Random(SEED)  # noqa: S311 - queries, no secret


def _word() -> str:
    """Words people look for follow the corpus: half of them common."""
    return _RANDOM.choice(WORDS) if _RANDOM.random() < 0.8 else tail_word(_RANDOM.randrange(2000))


def _one(values: Sequence[str]) -> frozenset[str]:
    return frozenset({_RANDOM.choice(values)})


KINDS: dict[str, tuple[int, Callable[[Sequence[str]], Query]]] = {
    "one word": (20, lambda _: Query(_word())),
    "two words": (20, lambda _: Query(f"{_word()} {_word()}")),
    "three words": (5, lambda _: Query(f"{_word()} {_word()} {_word()}")),
    "typing: one letter": (5, lambda _: Query(_word()[:1])),
    "typing: two letters": (5, lambda _: Query(_word()[:2])),
    "typing: four letters": (10, lambda _: Query(_word()[:4])),
    "a KPI's id": (10, lambda ids: Query(_RANDOM.choice(ids))),
    "a word most definitions have": (5, lambda _: Query(_RANDOM.choice(("select", "value", "verdict", "period_start")))),
    "a word and two facets": (10, lambda _: Query(_word(), {Facet.PACK: _one(PACKS), Facet.STATUS: frozenset({"active"})})),
    "browsing by owner": (10, lambda _: Query("", {Facet.OWNER: _one(OWNERS)})),
}  # fmt: skip
"""Kinds of queries, how many of a hundred are of each, and how one is made."""


def mixed(ids: Sequence[str]) -> Iterator[tuple[str, Query]]:
    shares = [share for share, _ in KINDS.values()]
    for kind in _RANDOM.choices(list(KINDS), weights=shares, k=QUERIES):
        yield kind, KINDS[kind][1](ids)


@pytest.mark.parametrize(("count", "tenants", "aim"), [(10_000, 50, "< 5 ms"), (100_000, 50, "< 10 ms"), (10_000, 1, ""), (100_000, 1, "")])
def test_a_realistic_mix_of_queries(report: Report, tmp_path: Path, count: int, tenants: int, aim: str) -> None:
    corpus = Corpus(count, tenants)
    began = time.perf_counter()
    documents = list(corpus.documents())
    read = time.perf_counter()
    data = build(documents)
    built = time.perf_counter()
    name = f"{count:,} entries of {tenants} tenant{'s' if tenants > 1 else ''}"
    report.add(BENCH, f"{name}: reading the rows", read - began, "s")
    report.add(BENCH, f"{name}: build", built - read, "s")
    report.add(BENCH, f"{name}: size", len(data) / 1e6, "MB")
    file = tmp_path / "index.sqlite"
    file.write_bytes(data)
    del data
    own = {tenant: [each.key.kpi_id for each in documents if each.key.tenant_id == tenant] for tenant in map(corpus.tenant, range(tenants))}
    index = Index.open(file)
    _measure_queries(report, index, own, name, aim)


def _measure_queries(report: Report, index: Index, own: dict[str, list[str]], name: str, aim: str) -> None:
    """Each query once, none twice in a row for a tenant, so that what the index remembers helps as little as it can."""
    tenants = list(own)
    for tenant in tenants:
        index.size(tenant)
    wall: list[float] = []
    busy: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, query in mixed(own[tenants[0]]):
        tenant = tenants[0] if kind == "a KPI's id" else _RANDOM.choice(tenants)
        index._tenants[tenant].matches.clear()
        began, cpu = time.perf_counter(), time.thread_time()
        page = index.search(tenant, query)
        busy[kind].append((time.thread_time() - cpu) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
        assert kind != "a KPI's id" or page.hits[0].kpi_id == query.text
    every = [value for values in busy.values() for value in values]
    report.add(BENCH, f"{name}: query, p50 (CPU)", median(every), "ms", of=f"{len(every):,} queries")
    report.add(BENCH, f"{name}: query, p95 (CPU)", quantiles(every, n=20)[-1], "ms", aim=aim)
    report.add(BENCH, f"{name}: query, p50 (wall)", median(wall), "ms")
    report.add(BENCH, f"{name}: query, p95 (wall)", quantiles(wall, n=20)[-1], "ms", aim=aim)
    for kind, values in busy.items():
        report.add(BENCH, f"{name}: {kind}, p95 (CPU)", quantiles(values, n=20)[-1], "ms", of=f"{len(values):,} queries")


def test_peer_one_word_table_for_all_tenants(report: Report) -> None:
    """The plain way: one FTS5 table, the tenant as one more word of each document. No facets, no excerpts, so it does less."""
    corpus = Corpus(100_000, 50)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE VIRTUAL TABLE words USING fts5 (tenant, {', '.join(Part)}, prefix = '2 3')")
        marks = ", ".join("?" * (len(Part) + 1))
        rows = ((each.key.tenant_id.replace("-", ""), *(each.parts[part] for part in Part)) for each in corpus.documents())
        connection.executemany(f"INSERT INTO words VALUES ({marks})", rows)
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        busy: dict[str, list[float]] = {"all": [], "three letters": []}
        for number in range(200):
            tenant = _RANDOM.choice(range(50))
            typed = _word()[:3] if number % 4 == 0 else _word()
            wanted = f'tenant : "tenant{tenant:03d}" AND ({expression(words_of(typed))})'
            cpu = time.thread_time()
            connection.execute("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rank LIMIT 20", (wanted,)).fetchall()
            busy["three letters" if number % 4 == 0 else "all"].append((time.thread_time() - cpu) * 1000)
    for kind, name in (("all", "one word"), ("three letters", "typing: three letters")):
        report.add(BENCH, f"peer, one table for 50 tenants, 100,000 entries: {name}, p50 (CPU)", median(busy[kind]), "ms")
        report.add(BENCH, f"peer, one table for 50 tenants, 100,000 entries: {name}, p95 (CPU)", quantiles(busy[kind], n=20)[-1], "ms")


@pytest.mark.parametrize("count", [200, 2_000, 10_000])
def test_one_tenants_own_object(report: Report, count: int) -> None:
    """What a Lambda pays: opening the object and the first query, and applying changes of the stream."""
    documents = list(Corpus(count, 1).documents())
    data = build(documents)
    tenant = documents[0].key.tenant_id
    name = f"object of a tenant with {count:,} entries"
    report.add(BENCH, f"{name}: size", len(data) / 1e6, "MB")
    opened, first, applied, batch = [], [], [], []
    for number in range(5):
        began = time.perf_counter()
        index = Index.open(data)
        ready = time.perf_counter()
        index.search(tenant, Query("revenue"))
        opened.append((ready - began) * 1000)
        first.append((time.perf_counter() - ready) * 1000)
        index.close()
        applied.append(_applying(data, _changed(documents, number, 1)))
        batch.append(_applying(data, _changed(documents, number, 100)))
    report.median(BENCH, f"{name}: open", opened, "ms")
    report.median(BENCH, f"{name}: first query", first, "ms")
    report.median(BENCH, f"{name}: one change applied", applied, "ms")
    report.median(BENCH, f"{name}: 100 changes applied", batch, "ms")


def _changed(documents: Sequence[Document], number: int, count: int) -> list[Document]:
    chosen = documents[number : number + count]
    return [replace(each, parts={**each.parts, Part.NAME: f"Changed {number}"}, row_version=2) for each in chosen]


def _applying(data: bytes, changes: Sequence[Document]) -> float:
    began = time.perf_counter()
    assert apply(data, changes).changed == len(changes)
    return (time.perf_counter() - began) * 1000

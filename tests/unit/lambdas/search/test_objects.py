"""Indexes as objects: written by the stream without losing a change, loaded and refreshed without a gap."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import Document, Index, IndexObjects, Loader, Query, Removed, Stored, apply, build, rebuild, tables, update
from tests.unit.lambdas.search.factory import document, shipped


class Bucket:
    """Objects in memory, with S3's conditional writes; `meanwhile` is written once by somebody else, right after the next read."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = 0
        self.broken = False
        self.meanwhile: list[Document] = []

    def etag(self, tenant_id: str) -> str | None:
        if self.broken:
            raise KpiError(ErrorCode.INTERNAL, "the bucket does not answer")
        data = self.objects.get(tenant_id)
        return hashlib.sha256(data).hexdigest() if data is not None else None

    def read(self, tenant_id: str) -> Stored | None:
        etag = self.etag(tenant_id)
        self.reads += 1
        found = Stored(self.objects[tenant_id], etag) if etag else None
        if self.meanwhile:
            changes, self.meanwhile = self.meanwhile, []
            update(self, tenant_id, changes)
        return found

    def write(self, tenant_id: str, data: bytes, expect: str | None) -> str:
        if self.etag(tenant_id) != expect:
            raise KpiError(ErrorCode.CONFLICT, "another version is there")
        self.objects[tenant_id] = data
        return hashlib.sha256(data).hexdigest()


class Watch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def names(index: Index, tenant: str = "acme") -> list[str]:
    return [hit.name for hit in index.search(tenant, Query(limit=200)).hits]


def test_the_first_change_makes_the_index() -> None:
    bucket = Bucket()
    update(bucket, "acme", [document(name="Cash")])
    assert names(Index.open(bucket.objects["acme"])) == ["Cash"]


def test_two_writers_lose_no_change() -> None:
    bucket = Bucket()
    bucket.meanwhile = [document(kpi_id="SH-AA-02", name="Sales")]
    update(bucket, "acme", [document(kpi_id="SH-AA-01", name="Cash")])
    assert names(Index.open(bucket.objects["acme"])) == ["Cash", "Sales"]


def test_a_rebuild_reads_the_catalog_again_when_the_stream_wrote_in_between() -> None:
    bucket, catalog = Bucket(), [document(kpi_id="SH-AA-01", name="Cash")]
    late = document(kpi_id="SH-AA-02", name="Sales")
    bucket.meanwhile = [late]

    def documents() -> list[Document]:
        found = list(catalog)
        catalog.append(late)
        return found

    rebuild(bucket, "acme", documents)
    assert names(Index.open(bucket.objects["acme"])) == ["Cash", "Sales"]


def test_a_writer_that_never_gets_through_says_so() -> None:
    class Contended(Bucket):
        def write(self, tenant_id: str, data: bytes, expect: str | None) -> str:
            raise KpiError(ErrorCode.CONFLICT, f"{tenant_id} {len(data)} {expect}")

    with pytest.raises(KpiError, match="5 times in a row") as caught:
        update(Contended(), "acme", [document()])
    assert caught.value.code is ErrorCode.CONFLICT


def test_an_older_change_that_comes_late_is_left_out() -> None:
    applied = apply(build([document(row_version=3, name="New")]), [document(row_version=2, name="Old")])
    assert (applied.changed, applied.stale) == (0, 1)
    assert names(Index.open(applied.data)) == ["New"]


def test_a_removed_definition_is_gone_from_words_lists_and_counts() -> None:
    applied = apply(build([document(name="Cash")]), [Removed(document().key)])
    page = Index.open(applied.data).search("acme", Query("cash"))
    assert (page.total, page.hits) == (0, ())
    assert not any(page.counts.values())


@pytest.mark.parametrize("write", ["update", "rebuild"])
def test_a_document_of_another_tenant_never_gets_into_an_index(write: str) -> None:
    stranger = document("skyway")
    with pytest.raises(KpiError, match="skyway do not belong into the index of acme"):
        update(Bucket(), "acme", [stranger]) if write == "update" else rebuild(Bucket(), "acme", lambda: [stranger])


def test_the_same_definition_twice_is_refused() -> None:
    with pytest.raises(KpiError, match="give each once"):
        build([document(), document()])


def test_a_file_is_opened_read_only_and_answers_as_its_bytes(tmp_path: Path) -> None:
    data = build(shipped())
    file = tmp_path / "a b#1.sqlite"
    file.write_bytes(data)
    assert Index.open(file).search("acme", Query("cash")) == Index.open(data).search("acme", Query("cash"))
    with pytest.raises(sqlite3.OperationalError):
        Index.open(file)._connection.execute("DELETE FROM documents")
    with pytest.raises(sqlite3.OperationalError):
        Index.open(data)._connection.execute("DELETE FROM documents")
    assert file.read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"not a database", b"SQLite format 3\x00" + bytes(200), build([])[:1000]])
def test_what_is_no_index_is_refused_with_what_to_do(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "index.sqlite"
    file.write_bytes(data)
    for source in (data, file, tmp_path / "missing"):
        with pytest.raises(KpiError, match="build it anew from the catalog"):
            Index.open(source)


def test_an_index_of_another_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = build([])
    monkeypatch.setattr(tables, "FORMAT", "2")
    with pytest.raises(KpiError, match="format 1, this code reads 2"):
        Index.open(data)


def loader(objects: IndexObjects, watch: Watch, problems: list[str], kept: int = 16) -> Loader:
    return Loader(objects, watch, problems.append, refresh=5, kept=kept)


def test_a_warm_loader_sees_a_change_after_the_refresh_time_and_reads_nothing_before() -> None:
    bucket, watch = Bucket(), Watch()
    update(bucket, "acme", [document(name="Cash")])
    warm = loader(bucket, watch, [])
    assert names(warm.index("acme")) == ["Cash"]
    update(bucket, "acme", [document(name="Cash flow")])
    reads = bucket.reads
    watch.seconds = 4.9
    assert names(warm.index("acme")) == ["Cash"]
    assert bucket.reads == reads
    watch.seconds = 5
    assert names(warm.index("acme")) == ["Cash flow"]
    watch.seconds = 11
    warm.index("acme")
    assert bucket.reads == reads + 1


def test_while_the_bucket_does_not_answer_the_old_index_does() -> None:
    bucket, watch, problems = Bucket(), Watch(), list[str]()
    update(bucket, "acme", [document(name="Cash")])
    warm = loader(bucket, watch, problems)
    warm.index("acme")
    bucket.broken, watch.seconds = True, 10
    assert names(warm.index("acme")) == ["Cash"]
    assert "does not answer" in problems[0]


def test_a_broken_object_never_replaces_a_good_index() -> None:
    bucket, watch, problems = Bucket(), Watch(), list[str]()
    update(bucket, "acme", [document(name="Cash")])
    warm = loader(bucket, watch, problems)
    warm.index("acme")
    bucket.objects["acme"], watch.seconds = b"broken", 10
    assert names(warm.index("acme")) == ["Cash"]
    assert "build it anew" in problems[0]
    with pytest.raises(KpiError, match="build it anew"):
        loader(bucket, watch, problems).index("acme")


def test_a_tenant_without_an_object_has_an_empty_index_until_there_is_one() -> None:
    bucket, watch = Bucket(), Watch()
    warm = loader(bucket, watch, [])
    assert names(warm.index("acme")) == []
    update(bucket, "acme", [document(name="Cash")])
    watch.seconds = 5
    assert names(warm.index("acme")) == ["Cash"]


def test_the_loader_keeps_no_more_bytes_than_it_may_and_always_the_index_asked_for() -> None:
    bucket, watch = Bucket(), Watch()
    for tenant in ("acme", "discco", "skyway"):
        update(bucket, tenant, [document(tenant)])
    size = max(len(data) for data in bucket.objects.values())
    for room, reads in ((2 * size, 3), (size // 2, 5)):
        warm = Loader(bucket, watch, [].append, refresh=5, kept_bytes=room)
        bucket.reads = 0
        for tenant in ("acme", "discco", "acme", "discco", "skyway"):
            assert names(warm.index(tenant), tenant) == ["Revenue"]
        assert bucket.reads == reads


def test_the_loader_keeps_the_tenants_asked_for_last() -> None:
    bucket, watch = Bucket(), Watch()
    for tenant in ("acme", "discco", "skyway"):
        update(bucket, tenant, [document(tenant)])
    warm = loader(bucket, watch, [], kept=2)
    bucket.reads = 0
    for tenant in ("acme", "discco", "acme", "skyway", "acme"):
        warm.index(tenant)
    assert bucket.reads == 3
    warm.index("discco")
    assert bucket.reads == 4

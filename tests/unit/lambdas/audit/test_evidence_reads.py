"""What an export reads from the log tables and from published artifact sets."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from lambdas.adapters import evidence_reads
from lambdas.adapters.evidence_reads import DynamoEvidenceLogs, PublishedSets
from lambdas.domain.errors import KpiError
from lambdas.domain.model import LogTable


class Logs:
    """A run log that answers as DynamoDB does: newest first, both bounds inclusive, and batches that may leave keys out."""

    def __init__(self, count: int) -> None:
        self.rows = [{"gsi_sk": f"2026-01-{day:02d}T00:00:00.000Z#{day}#open", "run_id": day} for day in range(1, count + 1)]
        self.left_out = {2}

    def by_kpi(self, _tenant: str, _kpi: str, *, rows: int, since: str, before: str) -> tuple[list[dict[str, Any]], bool]:
        found = [row for row in reversed(self.rows) if since <= row["gsi_sk"] <= before]
        return found[:rows], len(found) > rows

    def deliveries(self, _tenant: str, run_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        return {run_id: {"run_id": run_id} for run_id in run_ids if run_id not in self.left_out}

    def of_run(self, _tenant: str, run_id: int, table: LogTable) -> list[dict[str, Any]]:
        return [{"run_id": run_id, "table": table}]


@pytest.mark.parametrize("page", [2, 3, 7, 100])
def test_every_run_of_a_period_is_read_once_whatever_the_size_of_a_page(page: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evidence_reads, "PAGE", page)
    reads = DynamoEvidenceLogs(Logs(12))
    found = reads.runs("acme", "K", "2026-01-03T00:00:00.000Z", "2026-01-10T00:00:00.000Z")
    assert [row["run_id"] for row in found] == [9, 8, 7, 6, 5, 4, 3]


def test_a_delivery_that_a_batch_left_out_is_asked_for_alone():
    found = list(DynamoEvidenceLogs(Logs(3)).of_runs("acme", LogTable.DELIVERY, [1, 2, 3]))
    assert [row["run_id"] for row in found] == [1, 2, 3]


class Bucket:
    """S3 with artifact sets, by key and the day they were published on."""

    def __init__(self, sets: Mapping[str, tuple[int, bytes]]) -> None:
        self.sets = sets
        self.opened: list[str] = []

    def __call__(self, service: str) -> Bucket:
        assert service == "s3"
        return self

    def get_paginator(self, _operation: str) -> Bucket:
        return self

    def paginate(self, **_arguments: str) -> Iterator[dict[str, Any]]:
        for key, (day, content) in self.sets.items():
            yield {"Contents": [{"Key": key, "Size": len(content), "LastModified": datetime(2026, 1, day, tzinfo=UTC)}]}
        yield {}

    def get_object(self, **asked: str) -> dict[str, Any]:
        self.opened.append(asked["Key"])
        return {"Body": io.BytesIO(self.sets[asked["Key"]][1])}


def published(definition: str, digest: str) -> bytes:
    made = {"definition": definition, "version": "1.0.0", "key": "k", "files": {"grafana/a.json": digest}}
    return tarred({"manifest.json": json.dumps({"format": 1, "inputs": "i", "kpis": {"K": made}, "shared": {}}).encode()})


def tarred(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_each_definition_has_the_files_of_the_newest_set_made_of_it_and_older_sets_stay_closed():
    bucket = Bucket(
        {
            "rendered/current.json": (9, b"{}"),
            "rendered/a.tar.gz": (1, published("one", "never opened")),
            "rendered/b.tar.gz": (2, published("one", "old")),
            "rendered/c.tar.gz": (3, published("two", "new")),
        }
    )
    found = {row["definition_hash"]: row for row in PublishedSets(bucket, "bucket").files("acme", "prod", "K", ["one", "two"])}
    assert {name: (row["set"], row["sha256"]) for name, row in found.items()} == {"one": ("b.tar.gz", "old"), "two": ("c.tar.gz", "new")}
    assert bucket.opened == ["rendered/c.tar.gz", "rendered/b.tar.gz"]


def test_a_definition_that_was_never_published_has_no_files():
    assert (
        list(PublishedSets(Bucket({"rendered/a.tar.gz": (1, published("one", "x"))}), "bucket").files("acme", "prod", "K", ["other"])) == []
    )


SOUND = published("one", "x")


ODD = {
    "no tar": b"not a tar",
    "empty": b"",
    "cut": SOUND[:20],
    "damaged": SOUND[:30] + b"\xff" * 9 + SOUND[39:],
    "no manifest": tarred({"other.json": b"{}"}),
    "no JSON": tarred({"manifest.json": b"{"}),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_a_set_without_a_readable_manifest_is_named_and_another_try_does_not_help(content: bytes):
    with pytest.raises(KpiError, match=r"s3://bucket/rendered/a\.tar\.gz has no readable manifest\.json") as refused:
        list(PublishedSets(Bucket({"rendered/a.tar.gz": (1, content)}), "bucket").files("acme", "prod", "K", ["one"]))
    assert not refused.value.retryable, "whoever asked for the bundle learns why there is none"


def test_the_files_of_a_definition_are_found_however_often_something_else_was_published_since():
    sets = {f"rendered/{day:02}.tar.gz": (day, published("newer", "x")) for day in range(2, 29)}
    old = {"rendered/01.tar.gz": (1, published("old", "kept"))}
    (found,) = PublishedSets(Bucket(sets | old), "bucket").files("acme", "prod", "K", ["old"])
    assert (found["set"], found["sha256"]) == ("01.tar.gz", "kept")


def test_sets_that_are_too_large_to_be_looked_through_are_left_unread(monkeypatch: pytest.MonkeyPatch):
    bucket = Bucket({f"rendered/{day:02}.tar.gz": (day, published("newer", "x")) for day in range(1, 29)})
    monkeypatch.setattr(evidence_reads, "MAX_BYTES", 3 * len(published("newer", "x")))
    assert list(PublishedSets(bucket, "bucket").files("acme", "prod", "K", ["old"])) == []
    assert len(bucket.opened) == 3


SHARED = {
    "grafana/dashboards/pack-cfo.json": b'{"expr": "kpi_value{kpi_id=\\"CFO-EF-02\\"}"}',
    "grafana/dashboards/pack-other.json": b'{"expr": "kpi_value{kpi_id=\\"CFO-EF-02-ENT\\"}"}',
    "grafana/provisioning/dashboards/all.yaml": b"CFO-EF-02",
    "cloudwatch/platform.prod/dashboards/executive.json": b'["CFO-EF-02", "CFO-HX-01"]',
    "cloudwatch/platform.prod/alarms/api-errors.json": b'"CFO-EF-02"',
    "cloudwatch/acme.prod/dashboards/overview.json": b'"CFO-EF-02"',
    "cloudwatch/acme.prod/alarms/kpi-cfo-ef-02.json": b'"CFO-EF-02"',
    "cloudwatch/acme.prod/alarms/freshness.json": b"{}",
    "cloudwatch/acme.dev/dashboards/overview.json": b'"CFO-EF-02"',
    "cloudwatch/rival.prod/dashboards/overview.json": b'"CFO-EF-02"',
}


def test_the_dashboards_that_show_a_kpi_are_named_with_its_own_files_and_those_of_other_tenants_are_not():
    digests = {name: sha256(content).hexdigest() for name, content in SHARED.items()}
    made = {"definition": "one", "version": "1.0.0", "key": "k", "files": {"prometheus/rules/CFO-EF-02.yaml": "own"}}
    manifest = {"format": 1, "inputs": "i", "kpis": {"CFO-EF-02": made}, "shared": digests}
    bucket = Bucket({"rendered/a.tar.gz": (1, tarred(SHARED | {"manifest.json": json.dumps(manifest).encode()}))})
    found = {row["path"]: row["sha256"] for row in PublishedSets(bucket, "bucket").files("acme", "prod", "CFO-EF-02", ["one"])}
    shown = [
        "cloudwatch/acme.prod/alarms/kpi-cfo-ef-02.json",
        "cloudwatch/acme.prod/dashboards/overview.json",
        "cloudwatch/platform.prod/dashboards/executive.json",
        "grafana/dashboards/pack-cfo.json",
    ]
    assert found == {"prometheus/rules/CFO-EF-02.yaml": "own"} | {name: digests[name] for name in shown}

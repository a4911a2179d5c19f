"""The log stream: inserts go to the lake, anything else is tampering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.adapters.archive import _chunks
from lambdas.domain.archive import TTL_PRINCIPAL, Change, LogStream
from lambdas.log_stream.handler import change_of
from tests.unit.lambdas.memory import MemoryBus, MemoryMetrics

ROW = {
    "pk": "acme",
    "sk": "1#open",
    "gsi_pk": "x",
    "expires_at": 1,
    "run_id": 1,
    "environment": "prod",
    "started_at": "2013-10-30T10:00:00.000Z",
}


@dataclass
class Lake:
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    def put(self, table: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
        del table
        self.rows += rows
        return self.refuse

    def send(self, subject: str, document: Mapping[str, Any]) -> None:
        del document
        self.alerts.append(subject)


def handle(lake: Lake, *changes: Change) -> tuple[list[str], MemoryBus]:
    bus = MemoryBus()
    return LogStream(lake, bus, lake, MemoryMetrics(), lambda table: table == "log-run").handle(changes), bus


def change(kind: str = "INSERT", table: str = "log-run", sequence: str = "s1", principal: str | None = None) -> Change:
    return Change(sequence, table, kind, {"pk": "acme", "sk": "1#open"}, ROW, principal)


def test_an_insert_goes_to_the_lake_as_its_columns_with_its_day() -> None:
    lake = Lake()
    handle(lake, change())
    assert lake.rows == [{"run_id": 1, "environment": "prod", "started_at": "2013-10-30T10:00:00.000Z", "day": "2013-10-30"}]


def test_an_insert_into_a_table_without_archive_is_left_alone() -> None:
    lake = Lake()
    handle(lake, change(table="audit"))
    assert not lake.rows


@pytest.mark.parametrize(("kind", "principal"), [("MODIFY", None), ("REMOVE", None), ("REMOVE", "someone"), ("MODIFY", TTL_PRINCIPAL)])
def test_a_change_or_removal_is_tampering_in_every_table(kind: str, principal: str | None) -> None:
    lake = Lake()
    _, bus = handle(lake, change(kind, table="audit", principal=principal))
    assert bus.kinds() == ["kpi.log.tampered"]
    assert bus.events[0][1]["key"] == {"pk": "acme", "sk": "1#open"}
    assert len(lake.alerts) == 1
    assert not lake.rows


def test_a_row_that_expired_is_no_tampering() -> None:
    _, bus = handle(Lake(), change("REMOVE", principal=TTL_PRINCIPAL))
    assert bus.events == []


@pytest.mark.parametrize("key", ["event#0000000000000000001", "id#5f0c2c0e"])
def test_events_of_the_audit_chain_and_their_ids_never_expire_so_their_removal_is_tampering_by_whomever(key: str) -> None:
    removed = Change("s1", "audit", "REMOVE", {"pk": "acme", "sk": key}, {"seq": 1}, TTL_PRINCIPAL)
    _, bus = handle(Lake(), removed)
    assert bus.kinds() == ["kpi.log.tampered"]
    assert bus.events[0][1]["key"]["sk"] == key


def test_rows_the_lake_refused_are_asked_for_again() -> None:
    failed, _ = handle(Lake(refuse=[1]), change(sequence="s1"), change(sequence="s2"))
    assert failed == ["s2"]


def test_a_stream_record_is_read_with_its_table_keys_and_principal() -> None:
    record = {
        "eventID": "e",
        "eventName": "REMOVE",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:1:table/kpi-local-log-run/stream/2026",
        "userIdentity": {"type": "Service", "principalId": TTL_PRINCIPAL},
        "dynamodb": {"SequenceNumber": "7", "Keys": {"pk": {"S": "acme"}}, "OldImage": {"run_id": {"N": "5"}}},
    }
    assert change_of(record) == Change("7", "kpi-local-log-run", "REMOVE", {"pk": "acme"}, {"run_id": 5}, TTL_PRINCIPAL)


def test_batches_respect_firehoses_limits() -> None:
    assert [(start, len(chunk)) for start, chunk in _chunks([b"x"] * 1001)] == [(0, 500), (500, 500), (1000, 1)]
    assert len(_chunks([b"x" * 2_000_000] * 3)) == 3

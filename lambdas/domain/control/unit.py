"""One write is one transaction: rows change together with the one audit event that explains the change, or nothing does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.domain.audit.event import AuditEvent, Facts
from lambdas.domain.errors import ErrorCode, KpiError

HEAD = "audit#head"
"""The row with `seq` and `hash` of the tenant's last event."""
MAX_CHANGES = 96
"""Changes of one commit: a transaction has 100 actions, of which the event, its id and the head take three (DynamoDB quotas)."""
MAX_ROW = 400_000
"""Bytes of the values of a row; an item has 400 KB (409,600 bytes) with its keys and the names of its attributes (DynamoDB quotas)."""


@dataclass(frozen=True)
class Row:
    """A row as it was read. A row without `row_version` (the catalog import writes such) counts as version 1."""

    key: str
    values: Mapping[str, Any]

    @property
    def row_version(self) -> int:
        """What a write of this row must expect."""
        return int(self.values.get("row_version", 1))

    def text(self, name: str) -> str:
        """An attribute as text; empty when it is absent."""
        value = self.values.get(name)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class Put:
    """Write a whole row. `expect` is the row_version that must be there; 0: must not exist; None: do not care.

    The store sets `row_version` to one more than what was there.
    """

    key: str
    row: Mapping[str, Any]
    expect: int | None


@dataclass(frozen=True)
class Delete:
    """Remove a row. `expect` as for `Put`."""

    key: str
    expect: int | None


@dataclass(frozen=True)
class Check:
    """Write nothing, but fail unless the row has this row_version (0: does not exist) at the moment of the commit."""

    key: str
    expect: int


Change = Put | Delete | Check


class OneRow(Protocol):
    """Single catalog rows; a `ControlStore` is one."""

    def row(self, tenant_id: str, key: str) -> Row | None:
        """One row, as the last commit left it."""
        ...


class ControlStore(Protocol):
    """The catalog rows and the audit chain of tenants."""

    def row(self, tenant_id: str, key: str) -> Row | None:
        """One row, as the last commit left it (a strongly consistent read)."""
        ...

    def rows(self, tenant_id: str, prefix: str, *, after: str = "") -> Iterator[Row]:
        """Rows whose key starts with the prefix, in key order; `after`: only those behind that key, which need not be there."""
        ...

    def event(self, tenant_id: str, event_id: str) -> AuditEvent | None:
        """The event that was committed under an id; how a repeated call learns that it was done."""
        ...

    def commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        """All changes together with one audit event, or nothing.

        A repeated `facts.event_id` of the same call returns the first event again and changes nothing. Contention on the head
        of the chain is retried by the store.

        Raises:
            KpiError: CONFLICT when an expectation does not hold (the message names the row) or the id belongs to another call;
                INVALID_INPUT when there are more changes than one transaction takes.
        """
        ...


def same_call(first: Facts, again: Facts) -> bool:
    """Whether a second commit under an id is a repetition: the same person asked for the same thing of the same object.

    The moment, the trace and what was found on the way may differ; `details["intent"]`, a hash of the call's arguments, may not.
    """
    fields = ("tenant_id", "event_id", "actor", "action", "object_type", "object_id", "environment", "reason")
    return all(getattr(first, name) == getattr(again, name) for name in fields) and (
        first.details.get("intent") == again.details.get("intent")
    )


def stale(key: str, expect: int | None, found: int | None = None) -> KpiError:
    """The error for a row that is not as expected. `found`: its row_version, 0 when it does not exist, None when not known."""
    wanted = "that it does not exist" if expect == 0 else "that it exists" if expect is None else f"version {expect}"
    seen = "" if found is None else ", but it is gone" if found == 0 else f", but it has version {found}"
    return KpiError(
        ErrorCode.CONFLICT, f"{key} changed since it was read: expected {wanted}{seen}; read it again and repeat what still applies"
    )


def reused_id(event_id: str) -> KpiError:
    """The error for an event id that came with another call."""
    return KpiError(ErrorCode.CONFLICT, f"event id '{event_id}' was used for another call; use a new id for a new call")


def too_many(count: int) -> KpiError:
    """The error for a commit that does not fit one transaction."""
    return KpiError(ErrorCode.INVALID_INPUT, f"the change touches {count} rows, one transaction takes {MAX_CHANGES}; change fewer at once")


def fitting(changes: Sequence[Change]) -> None:
    """Refuse a row that no table would hold.

    Raises:
        KpiError: INVALID_INPUT with the size; what was read may be fine, and too large only together with what is written beside it.
    """
    size = max((_size(change.row) for change in changes if isinstance(change, Put)), default=0)
    if size > MAX_ROW:
        raise KpiError(
            ErrorCode.INVALID_INPUT,
            f"a record of this change has {size} bytes, and at most {MAX_ROW} are kept; make the definition smaller",
        )


def _size(row: Mapping[str, Any]) -> int:
    texts = (value if isinstance(value, str) else json.dumps(value, default=str) for value in row.values())
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def unique_keys(changes: Sequence[Change]) -> None:
    """Refuse two changes of one row, which a transaction cannot hold.

    Raises:
        ValueError: naming the row; a mistake of the program, not of a caller.
    """
    keys = [change.key for change in changes]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice or HEAD in keys:
        raise ValueError(f"rows {', '.join(twice or [HEAD])} would change twice in one commit")

"""Writing an index: whole from the catalog's rows, or the changes of the stream applied to one that is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import tables
from lambdas.domain.search.documents import Document, DocumentKey, document_of, key_of


@dataclass(frozen=True)
class Removed:
    """A definition row that was deleted."""

    key: DocumentKey


Change = Document | Removed


@dataclass(frozen=True)
class Applied:
    """An index after changes, and how many of them it did not need because it knew a newer version."""

    data: bytes
    changed: int
    stale: int


def change_of(tenant_id: str, sort_key: str, row: Mapping[str, Any] | None) -> Change | None:
    """What a changed catalog row means for the index; None when it is no definition.

    Args:
        tenant_id: the row's partition.
        sort_key: the row's key.
        row: its attributes now (a stream's new image); None when it was deleted.

    Raises:
        ValueError: when the row holds no definition.
    """
    key = key_of(tenant_id, sort_key)
    if key is None:
        return None
    return Removed(key) if row is None else document_of(key, row)


def build(documents: Iterable[Document]) -> bytes:
    """The index of documents, as the bytes of its file. The same documents in any order give the same bytes.

    Raises:
        KpiError: CONFLICT when two documents are of the same definition.
    """
    ordered = sorted(documents, key=_place)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        tables.create(connection)
        connection.execute("BEGIN")
        for tenant_id, own in groupby(ordered, lambda document: document.key.tenant_id):
            tenant = tables.tenant_number(connection, tenant_id)
            try:
                tables.insert(connection, tenant, own)
            except sqlite3.IntegrityError as error:
                raise KpiError(ErrorCode.CONFLICT, f"two documents of {tenant_id} are of the same definition; give each once") from error
            words = tables.words_table(tenant)
            connection.execute(f"INSERT INTO {words} ({words}) VALUES ('optimize')")  # noqa: S608 - a number
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        return tables.contents(connection)


def apply(data: bytes, changes: Sequence[Change]) -> Applied:
    """The index after changes, in their order.

    A document older than the known one is left out. Changes of one definition come in their order (a stream keeps it), so a batch may
    come twice: it ends where it ended.

    Raises:
        KpiError: INTERNAL when `data` is no index.
    """
    changed = stale = 0
    with closing(tables.open_bytes(data)) as connection, tables.readable():
        connection.execute("BEGIN")
        for change in changes:
            tenant = tables.tenant_number(connection, change.key.tenant_id)
            if isinstance(change, Document) and change.row_version < tables.known_version(connection, tenant, change.key):
                stale += 1
                continue
            changed += 1
            tables.remove(connection, tenant, change.key.position)
            if isinstance(change, Document):
                tables.insert(connection, tenant, (change,))
        connection.execute("COMMIT")
        return Applied(tables.contents(connection), changed, stale)


def _place(document: Document) -> tuple[str, str]:
    return document.key.tenant_id, document.key.position

"""The tables of an index file, and what writes them. Each tenant has a word table of its own: a query of one never meets others' words.

That is more than a filter: how rare a word is, which decides ranking, is also counted among the tenant's own documents only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search.documents import Document, DocumentKey, Facet, Part

FORMAT = "1"
"""Changes when older code could not read the file; an index of another format is built anew."""
_FACETS = ", ".join(Facet)
_PARTS = ", ".join(Part)
_TABLES = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tenants (tenant INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL UNIQUE);
CREATE TABLE documents (
  document INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, position TEXT NOT NULL, kpi_id TEXT NOT NULL, definition_hash TEXT NOT NULL,
  updated_at TEXT NOT NULL, row_version INTEGER NOT NULL, {", ".join(f"{facet} TEXT NOT NULL" for facet in Facet)},
  UNIQUE (tenant, position));
"""
_INSERT = (
    f"INSERT INTO documents (tenant, position, kpi_id, definition_hash, updated_at, row_version, {_FACETS}) "  # noqa: S608 - our own names
    f"VALUES (?, ?, ?, ?, ?, ?{', ?' * len(Facet)})"
)


class UnreadableIndexError(KpiError):
    """Bytes that are no index of this format; the catalog has all it takes to build one anew."""

    def __init__(self, reason: object) -> None:
        super().__init__(ErrorCode.INTERNAL, f"the search index cannot be read ({reason}); build it anew from the catalog")


@contextmanager
def readable() -> Generator[None, None, None]:
    """What happens within reads an index; where its pages turn out to be damaged, it is one that cannot be read.

    Raises:
        KpiError: INTERNAL when they are.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UnreadableIndexError(error) from error


def words_table(tenant: int) -> str:
    """The name of a tenant's word table; a number, so nothing a tenant is called gets near a statement."""
    return f"words_{tenant:d}"


def create(connection: sqlite3.Connection) -> None:
    """The tables of an empty index.

    Raises:
        KpiError: INTERNAL when this SQLite has no FTS5.
    """
    if not connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        raise KpiError(ErrorCode.INTERNAL, f"SQLite {sqlite3.sqlite_version} of this runtime has no FTS5; use one that is built with it")
    connection.executescript(_TABLES)
    connection.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))


def tenant_number(connection: sqlite3.Connection, tenant_id: str) -> int:
    """The number of a tenant, made with its word table when it is new."""
    row = connection.execute("SELECT tenant FROM tenants WHERE tenant_id = ?", (tenant_id,)).fetchone()
    if row:
        return int(row[0])
    tenant = int(connection.execute("INSERT INTO tenants (tenant_id) VALUES (?) RETURNING tenant", (tenant_id,)).fetchone()[0])
    connection.execute(
        f"CREATE VIRTUAL TABLE {words_table(tenant)} USING fts5 ({_PARTS}, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')"
    )
    return tenant


def insert(connection: sqlite3.Connection, tenant: int, documents: Iterable[Document]) -> None:
    """Add documents that are not there yet."""
    for document in documents:
        key = document.key
        row = (tenant, key.position, key.kpi_id, document.definition_hash, document.updated_at, document.row_version)
        number = connection.execute(_INSERT, (*row, *(document.facets[facet] for facet in Facet))).lastrowid
        parts = (document.parts[part] for part in Part)
        connection.execute(f"INSERT INTO {words_table(tenant)} (rowid, {_PARTS}) VALUES (?{', ?' * len(Part)})", (number, *parts))  # noqa: S608


def remove(connection: sqlite3.Connection, tenant: int, position: str) -> None:
    """Take a document out, if it is there."""
    row = connection.execute("SELECT document FROM documents WHERE tenant = ? AND position = ?", (tenant, position)).fetchone()
    if row:
        connection.execute(f"DELETE FROM {words_table(tenant)} WHERE rowid = ?", row)  # noqa: S608
        connection.execute("DELETE FROM documents WHERE document = ?", row)


def known_version(connection: sqlite3.Connection, tenant: int, key: DocumentKey) -> int:
    """The row version the index has of a definition; 0 when it has none."""
    place = (tenant, key.position)
    row = connection.execute("SELECT row_version FROM documents WHERE tenant = ? AND position = ?", place).fetchone()
    return int(row[0]) if row else 0


def open_bytes(data: bytes) -> sqlite3.Connection:
    """An index in memory.

    Raises:
        KpiError: INTERNAL when the bytes are no index of this format.
    """
    if not data:
        raise UnreadableIndexError("it is empty")
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.deserialize(data)
    except sqlite3.Error as error:
        connection.close()
        raise UnreadableIndexError(error) from error
    return _checked(connection)


def open_file(path: Path) -> sqlite3.Connection:
    """An index in a file nobody changes while it is open (`immutable`: no locks, no look at the disk for changes).

    Raises:
        KpiError: INTERNAL when the file is missing or no index of this format.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise UnreadableIndexError(error) from error
    return _checked(connection)


def _checked(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        row = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise UnreadableIndexError(error) from error
    if row is None or row[0] != FORMAT:
        connection.close()
        reason = f"it has format {row[0] if row else 'none'}, this code reads {FORMAT}"
        raise UnreadableIndexError(reason)
    return connection


def contents(connection: sqlite3.Connection) -> bytes:
    """The whole index as the bytes of its file."""
    return connection.serialize()

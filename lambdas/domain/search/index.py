"""An open index: full text over one tenant's definitions, with facets and pages (K19).

A query runs over the tenant's own word table and the tenant's own rows; no statement here can name another tenant's.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search import tables
from lambdas.domain.search.documents import WEIGHTS, Facet, Part
from lambdas.domain.search.excerpts import excerpts
from lambdas.domain.search.partition import Partition, members, membership, read_partition
from lambdas.domain.search.queries import Hit, Page, Query, listed_values
from lambdas.domain.search.words import Word, expression, words_of

MAX_RANKED = 2000
"""Matches that are ranked by bm25 (1 to 2 µs each). What more documents match is hardly a choice: those with the words in id or name come
first, ranked if they are few enough, then all others by id."""
KEPT_MATCHES = 32
"""Queries of a tenant whose matches are remembered, so that paging and choosing a facet do not search again."""
_DIGITS = 9
_WEIGHTS = ", ".join(str(WEIGHTS[part]) for part in Part)
_COLUMNS = (
    "d.kpi_id",
    "d.definition_hash",
    "d.updated_at",
    *(f"d.{facet} AS facet_{facet}" for facet in Facet),
    *(f"w.{part}" for part in Part),
)
_HEADS = 3
_ASKED, _RANKED, _NAMED, _REST = range(4)
"""Tiers: the KPI whose id was typed, what bm25 ranked, unranked hits in id or name, all others."""
Place = tuple[int, float, int]
"""Where a match stands: its tier, minus its score, its ordinal."""


@dataclass(frozen=True)
class _Matches:
    """What some words match, before any facet: as a set, the first of them in order, and as a set those that follow by ordinal."""

    documents: int
    first: Sequence[Place]
    rest: int


@dataclass
class _Tenant:
    """A tenant's partition with the matches of its latest queries."""

    partition: Partition
    matches: dict[str, _Matches] = field(default_factory=dict[str, _Matches])


class Index:
    """A search index that nobody changes while it is open. One index may hold many tenants; each query is about one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tenants: dict[str, _Tenant] = {}

    @classmethod
    def open(cls, data: bytes | Path) -> Index:
        """Open an index from its bytes or its file.

        Raises:
            KpiError: INTERNAL when it is not an index this code can read.
        """
        connection = tables.open_file(data) if isinstance(data, Path) else tables.open_bytes(data)
        connection.execute("PRAGMA query_only = ON")
        return cls(connection)

    def close(self) -> None:
        """Let go of the file or memory."""
        self._connection.close()

    def size(self, tenant_id: str) -> int:
        """How many definitions of a tenant are in the index."""
        return len(self._tenant(tenant_id).partition.documents)

    def known(self, tenant_id: str) -> dict[str, tuple[int, str, str]]:
        """Row version, definition hash and status of every definition of a tenant, by position; for comparing with the catalog."""
        sql = "SELECT position, row_version, definition_hash, status FROM documents JOIN tenants USING (tenant) WHERE tenant_id = ?"
        with tables.readable():
            rows = self._connection.execute(sql, (tenant_id,))
            return {place: (int(version), hashed, status) for place, version, hashed, status in rows}

    def check(self) -> None:
        """Look at every page, whatever is asked of the index later.

        Raises:
            KpiError: INTERNAL when one is damaged.
        """
        with tables.readable():
            (found,) = self._connection.execute("PRAGMA quick_check (1)").fetchone()
        if found != "ok":
            raise tables.UnreadableIndexError(found)

    def search(self, tenant_id: str, query: Query) -> Page:
        """One page of a tenant's definitions; an unknown tenant simply has none.

        Raises:
            KpiError: INVALID_INPUT for a query that is too long, or a position that is of another query; INTERNAL for a damaged index.
        """
        with tables.readable():
            return self._search(tenant_id, query)

    def alternatives(self, tenant_id: str, facet: Facet, listed: str) -> frozenset[str]:
        """The values that a list with commas names. Commas of a value are its own: the longest value that is there comes first.

        Raises:
            KpiError: INTERNAL for a damaged index.
        """
        with tables.readable():
            known = self._tenant(tenant_id).partition.values[facet]
        return frozenset(listed_values(listed, known))

    def _search(self, tenant_id: str, query: Query) -> Page:
        words = words_of(query.text)
        tenant = self._tenant(tenant_id)
        partition = tenant.partition
        matches = self._matches(tenant, words) if words or not query.text.strip() else _Matches(0, (), 0)
        narrowed = matches.documents & partition.chosen(query.facets)
        digest = _digest(query)
        found = list(islice(_from(partition, matches, narrowed, _place(partition, query.position, digest)), query.limit + 1))
        page = found[: query.limit]
        return Page(
            hits=tuple(self._hit(partition, place, words) for place in page),
            total=narrowed.bit_count(),
            counts=partition.counts(matches.documents, query.facets) if query.count else {},
            next_position=_position(partition, page[-1], digest) if len(found) > query.limit else None,
        )

    def _tenant(self, tenant_id: str) -> _Tenant:
        known = self._tenants.get(tenant_id) or _Tenant(read_partition(self._connection, tenant_id))
        if known.partition.documents:  # names that have nothing are not kept: anyone can think of many
            self._tenants[tenant_id] = known
        return known

    def _matches(self, tenant: _Tenant, words: tuple[Word, ...]) -> _Matches:
        if not words or not tenant.partition.documents:
            return _Matches(tenant.partition.all, (), tenant.partition.all)
        wanted = expression(words)
        known = tenant.matches.pop(wanted, None) or self._match(tenant.partition, words)
        tenant.matches[wanted] = known
        if len(tenant.matches) > KEPT_MATCHES:
            del tenant.matches[next(iter(tenant.matches))]
        return known

    def _match(self, partition: Partition, words: tuple[Word, ...]) -> _Matches:
        wanted = expression(words)
        everything = self._ordinals(partition, wanted) if len(partition.documents) > MAX_RANKED else ()
        if len(everything) <= MAX_RANKED:
            first = self._ranked(partition, wanted)
            documents = partition.set_of(ordinal for _, _, ordinal in first)
        else:
            first = self._named(partition, f"{{{Part.ID} {Part.NAME}}} : ({wanted})")
            documents = partition.set_of(everything)
        asked = partition.versions_of(words[0].text) if len(words) == 1 else range(0)
        if asked:
            first = [(_ASKED if place[2] in asked else place[0], place[1], place[2]) for place in first]
        return _Matches(documents, sorted(first), documents & ~partition.set_of(ordinal for _, _, ordinal in first))

    def _named(self, partition: Partition, wanted: str) -> list[Place]:
        """Of very many matches those with the words in id or name, ranked unless they are very many too."""
        heads = self._ordinals(partition, wanted)
        return self._ranked(partition, wanted) if len(heads) <= MAX_RANKED else [(_NAMED, 0.0, each) for each in heads]

    def _ordinals(self, partition: Partition, wanted: str) -> list[int]:
        table = tables.words_table(partition.tenant)
        rows = self._connection.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH ?", (wanted,))  # noqa: S608 - a number
        return [partition.ordinals[number] for (number,) in rows]

    def _ranked(self, partition: Partition, wanted: str) -> list[Place]:
        table = tables.words_table(partition.tenant)
        # bm25 of FTS5 is negative: the smaller, the better (https://www.sqlite.org/fts5.html, 5.1.1).
        sql = f"SELECT round(bm25({table}, {_WEIGHTS}), {_DIGITS}), rowid FROM {table} WHERE {table} MATCH ?"  # noqa: S608 - a number and our own names
        return [(_RANKED, score, partition.ordinals[number]) for score, number in self._connection.execute(sql, (wanted,))]

    def _hit(self, partition: Partition, place: Place, words: tuple[Word, ...]) -> Hit:
        sql = (
            f"SELECT {', '.join(_COLUMNS)} FROM documents d JOIN {tables.words_table(partition.tenant)} w ON w.rowid = d.document "  # noqa: S608 - a number and our own names
            "WHERE d.document = ? AND d.tenant = ?"
        )
        row = cast("Sequence[str]", self._connection.execute(sql, (partition.documents[place[2]], partition.tenant)).fetchone())
        facets = dict(zip(Facet, row[_HEADS:], strict=False))
        parts = dict(zip(Part, row[_HEADS + len(Facet) :], strict=True))
        return Hit(
            kpi_id=row[0],
            version=facets[Facet.VERSION],
            environment=facets[Facet.ENVIRONMENT],
            name=parts[Part.NAME],
            facets=facets,
            definition_hash=row[1],
            updated_at=row[2],
            score=abs(place[1]),
            excerpts=excerpts(parts, words),
        )


def _from(partition: Partition, matches: _Matches, narrowed: int, after: Place | None) -> Iterator[Place]:
    """The matches of a set after a place, in order."""
    following = matches.first if after is None else [place for place in matches.first if place > after]
    chosen = membership(narrowed, len(partition.documents))
    yield from (place for place in following if chosen(place[2]))
    start = after[2] + 1 if after is not None and after[0] == _REST else 0
    yield from ((_REST, 0.0, ordinal) for ordinal in members(narrowed & matches.rest, start))


def _digest(query: Query) -> str:
    asked = [query.text, sorted((facet.value, sorted(values)) for facet, values in query.facets.items() if values)]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]


def _position(partition: Partition, place: Place, digest: str) -> str:
    tier, score, ordinal = place
    return json.dumps([digest, tier, score, partition.positions[ordinal]])


def _place(partition: Partition, position: str | None, digest: str) -> Place | None:
    """The place after which to go on. Its document need not be there any more: the index may have changed between two pages."""
    if position is None:
        return None
    try:
        asked, tier, score, text = _parsed(json.loads(position))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise KpiError(ErrorCode.INVALID_INPUT, "the cursor is not one of a search; start again without it") from error
    if asked != digest:
        raise KpiError(ErrorCode.INVALID_INPUT, "the cursor is of another search; start again without it")
    return tier, score, partition.last_up_to(text)


def _parsed(value: Any) -> tuple[str, int, float, str]:
    digest, tier, score, text = value
    return str(digest), int(tier), float(score), str(text)

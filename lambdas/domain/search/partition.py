"""One tenant's part of an index, held in memory: the order of its documents, and for each facet value the set of those that have it.

A set of documents is one long integer with a bit per document, so that counting every value of every facet is a few dozen ANDs.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lambdas.domain.search.documents import Facet

_FACETS = ", ".join(Facet)


@dataclass(frozen=True)
class Partition:
    """A tenant's documents in order of their position. An ordinal is a document's place in that order."""

    tenant: int
    positions: Sequence[str]
    documents: Sequence[int]
    ordinals: Mapping[int, int]
    values: Mapping[Facet, Mapping[str, int]]

    @property
    def all(self) -> int:
        """The set of every document."""
        return (1 << len(self.documents)) - 1

    def set_of(self, ordinals: Iterable[int]) -> int:
        """Documents as a set."""
        bits = bytearray(len(self.documents) // 8 + 1)
        for ordinal in ordinals:
            bits[ordinal >> 3] |= 1 << (ordinal & 7)
        return int.from_bytes(bits, "little")

    def chosen(self, facets: Mapping[Facet, frozenset[str]], *, without: Facet | None = None) -> int:
        """The documents that facets let through; `without`: as if nothing were chosen of that one."""
        found = self.all
        for facet, wanted in facets.items():
            if wanted and facet is not without:
                among = 0
                for value in wanted:
                    among |= self.values[facet].get(value, 0)
                found &= among
        return found

    def counts(self, matches: int, facets: Mapping[Facet, frozenset[str]]) -> Mapping[Facet, Mapping[str, int]]:
        """How many matches there are per facet and value, as if nothing were chosen of that facet; values without any are left out."""
        found: dict[Facet, Mapping[str, int]] = {}
        narrowed = matches & self.chosen(facets)
        for facet, values in self.values.items():
            among = matches & self.chosen(facets, without=facet) if facets.get(facet) else narrowed
            counted = ((value, (among & having).bit_count()) for value, having in values.items())
            found[facet] = {value: count for value, count in counted if count}
        return found

    def versions_of(self, kpi_id: str) -> range:
        """The ordinals of all versions of a KPI, by its whole id in any case."""
        wanted = kpi_id.upper()
        return range(bisect_left(self.positions, f"{wanted}#"), bisect_left(self.positions, f"{wanted}$"))

    def last_up_to(self, position: str) -> int:
        """The ordinal of the last document at or before a position; -1 before the first."""
        return bisect_right(self.positions, position) - 1


def members(documents: int, start: int) -> Iterator[int]:
    """The ordinals in a set from one on, ascending."""
    for place, byte in enumerate((documents >> start).to_bytes(documents.bit_length() // 8 + 1, "little")):
        if byte:
            yield from (start + place * 8 + bit for bit in range(8) if byte >> bit & 1)


def membership(documents: int, size: int) -> Callable[[int], bool]:
    """Whether an ordinal below `size` is in a set."""
    bits = documents.to_bytes(size // 8 + 1, "little")
    return lambda ordinal: bool(bits[ordinal >> 3] >> (ordinal & 7) & 1)


def read_partition(connection: sqlite3.Connection, tenant_id: str) -> Partition:
    """A tenant's part of an index; one without documents when the index does not know the tenant."""
    row = connection.execute("SELECT tenant FROM tenants WHERE tenant_id = ?", (tenant_id,)).fetchone()
    if row is None:
        return Partition(0, (), (), {}, {facet: {} for facet in Facet})
    rows = connection.execute(
        f"SELECT position, document, {_FACETS} FROM documents WHERE tenant = ? ORDER BY position",  # noqa: S608 - our own names
        row,
    ).fetchall()
    having: dict[Facet, dict[str, bytearray]] = {facet: {} for facet in Facet}
    size = len(rows) // 8 + 1
    for index, facet in enumerate(Facet, start=2):
        sets = having[facet]
        for ordinal, each in enumerate(rows):
            if each[index] not in sets:
                sets[each[index]] = bytearray(size)
            sets[each[index]][ordinal >> 3] |= 1 << (ordinal & 7)
    return Partition(
        tenant=int(row[0]),
        positions=[each[0] for each in rows],
        documents=[each[1] for each in rows],
        ordinals={each[1]: ordinal for ordinal, each in enumerate(rows)},
        values={facet: {value: int.from_bytes(bits, "little") for value, bits in sorted(sets.items())} for facet, sets in having.items()},
    )

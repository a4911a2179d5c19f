"""Who keeps each tenant's index in step with the catalog: change by change from the stream, anew when it must, and compared on request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from kpis.common import Environment
from lambdas.domain.search import objects
from lambdas.domain.search.build import Change, change_of
from lambdas.domain.search.documents import Document, key_of
from lambdas.domain.search.index import Index
from lambdas.domain.search.objects import IndexObjects, Stored
from lambdas.domain.search.tables import UnreadableIndexError

_COMPARED = ("sk", "row_version", "definition_hash", "status")


class CatalogRows(Protocol):
    """Catalog rows of one tenant by the beginning of their keys, each with `sk`."""

    def rows(
        self, tenant_id: str, prefix: str, attributes: Sequence[str] = (), *, consistent: bool = False
    ) -> Iterable[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class ChangedRow:
    """A catalog row that changed: its sort key, and its attributes now; None when it was deleted."""

    sort_key: str
    row: Mapping[str, Any] | None


@dataclass(frozen=True)
class Indexed:
    """What became of changes. `stale`: the index knew a newer one; `unreadable`: rows that hold no definition, which are left out."""

    changed: int = 0
    stale: int = 0
    rebuilt: bool = False
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndexState:
    """A tenant's index beside its catalog, by sort key. `etag` is None when there is no index."""

    etag: str | None
    in_catalog: int
    in_index: int
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()

    @property
    def in_step(self) -> bool:
        """Whether searches find exactly what the catalog holds."""
        return not (self.missing or self.extra or self.outdated) and (self.etag is not None or self.in_catalog == 0)


class Keeper:
    """Keeps indexes. A row that cannot be read is told to `problem` and holds up no other."""

    def __init__(self, rows: CatalogRows, indexes: IndexObjects, problem: Callable[[str], None]) -> None:
        self._rows = rows
        self._indexes = indexes
        self._problem = problem

    def index_changes(self, tenant_id: str, changed_rows: Sequence[ChangedRow]) -> Indexed:
        """Bring changed rows of a tenant into its index, in their order; rows that are no definitions are passed over.

        A tenant without an index, or with one this code cannot read, gets one of its whole catalog. A batch may come twice.

        Raises:
            KpiError: CONFLICT when others kept writing, INTERNAL when the index can be neither read nor written: send the batch again.
        """
        unreadable: list[str] = []
        changes = [*self._changes(tenant_id, changed_rows, unreadable)]
        if not changes:
            return Indexed(unreadable=tuple(unreadable))
        if self._indexes.etag(tenant_id) is None:
            return self.rebuild(tenant_id)
        try:
            applied = objects.update(self._indexes, tenant_id, changes)
        except UnreadableIndexError as error:
            self._problem(f"the search index of {tenant_id} is built anew: {error.message}")
            return self.rebuild(tenant_id)
        return Indexed(applied.changed, applied.stale, unreadable=tuple(unreadable))

    def rebuild(self, tenant_id: str) -> Indexed:
        """Build a tenant's index from every definition in its catalog, of all environments.

        Raises:
            KpiError: as `index_changes`.
        """
        unreadable: list[str] = []

        def documents() -> Iterator[Document]:
            unreadable.clear()
            for row in self._definitions(tenant_id):
                change = self._change(tenant_id, ChangedRow(str(row["sk"]), row), unreadable)
                if isinstance(change, Document):
                    yield change

        applied = objects.rebuild(self._indexes, tenant_id, documents)
        return Indexed(applied.changed, rebuilt=True, unreadable=tuple(unreadable))

    def state(self, tenant_id: str) -> IndexState:
        """Compare a tenant's index with its catalog; reads both and changes nothing.

        Raises:
            KpiError: INTERNAL when the index object cannot be fetched; one that is fetched and is no index counts as empty.
        """
        stored = self._indexes.read(tenant_id)
        found = self._known(tenant_id, stored)
        wanted = {str(row["sk"]): row for row in self._definitions(tenant_id, _COMPARED)}
        here = {key.position: name for name in wanted if (key := key_of(tenant_id, name))}
        return IndexState(
            etag=stored.etag if stored else None,
            in_catalog=len(here),
            in_index=len(found),
            missing=tuple(sorted(here[place] for place in here.keys() - found.keys())),
            extra=tuple(sorted(found.keys() - here.keys())),
            outdated=tuple(sorted(here[place] for place in here.keys() & found.keys() if found[place] != _stamp(wanted[here[place]]))),
        )

    def _definitions(self, tenant_id: str, attributes: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        for environment in Environment:
            yield from self._rows.rows(tenant_id, f"{environment}#kpi#", attributes, consistent=True)

    def _changes(self, tenant_id: str, rows: Iterable[ChangedRow], unreadable: list[str]) -> Iterator[Change]:
        for each in rows:
            change = self._change(tenant_id, each, unreadable)
            if change is not None:
                yield change

    def _change(self, tenant_id: str, changed: ChangedRow, unreadable: list[str]) -> Change | None:
        try:
            return change_of(tenant_id, changed.sort_key, changed.row)
        except ValueError as error:
            unreadable.append(changed.sort_key)
            self._problem(f"{changed.sort_key} of {tenant_id} is not in the search index: {error}")
            return None

    def _known(self, tenant_id: str, stored: Stored | None) -> Mapping[str, tuple[int, str, str]]:
        nothing: dict[str, tuple[int, str, str]] = {}
        if stored is None:
            return nothing
        try:
            with closing(Index.open(stored.data)) as index:
                index.check()
                return index.known(tenant_id)
        except UnreadableIndexError as error:
            self._problem(f"the search index of {tenant_id} counts as empty: {error.message}")
            return nothing


def _stamp(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return int(row.get("row_version") or 1), str(row.get("definition_hash") or ""), str(row.get("status") or "")

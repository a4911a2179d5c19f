"""Indexes as stored objects, one per tenant: kept up to date by the stream, loaded and refreshed by those who search.

One object per tenant: a change rewrites megabytes and not all tenants' index, a cold start loads one tenant's, and the role that reads it
needs that tenant's prefix alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search.build import Applied, Change, apply, build
from lambdas.domain.search.documents import Document
from lambdas.domain.search.index import Index

ATTEMPTS = 5
REFRESH_SECONDS = 5.0
KEPT_TENANTS = 16
KEPT_BYTES = 150_000_000
"""Bytes of the indexes that are kept open, but for the one asked for last; the function that searches has 512 MB."""


@dataclass(frozen=True)
class Stored:
    """An index object: its bytes, or the file it was brought to, and what tells this content from any other."""

    data: bytes | Path
    etag: str


class IndexObjects(Protocol):
    """Where index objects are. Failures are `KpiError`s."""

    def etag(self, tenant_id: str) -> str | None:
        """What tells the present content from any other; None when there is no object."""
        ...

    def read(self, tenant_id: str) -> Stored | None:
        """The present content."""
        ...

    def write(self, tenant_id: str, data: bytes, expect: str | None) -> str:
        """Replace the content if its etag is still `expect` (None: there is none), as S3 does with If-Match and If-None-Match.

        Returns:
            The new etag.

        Raises:
            KpiError: CONFLICT when it is another one.
        """
        ...


def update(objects: IndexObjects, tenant_id: str, changes: Sequence[Change]) -> Applied:
    """Apply changes of one tenant to its index, which is made when there is none.

    Raises:
        KpiError: INVALID_INPUT when a change is of another tenant; CONFLICT when others kept writing; INTERNAL when the object is no index
            this code can read (then `rebuild`).
    """
    strangers = sorted({change.key.tenant_id for change in changes} - {tenant_id})
    if strangers:
        raise KpiError(ErrorCode.INVALID_INPUT, f"changes of {', '.join(strangers)} do not belong into the index of {tenant_id}")

    def changed(stored: Stored | None) -> Applied:
        return apply(_bytes(stored) if stored else build(()), changes)

    return _replaced(objects, tenant_id, changed)


def rebuild(objects: IndexObjects, tenant_id: str, documents: Callable[[], Iterable[Document]]) -> Applied:
    """Build a tenant's index anew. `documents` reads the catalog; it is called again when the stream wrote in between.

    Raises:
        KpiError: INVALID_INPUT when a document is of another tenant; CONFLICT when others kept writing.
    """

    def built(_stored: Stored | None) -> Applied:
        found = tuple(documents())
        strangers = sorted({document.key.tenant_id for document in found} - {tenant_id})
        if strangers:
            raise KpiError(ErrorCode.INVALID_INPUT, f"documents of {', '.join(strangers)} do not belong into the index of {tenant_id}")
        return Applied(build(found), len(found), 0)

    return _replaced(objects, tenant_id, built)


def _replaced(objects: IndexObjects, tenant_id: str, content: Callable[[Stored | None], Applied]) -> Applied:
    for _ in range(ATTEMPTS):
        stored = objects.read(tenant_id)
        applied = content(stored)
        if stored is not None and not applied.changed and applied.stale:
            return applied
        try:
            objects.write(tenant_id, applied.data, stored.etag if stored else None)
        except KpiError as error:
            if error.code is not ErrorCode.CONFLICT:
                raise
        else:
            return applied
    raise KpiError(ErrorCode.CONFLICT, f"the index of {tenant_id} was written by others {ATTEMPTS} times in a row; send the changes again")


def _bytes(stored: Stored) -> bytes:
    return stored.data.read_bytes() if isinstance(stored.data, Path) else stored.data


@dataclass
class _Held:
    """An open index with its size in bytes, which content it is of, and when that was last compared (seconds of `clock`)."""

    index: Index
    size: int
    etag: str | None
    checked: float


class Loader:
    """Open indexes of the tenants asked for last, each at most `refresh` seconds behind its object.

    A new content replaces the old one only after it was read and opened; while that fails the old one answers and `problem` is told.
    """

    def __init__(
        self,
        objects: IndexObjects,
        clock: Callable[[], float],
        problem: Callable[[str], None],
        *,
        refresh: float = REFRESH_SECONDS,
        kept: int = KEPT_TENANTS,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        self._objects = objects
        self._clock = clock
        self._problem = problem
        self._refresh = refresh
        self._kept = kept
        self._kept_bytes = kept_bytes
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def index(self, tenant_id: str) -> Index:
        """The index of a tenant; an empty one while there is no object.

        Raises:
            KpiError: when there is nothing to answer from: the object cannot be read and none was before.
        """
        held = self._held.get(tenant_id)
        if held is None:
            held = self._load(tenant_id)
        elif self._clock() - held.checked >= self._refresh:
            held = self._refreshed(tenant_id, held)
        self._held[tenant_id] = held
        self._held.move_to_end(tenant_id)
        while len(self._held) > 1 and (len(self._held) > self._kept or sum(each.size for each in self._held.values()) > self._kept_bytes):
            self._held.popitem(last=False)[1].index.close()
        return held.index

    def _load(self, tenant_id: str) -> _Held:
        stored = self._objects.read(tenant_id)
        if stored is None:
            return _Held(Index.open(build(())), 0, None, self._clock())
        size = stored.data.stat().st_size if isinstance(stored.data, Path) else len(stored.data)
        return _Held(Index.open(stored.data), size, stored.etag, self._clock())

    def _refreshed(self, tenant_id: str, held: _Held) -> _Held:
        try:
            if self._objects.etag(tenant_id) != held.etag:
                return self._load(tenant_id)
        except KpiError as error:
            self._problem(f"the search index of {tenant_id} was not refreshed, the one with etag {held.etag} answers: {error.message}")
        held.checked = self._clock()
        return held

"""Catalog search (K19): an SQLite FTS5 index built from catalog rows, kept as an object, and read by the API."""

from __future__ import annotations

from lambdas.domain.search.build import Applied, Change, Removed, apply, build, change_of
from lambdas.domain.search.documents import Document, DocumentKey, Facet, Part, document_of, key_of
from lambdas.domain.search.index import Index
from lambdas.domain.search.keeper import ChangedRow, Indexed, IndexState, Keeper
from lambdas.domain.search.objects import IndexObjects, Loader, Stored, rebuild, update
from lambdas.domain.search.queries import Excerpt, Hit, Page, Piece, Query

__all__ = [
    "Applied",
    "Change",
    "ChangedRow",
    "Document",
    "DocumentKey",
    "Excerpt",
    "Facet",
    "Hit",
    "Index",
    "IndexObjects",
    "IndexState",
    "Indexed",
    "Keeper",
    "Loader",
    "Page",
    "Part",
    "Piece",
    "Query",
    "Removed",
    "Stored",
    "apply",
    "build",
    "change_of",
    "document_of",
    "key_of",
    "rebuild",
    "update",
]

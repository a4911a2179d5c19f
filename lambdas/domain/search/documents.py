"""What the index knows of one definition: the words it is found by and the facets it is filtered by (K19)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from kpis.common import Environment, version_key

_UNSEARCHABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_LABELS = ("pack", "variant_label", "owners", "entity_dimension", "unit", "extensions", "consumers", "reports")


class Facet(StrEnum):
    """What results can be narrowed by, and are counted by."""

    PACK = "pack"
    LAYER = "layer"
    OWNER = "owner"
    STATUS = "status"
    VERSION = "version"
    CRITICALITY = "criticality"
    ENVIRONMENT = "environment"


class Part(StrEnum):
    """The searched texts of a definition. `WEIGHTS` says how much a hit in each counts."""

    ID = "id"
    NAME = "name"
    PURPOSE = "purpose"
    FORMULA = "formula"
    SOURCES = "sources"
    RULES = "rules"
    LABELS = "labels"


WEIGHTS: Mapping[Part, float] = {
    Part.ID: 12.0,
    Part.NAME: 8.0,
    Part.PURPOSE: 3.0,
    Part.FORMULA: 1.5,
    Part.SOURCES: 2.0,
    Part.RULES: 1.0,
    Part.LABELS: 1.0,
}
"""bm25 weights: who types an id or a name wants that KPI first."""


@dataclass(frozen=True)
class DocumentKey:
    """Which definition: one version of one KPI of one tenant in one environment."""

    tenant_id: str
    environment: str
    kpi_id: str
    version: str

    @property
    def position(self) -> str:
        """Its place among the tenant's definitions: by id, then version (1.10.0 after 1.9.0), then environment."""
        major, minor, patch = version_key(self.version)
        return f"{self.kpi_id}#{major:08d}.{minor:08d}.{patch:08d}#{self.environment}"


@dataclass(frozen=True)
class Document:
    """One definition as the index holds it. `row_version` orders changes of the same definition."""

    key: DocumentKey
    facets: Mapping[Facet, str]
    parts: Mapping[Part, str]
    definition_hash: str = ""
    updated_at: str = ""
    row_version: int = 1


def key_of(tenant_id: str, sort_key: str) -> DocumentKey | None:
    """The definition a catalog row is about; None when the row is something else (a pointer, a pause, a request).

    Args:
        tenant_id: the row's partition.
        sort_key: the row's key, such as `prod#kpi#CFO-EF-02#1.0.0`.
    """
    parts = sort_key.split("#")
    # The environment is checked too: other keys, such as `idem#...`, end in words that callers choose.
    if len(parts) != len(("environment", "kpi", "id", "version")) or parts[1] != "kpi" or parts[0] not in set(Environment):
        return None
    if _VERSION.fullmatch(parts[3]) is None:
        return None
    return DocumentKey(tenant_id, parts[0], parts[2], parts[3])


def document_of(key: DocumentKey, row: Mapping[str, Any]) -> Document:
    """The document of a definition row. The row's own attributes win over the definition's: a status changes without a new definition.

    Raises:
        ValueError: when the row holds no definition.
    """
    definition, tables = _read(key, row)
    owners: dict[str, Any] = definition.get("owners") or {}
    words = {
        Part.ID: (key.kpi_id,),
        Part.NAME: (definition.get("name"),),
        Part.PURPOSE: (definition.get("purpose"),),
        Part.FORMULA: _words(definition.get("expression")),
        Part.SOURCES: (*_words(definition.get("sources")), *(text for table in tables for text in _table_words(table))),
        Part.RULES: (*_words(definition.get("pre_validation")), *_words(definition.get("post_validation"))),
        Part.LABELS: _words([definition.get(name) for name in _LABELS]),
    }
    facets = {
        Facet.PACK: row.get("pack") or definition.get("pack"),
        Facet.LAYER: row.get("layer") or definition.get("layer"),
        Facet.OWNER: row.get("owner") or owners.get("business"),
        Facet.STATUS: row.get("status") or definition.get("status"),
        Facet.VERSION: key.version,
        Facet.CRITICALITY: row.get("criticality") or definition.get("criticality"),
        Facet.ENVIRONMENT: key.environment,
    }
    return Document(
        key,
        {facet: str(value or "") for facet, value in facets.items()},
        {part: searchable(" ".join(str(text) for text in texts if text)) for part, texts in words.items()},
        definition_hash=str(row.get("definition_hash") or ""),
        updated_at=str(row.get("updated_at") or ""),
        row_version=int(row.get("row_version") or 1),
    )


def _read(key: DocumentKey, row: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The definition of a row and the tables it reads, as JSON has them."""
    try:
        definition, tables = json.loads(str(row.get("definition") or "{}")), json.loads(str(row.get("sources") or "[]"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{key.kpi_id} {key.version}: the catalog row's definition is not JSON ({error}); import it again") from error
    whole = isinstance(definition, dict) and isinstance(definition.get("owners") or {}, dict)  # pyright: ignore[reportUnknownMemberType] - JSON
    if not whole or not isinstance(tables, list) or not all(isinstance(each, dict) for each in cast("list[Any]", tables)):
        raise ValueError(f"{key.kpi_id} {key.version}: the catalog row holds JSON that is no definition; import it again")
    return cast("dict[str, Any]", definition), cast("list[dict[str, Any]]", tables)


def searchable(text: str) -> str:
    """The text on one line and without what no index can hold: control characters, lone surrogates and white space become one space."""
    return " ".join(_UNSEARCHABLE.sub(" ", text).split())


def _words(value: Any) -> Iterator[str]:
    """Every name and every text in a piece of a definition, in its own order; numbers and flags are no words."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, Any]", value).items():
            if isinstance(inner, dict):
                yield name
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _words(inner)


def _table_words(table: Mapping[str, Any]) -> Iterator[str]:
    """A golden data table is found by its table name and by what it is said to be; its columns only where the KPI reads them."""
    yield str(table.get("table") or "")
    yield str(table.get("description") or "")

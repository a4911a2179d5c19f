"""What the tables of custom widgets are made of, and the port they are read through."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

Row = Mapping[str, Any]
Version = tuple[str, str]
"""A KPI and one of its contract versions."""


@dataclass(frozen=True)
class Page:
    """Rows, newest first. `complete` is False when there were more than one answer may hold."""

    rows: Sequence[Row]
    complete: bool = True


class Reader(Protocol):
    """Reads what one tenant has in one environment; it can reach no other's rows."""

    def runs(self, since: datetime, until: datetime) -> Page:
        """Folded runs that started in [since, until)."""
        ...

    def runs_of(self, kpi_id: str, limit: int) -> Page:
        """The newest folded runs of a KPI."""
        ...

    def entries(self, table: str, since: datetime, until: datetime) -> Page:
        """Rows of `sourcing`, `pre-validation` or `post-validation` of runs that started in [since, until)."""
        ...

    def run(self, run_id: str) -> Mapping[str, Sequence[Row]]:
        """All rows of one run by table: `run`, `sourcing`, `pre-validation`, `post-validation`, `delivery`."""
        ...

    def definitions(self, versions: Sequence[Version]) -> Mapping[Version, Row]:
        """Catalog rows of versions: name, pack, definition_hash and definition (JSON). Unknown ones are left out."""
        ...

    def versions(self, kpi_id: str) -> Sequence[Row]:
        """Catalog rows of every version of a KPI, oldest first."""
        ...


@dataclass(frozen=True)
class Facts:
    """What a table says of a KPI besides its runs."""

    name: str = ""
    pack: str = ""
    runbook: str = ""
    expression: str = ""


def facts_of(reader: Reader, versions: Iterable[Version]) -> dict[str, Facts]:
    """Facts by KPI, of the versions that ran."""
    found = reader.definitions(sorted(set(versions)))
    return {kpi_id: facts(row) for (kpi_id, _), row in sorted(found.items())}


def facts(row: Row) -> Facts:
    """The facts in a catalog row."""
    definition = definition_of(row)
    return Facts(
        name=str(row.get("name") or definition.get("name", "")),
        pack=str(row.get("pack") or definition.get("pack", "")),
        runbook=str(definition.get("runbook", "")),
        expression=expression_text(definition),
    )


def definition_of(row: Row) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(str(row.get("definition", "{}")))
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def expression_text(definition: Mapping[str, Any]) -> str:
    """The SQL, formula or weights of a definition, as its author wrote them."""
    expression: Mapping[str, Any] = definition.get("expression") or {}
    for kind in ("sql", "formula"):
        if kind in expression:
            return str(expression[kind])
    weights: Mapping[str, Mapping[str, Any]] = expression.get("weights") or {}
    return "\n".join(f"{term.get('weight')} * {name} [{term.get('floor')}..{term.get('ceiling')}]" for name, term in weights.items())

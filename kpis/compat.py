"""Whether a version number tells the truth about what changed since another state of the packs (contract: Identity and lineage).

major = formula, denominator or purpose changed; minor = an addition; patch = a fix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from kpis.common import Status, version_key
from kpis.diagnostics import Diagnostic
from kpis.hashing import definition_hash
from kpis.loader import Loaded
from kpis.schema import Dictionary, Kpi, SqlExpression
from kpis.sql import normalize


class Bump(IntEnum):
    """Which part of a version number moved, or must move."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3


def _meaning(kpi: Kpi) -> dict[str, Any]:
    expression = kpi.expression
    if isinstance(expression, SqlExpression):
        try:
            formula: Any = normalize(expression.sql)
        except ValueError:
            formula = expression.sql
    else:
        formula = expression.model_dump(mode="json")
    return {
        "formula": formula,
        "purpose": " ".join(kpi.purpose.split()),
        "grain": str(kpi.grain),
        "unit": kpi.unit,
        "entity_dimension": kpi.entity_dimension,
        "verdict direction": str(kpi.verdict.direction),
        "sources of the formula": sorted((ref.alias, ref.kpi) for ref in kpi.kpi_sources),
    }


_ADDITIONS: Mapping[str, Callable[[Kpi], frozenset[str]]] = {
    "extension": lambda kpi: frozenset(str(extension.kind) for extension in kpi.extensions),
    "pre_validation rule": lambda kpi: frozenset(rule.id for rule in kpi.pre_validation),
    "post_validation rule": lambda kpi: frozenset(rule.id for rule in kpi.post_validation),
    "SLA": lambda kpi: frozenset(sla.type for sla in kpi.sla),
    "attribute": lambda kpi: frozenset(f"{ref.gdp}.{attribute}" for ref in kpi.gdp_sources for attribute in ref.attributes),
}


def required_bump(old: Kpi, new: Kpi) -> tuple[Bump, str]:
    """The least bump the change needs, and why: `formula changed`, `extension YoY added`."""
    if definition_hash(_unversioned(old)) == definition_hash(_unversioned(new)):
        return Bump.NONE, "nothing changed"
    before, after = _meaning(old), _meaning(new)
    changed = [name for name in before if before[name] != after[name]]
    if changed:
        return Bump.MAJOR, f"{', '.join(changed)} changed"
    added = [f"{what} {name}" for what, of in _ADDITIONS.items() for name in sorted(of(new) - of(old))]
    return (Bump.MINOR, f"{', '.join(added)} added") if added else (Bump.PATCH, "its definition changed")


def _unversioned(kpi: Kpi) -> Kpi:
    """Without what a bump itself changes, and without the lifecycle, which is not part of the meaning."""
    return kpi.model_copy(update={"contract_version": "0.0.0", "change_log": (), "status": Status.DRAFT})


def actual_bump(old: str, new: str) -> Bump | None:
    """Which part moved up; None when the version went down."""
    before, after = version_key(old), version_key(new)
    if after < before:
        return None
    for part, bump in zip(range(3), (Bump.MAJOR, Bump.MINOR, Bump.PATCH), strict=True):
        if after[part] != before[part]:
            return bump
    return Bump.NONE


def compatibility_problems(old: Dictionary, new: Loaded) -> Iterator[Diagnostic]:
    """Every KPI of `new` whose version says less than what changed since `old`, and every KPI that vanished."""
    kpis = {kpi.id: kpi for kpi in new.dictionary.kpis}
    for before in old.kpis:
        after = kpis.get(before.id)
        if after is not None:
            yield from _compared(before, after, new)
        elif ("kpi", before.id) not in new.places and before.status is not Status.RETIRED:
            place = new.places.get(("pack", before.pack))
            file, line = (place.file, place.line) if place else (before.pack, 1)
            message = f"{before.id} was removed; contracts are retired (status: retired), never deleted"
            yield Diagnostic(file, line, "kpi-removed", message)


def _compared(before: Kpi, after: Kpi, new: Loaded) -> Iterator[Diagnostic]:
    place = new.places["kpi", after.id]
    needed, why = required_bump(before, after)
    actual = actual_bump(before.contract_version, after.contract_version)
    versions = f"{before.contract_version} -> {after.contract_version}"
    if actual is None:
        yield place.problem("version-decreased", f"{after.id} went from {versions}; versions only go up", "contract_version")
    elif actual < needed:
        code = "breaking-change" if needed is Bump.MAJOR else "version-bump-missing"
        message = f"{after.id}: {why} since {before.contract_version}, which needs a {needed.name.lower()} version, but it is {versions}"
        yield place.problem(code, message, "contract_version")

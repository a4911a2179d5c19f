"""How a KPI document gets complete: the pack's defaults, then its parents from the oldest on, then its own fields.

Maps of owners, schedule, error policy and verdict merge key by key; every other field replaces what was inherited. A field written as
`null` is removed. A variant has its own version chain, so identity and change log are never inherited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

DEEP_FIELDS = frozenset({"owners", "schedule", "error_policy", "verdict"})
OWN_FIELDS = frozenset({"kind", "id", "pack", "parent", "contract_version", "variant_label", "change_log", "status"})
Fields = Mapping[str, Any]


def overlay(base: Fields, own: Fields) -> dict[str, Any]:
    """`own` written over `base` by the rules of the module's description."""
    merged = dict(base)
    for key, value in own.items():
        if value is None:
            merged.pop(key, None)
        elif key in DEEP_FIELDS and isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _deep(merged[key], cast("Fields", value))
        else:
            merged[key] = value
    return merged


def _deep(base: Fields, own: Fields) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _deep(merged[key], cast("Fields", value))
        else:
            merged[key] = value
    return merged


def ancestors(kpi_id: str, parent_of: Callable[[str], str | None]) -> tuple[list[str], list[str] | None]:
    """The parents of a KPI from the nearest on, and the circle when they form one."""
    chain: list[str] = []
    seen = [kpi_id]
    current = parent_of(kpi_id)
    while current is not None:
        if current in seen:
            return chain, [*seen[seen.index(current) :], current]
        chain.append(current)
        seen.append(current)
        current = parent_of(current)
    return chain, None


def complete(own: Fields, parents: list[Fields], defaults: Fields) -> dict[str, Any]:
    """A KPI's fields from its own, its parents' (nearest first) and the pack's defaults."""
    merged = overlay({}, defaults)
    for parent in reversed(parents):
        merged = overlay(merged, {key: value for key, value in parent.items() if key not in OWN_FIELDS})
    return overlay(merged, own)

"""What a change would change: the difference of two definitions, and who reads the KPI (K25, contract: Change requests)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from pydantic import Field, JsonValue

from kpis.common import Frozen
from kpis.graph import downstream
from kpis.hashing import canonical_json
from kpis.schema import Kpi

LISTED = 200
"""Names a report lists; the totals count all."""
NOT_CONTENT = ("change_log", "status")


class Difference(Frozen):
    """One place that differs, such as `schedule.cron`; None where a side has nothing there."""

    path: str
    before: JsonValue = None
    after: JsonValue = None


class Impact(Frozen):
    """Who is affected: KPIs computed from this one, its variants, what reads it or them, and tenants; totals may exceed the lists."""

    downstream: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    totals: dict[str, int] = Field(default_factory=dict)


def impact_of(kpi: Kpi, active: Sequence[Kpi]) -> Impact:
    """The report for a change of a KPI. `active` are KPIs that run in its environment; all that read it or vary it are among them."""
    readers = set(downstream((*(other for other in active if other.id != kpi.id), kpi), kpi.id))
    affected = [kpi, *(other for other in active if other.id in readers)]
    found = {
        "downstream": sorted(readers),
        "variants": sorted(other.id for other in active if other.parent == kpi.id),
        "consumers": sorted({f"{consumer.type}: {consumer.name}" for each in affected for consumer in each.consumers}),
        "reports": sorted(
            {f"{each.id} {report.frequency}: {', '.join(report.recipients)}" for each in affected for report in each.reports}
        ),
        "tenants": sorted({tenant for each in affected for tenant in each.tenants}),
    }
    return Impact(
        downstream=tuple(found["downstream"][:LISTED]),
        variants=tuple(found["variants"][:LISTED]),
        consumers=tuple(found["consumers"][:LISTED]),
        reports=tuple(found["reports"][:LISTED]),
        tenants=tuple(found["tenants"][:LISTED]),
        totals={name: len(names) for name, names in found.items()},
    )


def differences(before: Kpi | None, after: Kpi | None) -> tuple[Difference, ...]:
    """Where two definitions differ, by path; the change log and the lifecycle field are not content."""
    return tuple(_compared("", _content(before), _content(after)))


def _content(kpi: Kpi | None) -> Any:
    if kpi is None:
        return {}
    content = json.loads(canonical_json(kpi))
    return {name: value for name, value in content.items() if name not in NOT_CONTENT}


def _compared(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        left, right = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in sorted(left.keys() | right.keys()):
            yield from _compared(f"{path}.{name}" if path else name, left.get(name), right.get(name))
        return
    named = _by_id(before), _by_id(after)
    if named[0] is not None and named[1] is not None:
        left, right = named[0], named[1]
        for name in sorted(left.keys() | right.keys()):
            yield from _compared(f"{path}[{name}]", left.get(name), right.get(name))
        if left == right:
            yield Difference(path=f"{path} (order)", before=list(left), after=list(right))
        return
    yield Difference(path=path, before=cast("JsonValue", before), after=cast("JsonValue", after))


def _by_id(value: Any) -> dict[str, Any] | None:
    """A list of entries with ids (rules) by id, so that one changed rule is one difference."""
    if not isinstance(value, list):
        return None
    entries = cast("list[Any]", value)
    ids = [cast("dict[str, Any]", entry).get("id") for entry in entries if isinstance(entry, dict)]
    if len(ids) != len(entries) or None in ids or len(set(ids)) != len(ids):
        return None
    return dict(zip(cast("Iterable[str]", ids), entries, strict=True))

"""The maintenance badge: what readers of a KPI see of its pauses (K21, K28 B)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kpis.common import Frozen
from lambdas.domain.control.pauses import Banner, ScopeKind, pause_of, paused_entities
from lambdas.domain.control.unit import Row


class Badge(Frozen):
    """Why a KPI does not run now. `since` and `until` are ISO 8601 (no `until`: until someone resumes it); `banner` has the ETA."""

    pause_id: str
    scope: ScopeKind
    since: str
    until: str | None
    reason: str
    banner: Banner | None


class Shown(Frozen):
    """What is paused of a KPI: all of it (`pause`), or some of its entities."""

    pause: Badge | None = None
    paused_entities: tuple[str, ...] = ()


def shown(rows: Iterable[Row], kpi_id: str, at: datetime) -> Shown:
    """What to show beside a KPI at a moment.

    Args:
        rows: the rows under `keys.pauses(environment)`, or those of `Standing.pauses`; in any order.
        kpi_id: the KPI.
        at: now.
    """
    known = list(rows)
    pause = pause_of(known, kpi_id, None, at)
    badge = None
    if pause is not None:
        badge = Badge(
            pause_id=pause.pause_id,
            scope=pause.scope.kind,
            since=pause.start,
            until=pause.until,
            reason=pause.reason,
            banner=pause.banner,
        )
    return Shown(pause=badge, paused_entities=tuple(sorted(paused_entities(known, kpi_id, at))))

"""Pauses: who is not to run for a while, why, and what the first run afterwards must show (K21, K28 B, K31)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from kpis.common import Frozen, KpiId, Severity, Text
from kpis.schema import Kpi
from lambdas.domain.audit.event import Actor
from lambdas.domain.control import keys
from lambdas.domain.control.unit import Row
from lambdas.domain.timestamps import parse

EVERYTHING = "*"


class ScopeKind(StrEnum):
    """How much is paused, from most to least."""

    GLOBAL = "global"
    KPI = "kpi"
    ENTITY = "entity"


class Scope(Frozen):
    """What is paused: everything of the tenant in the environment, one KPI, or one entity of one KPI."""

    kpi_id: KpiId | None = None
    entity: str | None = Field(default=None, min_length=1, max_length=200)

    @model_validator(mode="after")
    def _entity_of_a_kpi(self) -> Self:
        if self.entity is not None and self.kpi_id is None:
            raise ValueError("an entity is paused for one KPI; name the KPI")
        return self

    @property
    def kind(self) -> ScopeKind:
        """Its kind."""
        return ScopeKind.GLOBAL if self.kpi_id is None else ScopeKind.KPI if self.entity is None else ScopeKind.ENTITY

    @property
    def key(self) -> str:
        """The scope as its row's key has it."""
        if self.kpi_id is None:
            return EVERYTHING
        return f"kpi#{self.kpi_id}" if self.entity is None else f"entity#{self.kpi_id}#{self.entity}"

    def covers(self, kpi_id: str, entity: str | None) -> bool:
        """Whether it stops the whole KPI (`entity` None) or one entity of it."""
        return self.kpi_id in (None, kpi_id) and self.entity in (None, entity)


class Banner(Frozen):
    """What dashboards show during maintenance; `eta` is ISO 8601."""

    text: Text
    eta: str


class Pause(Frozen):
    """A pause from `start` until `until` (none: until someone resumes). It is ended, not deleted: what follows depends on its end.

    `owed_since` is the end of the pause of the same scope before this one, which a first run may still have to answer for.
    """

    pause_id: str
    scope: Scope
    start: str
    until: str | None = None
    reason: str
    by: Actor
    banner: Banner | None = None
    ended_at: str | None = None
    owed_since: str | None = None

    @property
    def end(self) -> datetime | None:
        """When it ended or will end by itself; None while nobody knows."""
        ends = [parse(moment) for moment in (self.ended_at, self.until) if moment is not None]
        return min(ends) if ends else None

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at a moment."""
        end = self.end
        return parse(self.start) <= at and (end is None or at < end)

    def over(self, at: datetime) -> bool:
        """Whether it will never be in force again."""
        end = self.end
        return end is not None and end <= at

    def proof_owed(self, at: datetime) -> Iterator[datetime]:
        """The ends, up to a moment, after which a run has to prove itself."""
        if self.owed_since is not None:
            yield parse(self.owed_since)
        end = self.end
        if end is not None and parse(self.start) < end <= at:
            yield end


def read_pauses(rows: Iterable[Row]) -> Iterator[Pause]:
    """The pauses in rows of an environment; other rows are passed over."""
    for row in rows:
        if "#pause#" in row.key:
            yield Pause.model_validate_json(row.text("pause"))


def pause_of(rows: Iterable[Row], kpi_id: str, entity: str | None, at: datetime) -> Pause | None:
    """Why a KPI (or, with `entity`, one entity of it) is not to run at a moment; the widest pause speaks first. None: run.

    Args:
        rows: the rows under `pauses(environment)`, in any order.
        kpi_id: the KPI.
        entity: None asks for the KPI as a whole, which a paused entity does not stop.
        at: the moment.
    """
    kinds = list(ScopeKind)
    holding = [pause for pause in read_pauses(rows) if pause.scope.covers(kpi_id, entity) and pause.holds(at)]
    return min(holding, key=lambda pause: (kinds.index(pause.scope.kind), pause.start), default=None)


def paused_entities(rows: Iterable[Row], kpi_id: str, at: datetime) -> frozenset[str]:
    """Entities a run of the KPI must leave out."""
    pauses = [pause for pause in read_pauses(rows) if pause.scope.kpi_id == kpi_id and pause.holds(at)]
    return frozenset(pause.scope.entity for pause in pauses if pause.scope.entity is not None)


def must_prove(rows: Iterable[Row], kpi_id: str, last_validated: datetime | None, at: datetime) -> bool:
    """Whether a run at a moment is the first after a pause, so that its post-validation is enforced (K28 B).

    It stays due until a run that started after the end of the pause delivered; `last_validated` is the start of the last such run.
    """
    pauses = [pause for pause in read_pauses(rows) if pause.scope.kpi_id in (None, kpi_id)]
    return any(last_validated is None or last_validated < end for pause in pauses for end in pause.proof_owed(at))


def enforced(kpi: Kpi) -> Kpi:
    """The definition for a run that must prove itself: every post-validation rule stops the delivery when it fails."""
    rules = tuple(rule.model_copy(update={"severity": Severity.ERROR}) for rule in kpi.post_validation)
    return kpi.model_copy(update={"post_validation": rules})


def key_of(environment: str, scope: Scope) -> str:
    """The key of the scope's row."""
    return keys.pause(environment, scope.key)

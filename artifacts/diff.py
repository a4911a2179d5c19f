"""Everything a change of the dictionary does, in one value: what reviewers read and machines check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artifacts.alarm_changes import AlarmChange
from artifacts.definition_changes import KpiChange, SourceChange
from artifacts.file_changes import FileChange


@dataclass(frozen=True)
class CostChange:
    """What a stack costs a month, in US dollars, before and after; `services` are those that change."""

    stack: str
    before: float
    after: float
    services: Mapping[str, float]


@dataclass(frozen=True)
class LimitChange:
    """A quota that the change brings near or over its limit."""

    quota: str
    subject: str
    before: float
    after: float
    limit: float
    level: str


@dataclass(frozen=True)
class Diff:
    """A change of the dictionary. `renderers` are changed files of the code that makes artifacts: with those, every artifact may differ.

    `invalid` counts the problems of the state before, whose entries with problems are left out.
    """

    revision: str
    kpis: Sequence[KpiChange]
    sources: Sequence[SourceChange]
    alarms: Sequence[AlarmChange]
    files: Sequence[FileChange]
    costs: Sequence[CostChange]
    limits: Sequence[LimitChange]
    renderers: Sequence[str] = ()
    invalid: int = 0

    @property
    def empty(self) -> bool:
        """Whether the dictionary says what it said."""
        return not (self.kpis or self.sources or self.alarms or self.files)

    @property
    def affected(self) -> tuple[str, ...]:
        """KPIs downstream of a changed one that did not change themselves."""
        changed = {change.kpi_id for change in self.kpis}
        return tuple(sorted({reader for change in self.kpis for reader in change.downstream} - changed))

    @property
    def audience(self) -> tuple[str, ...]:
        """Who looks at a changed KPI, or at one downstream of it."""
        return tuple(sorted({name for change in self.kpis for name in change.audience}))

    @property
    def tenants(self) -> tuple[str, ...]:
        """Tenants that have a changed KPI."""
        return tuple(sorted({tenant for change in self.kpis for tenant in change.tenants}))

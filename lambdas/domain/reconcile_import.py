"""The import: the packs' definitions into a tenant's catalog, directly or as change requests (docs/adr/0008)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kpis.common import Environment
from kpis.schema import Dictionary, Kpi, Source
from lambdas.domain.control.catalog import as_written
from lambdas.domain.control.policy import PackChanges
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.states import VersionStatus
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.reconcile import content_hash, declared
from lambdas.domain.reconcile_direct import Batches, Direct, Scope, Work
from lambdas.domain.reconcile_proposals import NOTHING, Proposals, Told
from lambdas.domain.reconcile_rows import CatalogRows, Known, read_known

ATTEMPTS = 4
"""Passes of one import: when an administrator changed a row in between, it is read again."""


@dataclass
class Imported:
    """What an import did, or would do: `requested` were asked to be signed off, `left` says why the others were left alone."""

    created: list[str] = field(default_factory=list[str])
    updated: list[str] = field(default_factory=list[str])
    retired: list[str] = field(default_factory=list[str])
    requested: list[str] = field(default_factory=list[str])
    left: dict[str, str] = field(default_factory=dict[str, str])
    unchanged: int = 0

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def any(self) -> bool:
        """Whether anything was written."""
        return bool(self.created or self.updated or self.retired or self.requested)

    def committed(self, work: Work) -> None:
        """Note work that was written directly."""
        lists = {"created": self.created, "updated": self.updated, "retired": self.retired}
        name = work.kpi_id if work.done == "retired" else f"{work.kpi_id} {work.contract_version}"
        if name not in lists[work.done][-1:]:  # one with very many versions is retired in several commits
            lists[work.done].append(name)

    def told(self, name: str, told: Told) -> None:
        """Note what became of a change that needs a sign-off."""
        if told.requested:
            self.requested.append(name)
        elif told.left:
            self.left[name] = told.left
        else:
            self.unchanged += 1


@dataclass(frozen=True)
class CatalogImport:
    """Brings a tenant's catalog in one environment to what the packs say, as far as the packs have the say."""

    rows: CatalogRows
    plane: ControlPlane
    scope: Scope
    dry_run: bool = False

    def run(self, dictionary: Dictionary) -> Imported:
        """Import. The second time it changes nothing; no definition is ever deleted.

        Raises:
            KpiError: CONFLICT when others kept changing the same rows; what was imported stays, and the import may be repeated.
        """
        report = Imported()
        for attempt in range(ATTEMPTS):
            report.unchanged = 0
            try:
                self._pass(dictionary, report)
            except KpiError as error:
                if error.code is not ErrorCode.CONFLICT or attempt == ATTEMPTS - 1:
                    raise
            else:
                return report
        return report

    def _pass(self, dictionary: Dictionary, report: Imported) -> None:
        scope, store = self.scope, self.plane.store
        known, everything = read_known(self.rows, scope.tenant_id, scope.environment, self.plane.clock.now())
        asks, begins = everything or self._asks(known), not everything and self._begins(known)
        sources = {source.id: source for source in dictionary.sources}
        one = _One(self, Direct(store, scope), Proposals(self.plane, scope, self.dry_run), sources, report)
        batches = Batches(store, scope, self.plane.clock.now, report.committed)
        wanted = [kpi for kpi in dictionary.kpis if scope.tenant_id in kpi.tenants and scope.environment in kpi.environments]
        for kpi in wanted:
            of = known.get(kpi.id, Known())
            one.take(kpi, of, batches, asks=of.managed or (asks and not (begins and not of.versions)))
        for kpi_id in sorted(set(known) - {kpi.id for kpi in wanted}):
            of = known[kpi_id]
            if of.from_packs:
                one.gone(kpi_id, of, batches, asks=asks or of.managed)
        if not self.dry_run:
            batches.flush()

    def _begins(self, known: dict[str, Known]) -> bool:
        """Whether all there is came from the bundle at hand: its first import broke off between two commits, or was complete.

        KPIs of which there is nothing yet are then the rest of what the tenant begins with.
        """
        return all(each.row.text("bundle") == self.scope.bundle for of in known.values() for each in of.versions.values())

    def _asks(self, known: dict[str, Known]) -> bool:
        """Whether changes of this environment need a sign-off. What a tenant begins with does not: its stack's review was one."""
        if not any(of.versions for of in known.values()):
            return False
        rule = self.plane.policy(self.scope.tenant_id, self.scope.environment).packs
        if rule is PackChanges.BY_ENVIRONMENT:
            return self.scope.environment is Environment.PRD
        return rule is PackChanges.REQUESTS


@dataclass(frozen=True)
class _One:
    """One KPI of a pass. Work that is written directly is collected, requests are made at once."""

    of: CatalogImport
    direct: Direct
    proposals: Proposals
    sources: dict[str, Source]
    report: Imported

    def take(self, kpi: Kpi, known: Known, batches: Batches, *, asks: bool) -> None:
        """Import a definition."""
        mine = {ref.gdp: self.sources[ref.gdp] for ref in kpi.gdp_sources}
        text = declared(self.sources[ref.gdp] for ref in kpi.gdp_sources)
        hashed, neutral = content_hash(kpi, text), content_hash(as_written(kpi), text)
        before = known.versions.get(kpi.contract_version)
        same = before is not None and before.row.text("content_hash") in (hashed, neutral)
        name = f"{kpi.id} {kpi.contract_version}"
        if before is not None and same and (asks or before.status == kpi.status.value):
            self.report.told(name, self.proposals.pending(kpi, neutral, before, known) if asks else NOTHING)
        elif asks:
            self.report.told(name, self.proposals.changed(kpi, mine, neutral, known))
        else:
            self._direct(self.direct.brought(kpi, text, hashed, known, self.of.plane.clock.now()), batches)

    def gone(self, kpi_id: str, known: Known, batches: Batches, *, asks: bool) -> None:
        """Take away what left the packs."""
        if all(each.status == VersionStatus.RETIRED for each in known.versions.values()):
            self.report.unchanged += 1
        elif asks:
            self.report.told(kpi_id, self.proposals.gone(kpi_id, known))
        else:
            for work in self.direct.retired(kpi_id, known, self.of.plane.clock.now()):
                self._direct(work, batches)

    def _direct(self, work: Work, batches: Batches) -> None:
        if self.of.dry_run:
            self.report.committed(work)
        else:
            batches.add(work)

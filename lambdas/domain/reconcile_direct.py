"""Importing packs directly: many KPIs in a few transactions, each with the one audit event that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from kpis.common import Environment, Status
from kpis.hashing import definition_hash
from kpis.schema import Kpi, Source
from lambdas.domain.audit.event import Actor, Facts
from lambdas.domain.control import keys
from lambdas.domain.control.catalog import Version, pointed, remembered
from lambdas.domain.control.states import PACKS, VersionStatus
from lambdas.domain.control.unit import MAX_CHANGES, Change, ControlStore, Delete, Put, Row
from lambdas.domain.reconcile import definition_attributes, runnable, waits_for
from lambdas.domain.reconcile_rows import AUTHOR, Known
from lambdas.domain.timestamps import iso

ACTOR = Actor(subject=AUTHOR, role=PACKS)
MAX_BYTES = 2_000_000
"""Definitions of one commit, in bytes; a transaction takes 4 MB (DynamoDB quotas)."""


@dataclass(frozen=True)
class Scope:
    """Whose catalog, in which environment, from which bundle (its digest)."""

    tenant_id: str
    environment: Environment
    bundle: str


@dataclass(frozen=True)
class Work:
    """The changes that import one KPI, and the line about it in the audit event."""

    kpi_id: str
    contract_version: str
    done: str
    changes: tuple[Change, ...]
    after: str | None = None

    @property
    def size(self) -> int:
        """About how many bytes its rows have."""
        return sum(len(str(change.row.get("definition", ""))) + 1000 for change in self.changes if isinstance(change, Put))

    @property
    def line(self) -> JsonValue:
        """What the audit event says about it."""
        return {"kpi_id": self.kpi_id, "version": self.contract_version, "done": self.done, "definition_hash": self.after}


@dataclass(frozen=True)
class Direct:
    """Makes the changes that import KPIs; it writes nothing."""

    store: ControlStore
    scope: Scope

    def brought(self, kpi: Kpi, sources: str, hashed: str, known: Known, at: datetime) -> Work:
        """A definition as the packs have it, made what runs where its status says so; the version that ran before is superseded."""
        environment = self.scope.environment
        before = known.versions.get(kpi.contract_version)
        expect = before.row.row_version if before else 0
        attributes = definition_attributes(kpi, sources=sources, hashed=hashed, environment=environment, status=kpi.status.value, at=at)
        own = {"bundle": self.scope.bundle, "imported_version": expect + 1}
        changes: list[Change] = [Put(keys.version(environment, kpi.id, kpi.contract_version), attributes | own, expect)]
        running = known.pointer.text("contract_version") if known.pointer else None
        if runnable(kpi):
            changes += self._pointed(kpi, sources, known, at)
        elif known.pointer is not None and running == kpi.contract_version:
            changes.append(Delete(known.pointer.key, known.pointer.row_version))
        # What starts a KPI is of the version that runs: a draft beside it changes nothing of that.
        if runnable(kpi) or running in (None, kpi.contract_version):
            changes += self._triggers(kpi, known)
        return Work(kpi.id, kpi.contract_version, "updated" if known.versions else "created", tuple(changes), definition_hash(kpi))

    def retired(self, kpi_id: str, known: Known, at: datetime) -> Iterator[Work]:
        """A KPI that left the packs: nothing of it runs, its definitions stay. The first work of several ends what runs."""
        live = [each for each in known.versions.values() if each.status != VersionStatus.RETIRED]
        changes: list[Change] = [Delete(known.pointer.key, known.pointer.row_version)] if known.pointer else []
        changes += [Delete(key, None) for key in sorted(known.triggers)]
        changes += [self._moved(each.row, VersionStatus.RETIRED, at) for each in live]
        number = known.running.number if known.running else max(each.number for each in live)
        for start in range(0, len(changes), MAX_CHANGES):
            yield Work(kpi_id, number, "retired", tuple(changes[start : start + MAX_CHANGES]))

    def _pointed(self, kpi: Kpi, sources: str, known: Known, at: datetime) -> list[Change]:
        environment = self.scope.environment
        tables = {source.id: source for source in map(Source.model_validate, json.loads(sources))}
        pointer = pointed(kpi, definition_hash(kpi), tables)
        expect = known.pointer.row_version if known.pointer else 0
        changes: list[Change] = [Put(keys.active(environment, kpi.id), pointer, expect)]
        others = [each for each in known.versions.values() if each.number != kpi.contract_version and each.status == Status.ACTIVE.value]
        changes += [self._moved(each.row, VersionStatus.DEPRECATED, at, superseded_by=kpi.contract_version) for each in others]
        ran = known.running
        if ran is not None and ran.number != kpi.contract_version:
            # As a publication does, so that one call goes back to it.
            row = self.store.row(self.scope.tenant_id, keys.previous(environment, kpi.id))
            earlier = row.values.get("versions", ()) if row else ()
            numbers = [ran.number, *(str(each) for each in earlier if each != kpi.contract_version)]
            changes += remembered(environment, kpi.id, row, numbers)
        return changes

    def _triggers(self, kpi: Kpi, known: Known) -> list[Change]:
        signal, gone = waits_for(kpi), set(known.triggers)
        changes: list[Change] = []
        if signal is not None:
            key = keys.trigger(self.scope.environment, signal, kpi.id)
            gone.discard(key)
            changes.append(Put(key, {"kpi_id": kpi.id, "signal": signal, "upstreams": [ref.kpi for ref in kpi.kpi_sources]}, None))
        return [*changes, *(Delete(key, None) for key in sorted(gone))]

    def _moved(self, row: Row, status: VersionStatus, at: datetime, **more: str) -> Put:
        """The write that moves a version and leaves it as imported."""
        whole = self.store.row(self.scope.tenant_id, row.key) or row
        # What is expected is the version that was judged, not one that came in between.
        judged = Row(row.key, {**whole.values, "row_version": row.row_version})
        return Version(judged).moved(status, at, imported_version=row.row_version + 1, **more)


@dataclass
class Batches:
    """Collects work and commits it in as few transactions as hold it. `committed` is told of work that was written."""

    store: ControlStore
    scope: Scope
    now: Callable[[], datetime]
    committed: Callable[[Work], None]
    waiting: list[Work] = field(default_factory=list[Work])

    def add(self, work: Work) -> None:
        """Take work; what was collected before is committed when this does not fit beside it.

        Raises:
            KpiError: what `ControlStore.commit` raises.
        """
        rows = sum(len(each.changes) for each in self.waiting) + len(work.changes)
        if rows > MAX_CHANGES or sum(each.size for each in self.waiting) + work.size > MAX_BYTES:
            self.flush()
        self.waiting.append(work)

    def flush(self) -> None:
        """Commit what was collected, with one event."""
        work, self.waiting = self.waiting, []
        if not work:
            return
        changes = [change for each in work for change in each.changes]
        lines = [each.line for each in work]
        # The versions that the rows must have are part of it: the same import after others is another one.
        written = [[change.key, change.expect] for change in changes]
        digest = hashlib.sha256(json.dumps([lines, written, self.scope.bundle], sort_keys=True).encode()).hexdigest()
        alone = work[0] if len(work) == 1 else None
        scope = self.scope
        facts = Facts(
            tenant_id=scope.tenant_id,
            event_id=f"import:{scope.environment}:{digest[:40]}",
            at=iso(self.now()),
            actor=ACTOR,
            action="catalog.import",
            object_type="kpi" if alone else "environment",
            object_id=alone.kpi_id if alone else scope.environment.value,
            environment=scope.environment,
            reason="the packs of the dictionary were deployed",
            after=alone.after if alone else None,
            details={"intent": digest, "bundle": scope.bundle, "kpis": lines},
        )
        self.store.commit(scope.tenant_id, changes, facts)
        for each in work:
            self.committed(each)

"""Definition rows and the pointers that say what runs, as the control plane reads and changes them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from kpis.common import Environment, Status, version_key
from kpis.schema import Kpi, Source
from lambdas.domain.control import keys
from lambdas.domain.control.states import VersionStatus
from lambdas.domain.control.unit import Change, ControlStore, Delete, Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.lineage.graph import Part, name_of, part_of
from lambdas.domain.lineage.parts import part_text, read_part
from lambdas.domain.reconcile import content_hash, declared, definition_attributes, waits_for
from lambdas.domain.timestamps import iso

ORDER = (Environment.DEV, Environment.STG, Environment.PRD)
"""The way of a promotion (K20)."""
HISTORY = 10
"""How many earlier versions are kept as candidates for a rollback."""
ONE_BY_ONE = 200
"""Definitions that are read one by one; for more, all rows of the environment are read."""
_RAN = frozenset({VersionStatus.ACTIVE, VersionStatus.DEPRECATED, VersionStatus.RETIRED})


@dataclass(frozen=True)
class Version:
    """One version of a KPI in one environment: its row, read."""

    row: Row

    @cached_property
    def kpi(self) -> Kpi:
        """The definition."""
        return Kpi.model_validate_json(self.row.text("definition"))

    @property
    def status(self) -> VersionStatus:
        """Where it is in its life."""
        return VersionStatus(self.row.text("status"))

    @property
    def hash(self) -> str:
        """The definition hash."""
        return self.row.text("definition_hash")

    @property
    def environment(self) -> Environment:
        """Where this row is."""
        return Environment(self.row.key.split("#", 1)[0])

    @property
    def number(self) -> str:
        """The contract version."""
        return self.row.text("contract_version")

    @property
    def ran(self) -> bool:
        """Whether logs may name it. Such a version is never edited again, whatever became of it."""
        return bool(self.row.text("ran_at")) or self.status in _RAN

    @property
    def promoted_from(self) -> str:
        """The environment it was promoted from; empty where it was written."""
        return self.row.text("promoted_from")

    @property
    def authors(self) -> tuple[str, ...]:
        """All who wrote its content."""
        return tuple(cast("Sequence[str]", self.row.values.get("authors", ())))

    @property
    def sources(self) -> Mapping[str, Source]:
        """The golden data tables it reads, by id."""
        declared = cast("list[Any]", json.loads(self.row.text("sources") or "[]"))
        return {source.id: source for source in map(Source.model_validate, declared)}

    def moved(self, status: VersionStatus, at: datetime, **changes: Any) -> Put:
        """The write that brings it to a status; a change to None takes the attribute away."""
        values = {name: value for name, value in self.row.values.items() if name != "row_version"}
        values |= {"status": status.value, "updated_at": iso(at)} | changes
        return Put(self.row.key, {name: value for name, value in values.items() if value is not None}, self.row.row_version)


def as_written(kpi: Kpi) -> Kpi:
    """A definition with the neutral lifecycle field: its row holds the status, so its hash is the same from approval to retirement."""
    return kpi.model_copy(update={"status": Status.ACTIVE})


def new_values(
    kpi: Kpi, sources: Mapping[str, Source], environment: str, status: VersionStatus, at: datetime, authors: Sequence[str]
) -> dict[str, Any]:
    """The attributes of a definition row, as the catalog import writes them, and who wrote them."""
    known = declared(sources[ref.gdp] for ref in kpi.gdp_sources if ref.gdp in sources)
    attributes = definition_attributes(
        kpi, sources=known, hashed=content_hash(kpi, known), environment=environment, status=status.value, at=at
    )
    return attributes | {"authors": sorted(set(authors))}


@dataclass(frozen=True)
class LiveVersions:
    """What runs of a tenant in an environment, read when it is made."""

    store: ControlStore
    tenant_id: str
    environment: str

    @cached_property
    def pointers(self) -> Mapping[str, Row]:
        """The pointers by KPI."""
        return {row.text("kpi_id"): row for row in self.store.rows(self.tenant_id, keys.all_active(self.environment))}

    def parts(self, kpi_ids: Iterable[str] | None = None) -> Iterator[Part]:
        """What some KPIs (None: all) put into the lineage graph. Of pointers that do not say it the definition is read."""
        wanted = self.pointers.keys() if kpi_ids is None else [name for name in kpi_ids if name in self.pointers]
        silent: list[str] = []
        for name in wanted:
            part = read_part(name, self.pointers[name].text("part"))
            if part is None:
                silent.append(name)
            else:
                yield part
        for version in self.versions(silent):
            yield part_of(version.kpi, version.sources)

    def versions(self, kpi_ids: Iterable[str]) -> Iterator[Version]:
        """The definitions of some KPIs that run; those that do not are passed over."""
        wanted = {
            keys.version(self.environment, name, self.pointers[name].text("contract_version")) for name in kpi_ids if name in self.pointers
        }
        if len(wanted) <= ONE_BY_ONE:
            rows = (self.store.row(self.tenant_id, key) for key in sorted(wanted))
        else:
            rows = (row for row in self.store.rows(self.tenant_id, f"{self.environment}#kpi#") if row.key in wanted)
        yield from (Version(row) for row in rows if row is not None)


@dataclass(frozen=True)
class Shelf:
    """The rows of one tenant in one environment."""

    store: ControlStore
    tenant_id: str
    environment: Environment

    def find(self, kpi_id: str, contract_version: str) -> Version | None:
        """A version, or None."""
        row = self.store.row(self.tenant_id, keys.version(self.environment, kpi_id, contract_version))
        return Version(row) if row else None

    def version(self, kpi_id: str, contract_version: str) -> Version:
        """A version.

        Raises:
            KpiError: NOT_FOUND when it is not there.
        """
        found = self.find(kpi_id, contract_version)
        if found is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"{kpi_id} {contract_version} is not in the catalog of {self.environment}")
        return found

    def active_row(self, kpi_id: str) -> Row | None:
        """The pointer to what runs."""
        return self.store.row(self.tenant_id, keys.active(self.environment, kpi_id))

    def active(self, kpi_id: str) -> Version | None:
        """What runs."""
        row = self.active_row(kpi_id)
        return self.find(kpi_id, row.text("contract_version")) if row else None

    def newest_that_ran(self, kpi_id: str) -> Version | None:
        """The highest version that ever ran, whatever became of it; what a new version is compared with when nothing runs."""
        found = map(Version, self.store.rows(self.tenant_id, keys.versions(self.environment, kpi_id)))
        return max((version for version in found if version.ran), key=lambda version: version_key(version.number), default=None)

    def around(self, kpi_id: str) -> list[Kpi]:
        """What runs and has to do with a KPI: itself, its variants, and all that reads or checks against any of these, through others too.

        Reads the pointers of the environment and the definitions found, no others.
        """
        running = LiveVersions(self.store, self.tenant_id, self.environment)
        readers: dict[str, set[str]] = {}
        for part in running.parts():
            for mentioned in {name_of(link.source) for link in part.links if link.target == part.node.id} | {part.parent}:
                readers.setdefault(mentioned, set()).add(part.kpi_id)
        found, waiting = {kpi_id}, [kpi_id]
        while waiting:
            new = readers.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return [version.kpi for version in running.versions(sorted(found))]

    def history(self, kpi_id: str) -> tuple[Row | None, list[str]]:
        """The row of versions that ran before, and the versions in it, newest first."""
        row = self.store.row(self.tenant_id, keys.previous(self.environment, kpi_id))
        return row, [str(each) for each in cast("Sequence[Any]", row.values.get("versions", ()))] if row else []


def pointed(kpi: Kpi, hashed: str, sources: Mapping[str, Source]) -> dict[str, Any]:
    """The attributes of the row that says a version runs: which one, and what it reads, so that who reads whom needs no definition."""
    return {"kpi_id": kpi.id, "contract_version": kpi.contract_version, "definition_hash": hashed, "part": part_text(kpi, sources)}


def expectation(row: Row | None) -> int:
    """What a write must expect of a row that was read, or was not there."""
    return row.row_version if row else 0


def switched(environment: Environment, pointer: Row | None, old: Kpi | None, new: Version | None) -> list[Change]:
    """The changes that make `new` what runs instead of `old` (either may be absent), with what starts it by event."""
    kpi_id = new.kpi.id if new else old.id if old else ""
    changes: list[Change] = []
    if new is not None:
        changes.append(Put(keys.active(environment, kpi_id), pointed(new.kpi, new.hash, new.sources), expectation(pointer)))
    elif pointer is not None:
        changes.append(Delete(pointer.key, pointer.row_version))
    before, after = (waits_for(as_written(kpi)) if kpi else None for kpi in (old, new.kpi if new else None))
    if before is not None and before != after:
        changes.append(Delete(keys.trigger(environment, before, kpi_id), None))
    if new is not None and after is not None:
        row = {"kpi_id": kpi_id, "signal": after, "upstreams": [ref.kpi for ref in new.kpi.kpi_sources]}
        changes.append(Put(keys.trigger(environment, after, kpi_id), row, None))
    return changes


def remembered(environment: Environment, kpi_id: str, row: Row | None, versions: Sequence[str]) -> list[Change]:
    """The write of the history of what ran; none left removes it."""
    key, kept = keys.previous(environment, kpi_id), list(dict.fromkeys(versions))[:HISTORY]
    if kept:
        return [Put(key, {"kpi_id": kpi_id, "contract_version": kept[0], "versions": kept}, expectation(row))]
    return [Delete(key, row.row_version)] if row else []

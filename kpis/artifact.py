"""What a renderer gives and what it may know: the contract between the dictionary and everything generated from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from kpis.hashing import definition_hash
from kpis.schema import Dictionary, Kpi, Source


@dataclass(frozen=True)
class Artifact:
    """A generated file: `path` is relative to the artifact set with `/` between its parts; `kpi_ids` are the definitions it comes from.

    An artifact of the whole dictionary names no KPI.
    """

    path: str
    content: bytes
    kpi_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """What a per-KPI renderer may know besides the KPI: the neighbours its artifact key is made of, and nothing else.

    Reading more would make an artifact that is out of date without its key saying so.
    """

    dictionary: Dictionary

    def sources_of(self, kpi: Kpi) -> tuple[Source, ...]:
        """The golden data tables a KPI reads, in its own order."""
        return tuple(self._sources[source.gdp] for source in kpi.gdp_sources)

    def upstream_of(self, kpi: Kpi) -> tuple[Kpi, ...]:
        """The KPIs a KPI reads directly, in its own order."""
        return tuple(self._kpis[source.kpi] for source in kpi.kpi_sources)

    def downstream_of(self, kpi: Kpi) -> tuple[Kpi, ...]:
        """The KPIs that read a KPI directly, by id."""
        return self._downstream.get(kpi.id, ())

    def hash_of(self, entry: Kpi | Source) -> str:
        """The definition hash of an entry of this dictionary."""
        return self._hashes[entry.kind, entry.id]

    @cached_property
    def _sources(self) -> Mapping[str, Source]:
        return {source.id: source for source in self.dictionary.sources}

    @cached_property
    def _kpis(self) -> Mapping[str, Kpi]:
        return {kpi.id: kpi for kpi in self.dictionary.kpis}

    @cached_property
    def _hashes(self) -> Mapping[tuple[str, str], str]:
        entries = (*self.dictionary.kpis, *self.dictionary.sources)
        return {(entry.kind, entry.id): definition_hash(entry) for entry in entries}

    @cached_property
    def _downstream(self) -> Mapping[str, tuple[Kpi, ...]]:
        found: dict[str, list[Kpi]] = {}
        for kpi in sorted(self.dictionary.kpis, key=lambda each: each.id):
            for source in kpi.kpi_sources:
                found.setdefault(source.kpi, []).append(kpi)
        return {kpi_id: tuple(readers) for kpi_id, readers in found.items()}

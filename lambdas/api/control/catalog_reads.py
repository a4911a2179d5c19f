"""What runs of a tenant as a lineage graph, and the tables definitions may name.

A graph is made of the pointers to what runs, which say what each definition reads; definitions are read when somebody asks for one. It
is kept while the process is warm. Every admin write moves the head of the tenant's audit chain in the same commit, so one strongly
consistent read of that row tells whether anything changed; then the pointers are read again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kpis.common import Environment
from kpis.schema import Kpi, Source
from lambdas.domain.control.catalog import LiveVersions, Version
from lambdas.domain.control.unit import HEAD, ControlStore
from lambdas.domain.lineage import Graph
from lambdas.domain.lineage.graph import Part, assembled, name_of
from lambdas.domain.tenants import keys as tenant_keys

LOOK_SECONDS = 30.0
"""After this long the pointers are read again though the head did not move: for writers beside the control plane."""
WHOLE_SECONDS = 600.0
"""After this long everything is read again: a table may be described anew without any definition changing."""
KEPT_KPIS = 30_000
"""KPIs of kept graphs, about 3 KB each; the graphs asked for last are kept, at least one."""
PARSED = 2_000
"""Parsed definitions kept of one graph, about 20 KB each."""
_WAY = (Environment.DEV, Environment.STG, Environment.PRD)

Pointer = tuple[str, str]
"""Version and definition hash of what runs."""


class _Definitions(Mapping[str, Kpi]):
    """Definitions by KPI, read when they are asked for; who is in it costs nothing."""

    def __init__(self, running: LiveVersions) -> None:
        self._running = running
        self._parsed: dict[str, Kpi] = {}

    def __getitem__(self, kpi_id: str) -> Kpi:
        self.fetch([kpi_id])
        return self._parsed[kpi_id]

    def fetch(self, kpi_ids: Iterable[str]) -> None:
        """Read definitions at once, for whoever is about to ask for them."""
        missing = [kpi_id for kpi_id in kpi_ids if kpi_id not in self._parsed]
        if len(self._parsed) + len(missing) > PARSED:
            self._parsed.clear()
        self._parsed.update((version.kpi.id, version.kpi) for version in self._running.versions(missing))

    def __contains__(self, kpi_id: object) -> bool:
        return kpi_id in self._running.pointers

    def __iter__(self) -> Iterator[str]:
        return iter(self._running.pointers)

    def __len__(self) -> int:
        return len(self._running.pointers)


class _Described(Mapping[str, Source]):
    """Tables that running definitions read, by id, from the row of one that does."""

    def __init__(self, running: LiveVersions, parts: Mapping[str, Part]) -> None:
        self._running = running
        self._readers = {name_of(table.id): kpi_id for kpi_id in sorted(parts) for table in parts[kpi_id].tables}
        self._known: dict[str, Source] = {}

    def __getitem__(self, name: str) -> Source:
        if name not in self._known:
            for version in self._running.versions([self._readers[name]]):
                self._known.update(version.sources)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


@dataclass(frozen=True)
class _Held:
    """A graph, what it was made of, and when (seconds of the clock) its pointers and all of it were read."""

    head: str
    looked: float
    read: float
    pointers: Mapping[str, Pointer]
    parts: Mapping[str, Part]
    graph: Graph


class CatalogReads:
    """Graphs of the tenants asked for last."""

    def __init__(self, store: ControlStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()

    def graph(self, tenant_id: str, environment: str) -> Graph:
        """What runs of a tenant in an environment, as the last commit left it."""
        # Before the rows: a commit in between then makes the next call read again.
        head, now = self._head(tenant_id), self._clock()
        held = self._held.pop((tenant_id, environment), None)
        if held is not None and now - held.read >= WHOLE_SECONDS:
            held = None
        if held is None or held.head != head or now - held.looked >= LOOK_SECONDS:
            held = self._read(held, LiveVersions(self._store, tenant_id, Environment(environment)), head, now)
        self._held[tenant_id, environment] = held
        while len(self._held) > 1 and sum(len(each.parts) for each in self._held.values()) > KEPT_KPIS:
            self._held.popitem(last=False)
        return held.graph

    def sources(self, tenant_id: str) -> Mapping[str, Source]:
        """The tables that the tenant's stacks name or its definitions read, in any environment; looked up when one is asked for."""
        return _Tables(self, tenant_id)

    def declared(self, tenant_id: str) -> dict[str, Source]:
        """All tables that the tenant's stacks name or any definition of it reads, running or not; reads every row."""
        found: dict[str, Source] = {}
        for environment in _WAY:
            granted = self._store.row(tenant_id, tenant_keys.sources(environment))
            found |= Version(granted).sources if granted else {}
            for row in self._store.rows(tenant_id, f"{environment}#kpi#"):
                found |= Version(row).sources
        return found

    def _head(self, tenant_id: str) -> str:
        row = self._store.row(tenant_id, HEAD)
        return row.text("hash") if row else ""

    def _read(self, held: _Held | None, running: LiveVersions, head: str, now: float) -> _Held:
        pointers = {kpi_id: (row.text("contract_version"), row.text("definition_hash")) for kpi_id, row in running.pointers.items()}
        if held is not None and held.pointers == pointers:
            return replace(held, head=head, looked=now)
        same = {kpi_id: part for kpi_id, part in held.parts.items() if held.pointers[kpi_id] == pointers.get(kpi_id)} if held else {}
        parts = same | {part.kpi_id: part for part in running.parts(pointers.keys() - same.keys())}
        definitions = _Definitions(running)
        graph = assembled(parts.values(), definitions, _Described(running, parts))
        return _Held(head, now, held.read if held else now, pointers, parts, replace(graph, fetch=definitions.fetch))


class _Tables(Mapping[str, Source]):
    """Tables by id: those that running definitions read are at hand; for any other every row is read, once."""

    def __init__(self, reads: CatalogReads, tenant_id: str) -> None:
        self._reads = reads
        self._tenant_id = tenant_id
        self._all: dict[str, Source] | None = None

    def __getitem__(self, name: str) -> Source:
        for environment in reversed(_WAY):
            found = self._reads.graph(self._tenant_id, environment).sources.get(name)
            if found is not None:
                return found
        return self._everything[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._everything)

    def __len__(self) -> int:
        return len(self._everything)

    @property
    def _everything(self) -> dict[str, Source]:
        if self._all is None:
            self._all = self._reads.declared(self._tenant_id)
        return self._all

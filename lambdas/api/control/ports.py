"""What the control API needs of the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kpis.schema import Source
from lambdas.api.control.read_ports import ReadPorts
from lambdas.api.control.run_ports import RunStarter
from lambdas.api.control.run_readings import RunReadings
from lambdas.api.control.tenants_ports import TenantPorts
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.authz.authorizer import Authorizer
from lambdas.domain.control.canary import Canary, Sample
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.limits.idempotency import Idempotency
from lambdas.domain.limits.limiter import Limiter, Limits
from lambdas.domain.lineage import Graph
from lambdas.domain.search import Index


class AuditLog(Protocol):
    """The audit events of tenants."""

    def newest(self, tenant_id: str, before: int | None) -> Iterator[AuditEvent]:
        """Events with a `seq` below `before` (None: all), newest first, read page by page as they are asked for."""
        ...


class CanaryEvidence(Protocol):
    """What both versions of a canary delivered; read by the service, never sent by a caller."""

    def samples(self, tenant_id: str, canary: Canary) -> Sequence[Sample]:
        """The samples since the canary began or was resumed, each entity and period once."""
        ...


@dataclass(frozen=True)
class Ports:
    """The service behind the routes.

    Attributes:
        plane: all writes; its store, clock and rules are used for reads too.
        authorizer: who may do what.
        limiter: counts calls of tenants.
        limits: the limits of a tenant.
        idempotency: repeats answers.
        audit: the audit log.
        evidence: what canaries delivered.
        index: the search index of a tenant.
        graph: what runs of a tenant in an environment, as a lineage graph.
        sources: the golden data tables a tenant may read, by id; definitions name them and callers cannot declare others.
        tenants: settings of tenants and where the values of their connections go.
        reads: the catalog, runs, results, incidents and evidence bundles, for looking at.
        runs: starts runs.
        readings: what runs read of their sources.
    """

    plane: ControlPlane
    authorizer: Authorizer
    limiter: Limiter
    limits: Callable[[str], Limits]
    idempotency: Idempotency
    audit: AuditLog
    evidence: CanaryEvidence
    index: Callable[[str], Index]
    graph: Callable[[str, str], Graph]
    sources: Callable[[str], Mapping[str, Source]]
    tenants: TenantPorts
    reads: ReadPorts
    runs: RunStarter
    readings: RunReadings

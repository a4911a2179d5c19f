"""An evidence export as something that is asked for, made by a worker, and fetched.

The request is a catalog row, written with its audit event; whoever reads the audit log's stream starts the worker, so a request cannot
get lost. What becomes of it is an object: the bundle, or why there is none. So the worker writes no row, and comes twice without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from kpis.common import Environment
from lambdas.domain.audit.checkpoint import Signer
from lambdas.domain.audit.evidence import Evidence, Subject, make_bundle
from lambdas.domain.control.unit import ControlStore, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

PATIENCE = timedelta(hours=1)
"""After this long the worker is not coming back: it has 15 minutes, and is tried three times."""
GIVEN_UP = "it was not finished in time; ask for it again, for a shorter period where there are many runs"


class ExportState(StrEnum):
    """What became of an export."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Job:
    """An export that was asked for. Moments are ISO 8601."""

    tenant_id: str
    export_id: str
    environment: Environment
    kpi_id: str
    period_start: str
    period_end: str
    requested_by: str
    requested_at: str
    reason: str

    @property
    def subject(self) -> Subject:
        """What the evidence is about."""
        return Subject(self.tenant_id, self.environment.value, self.kpi_id, self.period_start, self.period_end)

    @property
    def row(self) -> Mapping[str, str]:
        """The job as a catalog row has it."""
        own = ("export_id", "kpi_id", "period_start", "period_end", "requested_by", "requested_at", "reason")
        return {name: str(getattr(self, name)) for name in own} | {"environment": self.environment.value}


def key_of(export_id: str) -> str:
    """The row of an export."""
    return f"evidence#{export_id}"


def job_of(tenant_id: str, row: Row) -> Job:
    """The job in a row."""
    values = {name: row.text(name) for name in ("export_id", "kpi_id", "period_start", "period_end")}
    said = {name: row.text(name) for name in ("requested_by", "requested_at", "reason")}
    return Job(tenant_id=tenant_id, environment=Environment(row.text("environment")), **values, **said)


@dataclass(frozen=True)
class Outcome:
    """What there is of an export. `size` in bytes of the bundle; `problem` in words when there will be none."""

    state: ExportState
    size: int | None = None
    problem: str | None = None


class Bundles(Protocol):
    """Where bundles are kept, by tenant and export."""

    def outcome(self, tenant_id: str, export_id: str) -> Outcome:
        """What there is of it: PENDING where there is nothing."""
        ...

    def keep(self, tenant_id: str, export_id: str, bundle: bytes) -> None:
        """Keep a bundle."""
        ...

    def refuse(self, tenant_id: str, export_id: str, problem: str) -> None:
        """Keep why there is no bundle."""
        ...


class Exports(Protocol):
    """The exports of tenants, as who asks for them sees them."""

    def outcome(self, tenant_id: str, export_id: str) -> Outcome:
        """What there is of it: PENDING where there is nothing."""
        ...

    def link(self, tenant_id: str, export_id: str) -> str:
        """A URL of the bundle, good for `LINK_TIME` (lambdas.domain.links)."""
        ...


class Gatherer(Protocol):
    """Gathers the evidence; an `Exporter`."""

    def gather(self, subject: Subject, now: datetime) -> Evidence:
        """See `Exporter.gather`."""
        ...


def outcome_of(job: Job, found: Outcome, now: datetime) -> Outcome:
    """What became of a job: what is pending for too long has failed."""
    if found.state is ExportState.PENDING and parse(job.requested_at) + PATIENCE < now:
        return Outcome(ExportState.FAILED, problem=GIVEN_UP)
    return found


def export_evidence(
    store: ControlStore,
    bundles: Bundles,
    gatherer: Callable[[], Gatherer],
    sign: Signer,
    *,
    tenant_id: str,
    export_id: str,
    now: datetime,
) -> ExportState:
    """Make the bundle of an export, unless it is there already, or keep why it cannot be made.

    Raises:
        KpiError: NOT_FOUND when nobody asked for it; INTERNAL and other failures that another try may cure.
    """
    row = store.row(tenant_id, key_of(export_id))
    if row is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"there is no evidence export {export_id} of {tenant_id}")
    known = bundles.outcome(tenant_id, export_id)
    if known.state is not ExportState.PENDING:
        return known.state
    try:
        evidence = gatherer().gather(job_of(tenant_id, row).subject, now)
    except KpiError as error:
        if error.retryable:
            raise
        bundles.refuse(tenant_id, export_id, error.message)
        return ExportState.FAILED
    bundles.keep(tenant_id, export_id, make_bundle(evidence, made_at=iso(now), sign=sign))
    return ExportState.DONE

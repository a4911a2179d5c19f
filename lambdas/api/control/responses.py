"""What callers get."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from kpis.common import Environment
from lambdas.domain.audit.event import Actor, AuditEvent
from lambdas.domain.control.differences import Difference
from lambdas.domain.control.queue import Queued
from lambdas.domain.control.requests import ChangeRequest
from lambdas.domain.control.service import Refusal as Refused
from lambdas.domain.errors import ErrorCode
from lambdas.domain.lineage import ColumnUse, ImpactReport


class Answer(BaseModel):
    """Every answer; new members may come, so clients pass over what they do not know."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Receipt(Answer):
    """What a write did: the audit event it is recorded by. `seq` and `hash` are its place in the tenant's chain."""

    event_id: str
    seq: int
    hash: str
    at: str
    action: str
    object_type: str
    object_id: str
    environment: Environment | None
    actor: Actor
    approvers: tuple[str, ...]
    request_id: str | None
    before: str | None
    after: str | None
    details: dict[str, JsonValue]


_INNER = frozenset({"intent", "notify"})
"""Details for the machinery, not for callers."""


def receipt(event: AuditEvent) -> Receipt:
    """An event as callers see it."""
    shown = {name: getattr(event, name) for name in Receipt.model_fields if name != "details"}
    return Receipt(**shown, details={name: value for name, value in event.details.items() if name not in _INNER})


class VersionSummary(Answer):
    """One version; `row_version` is what an update has to name. `runs`: it is the one that runs."""

    contract_version: str
    status: str
    definition_hash: str
    row_version: int
    updated_at: str
    authors: tuple[str, ...]
    promoted_from: str | None
    runs: bool


class VersionList(Answer):
    """All versions of a KPI, oldest first, with the request and the canary under way."""

    kpi_id: str
    environment: Environment
    versions: tuple[VersionSummary, ...]
    active_version: str | None
    previous_versions: tuple[str, ...]
    open_request: str | None
    canary: dict[str, JsonValue] | None


class VersionDiff(Answer):
    """Where a version differs from another; `against` is None when there was nothing to compare with."""

    kpi_id: str
    version: str
    against: str | None
    differences: tuple[Difference, ...]


class RequestSummary(Answer):
    """A change request in a list."""

    request_id: str
    kpi_id: str
    contract_version: str
    action: str
    state: str
    criticality: str
    requested_by: str
    justification: str
    missing: tuple[str, ...]
    created_at: str
    expires_at: str
    waiting_until: str | None


class RequestPage(Answer):
    """Change requests, the oldest first."""

    items: tuple[RequestSummary, ...]
    next_cursor: str | None


class RequestDetail(Answer):
    """All of a change request. A decision names the `content_hash` it is about."""

    request: ChangeRequest
    content_hash: str
    missing: tuple[str, ...]


def request_summary(entry: Queued) -> RequestSummary:
    """A request in a list."""
    return RequestSummary.model_validate(entry.model_dump(mode="json"))


class AuditPage(Answer):
    """Events, newest first, whole: their hashes can be computed again."""

    items: tuple[AuditEvent, ...]
    next_cursor: str | None


class Excerpt(Answer):
    """Where words were found; `pieces` are text and whether it is a hit."""

    part: str
    pieces: tuple[tuple[str, bool], ...]


class Hit(Answer):
    """One definition found."""

    kpi_id: str
    contract_version: str
    environment: str
    name: str
    facets: dict[str, str]
    score: float
    excerpts: tuple[Excerpt, ...]


class SearchPage(Answer):
    """Definitions, best first, with numbers per facet and value."""

    items: tuple[Hit, ...]
    total: int
    counts: dict[str, dict[str, int]]
    next_cursor: str | None


class ColumnRead(Answer):
    """A column of golden data behind the KPI and how the KPI uses it, the strongest use first."""

    source: str
    column: str
    uses: tuple[ColumnUse, ...]


class LineageAnswer(Answer):
    """Nodes and links around a KPI; `format=mermaid` and `format=svg` answer the same as a drawing.

    A link's `evidence` is `declared`, `observed` (only a run read it) or `both`, with the latest run and the version of the source it
    read. `runs_left_out`: KPIs whose runs were not looked at, the farthest ones. `columns` are those of the KPI in the middle.
    """

    root: str
    nodes: list[dict[str, JsonValue]]
    links: list[dict[str, JsonValue]]
    left_out: int
    runs_left_out: int
    columns: tuple[ColumnRead, ...]


class ImpactAnswer(Answer):
    """What a change would touch, and the same in plain words."""

    report: ImpactReport
    sentences: tuple[str, ...]


class Finding(Answer):
    """Whether a kind of person could, and the policies that say so."""

    who: str
    allowed: bool
    policies: tuple[str, ...]
    reason: str


class Simulation(Answer):
    """What the policies say about every kind of person."""

    action: str
    findings: tuple[Finding, ...]


class Refusal(Answer):
    """A KPI that was left as it is."""

    kpi_id: str
    code: ErrorCode
    message: str


class BulkDone(Answer):
    """A KPI that was done; `seq` is the place of its event in the audit log. Short: a thousand of them are still one kept answer."""

    kpi_id: str
    action: str
    seq: int
    request_id: str | None


class BulkAnswer(Answer):
    """What became of every KPI, by id. `left` are those there was no time for; send them in another call."""

    done: tuple[BulkDone, ...]
    refused: tuple[Refusal, ...]
    left: tuple[str, ...]


def bulk_done(event: AuditEvent) -> BulkDone:
    """An event of a bulk action as callers see it."""
    return BulkDone(kpi_id=event.object_id, action=event.action, seq=event.seq, request_id=event.request_id)


def refusal(refused: Refused) -> Refusal:
    """A refusal as callers see it."""
    return Refusal(kpi_id=refused.kpi_id, code=refused.code, message=refused.message)


class Problem(Answer):
    """An error (RFC 9457). `code` is stable; `errors` names the fields of a request that is not valid."""

    type: str
    title: str
    status: int
    code: ErrorCode
    detail: str
    trace_id: str
    errors: list[dict[str, str]] | None = None

"""What is asked about evidence exports, and what is answered."""

from __future__ import annotations

from pydantic import Field

from kpis.common import Environment, KpiId
from lambdas.api.control.requests import Because
from lambdas.api.control.responses import Answer, Receipt
from lambdas.domain.audit.export_jobs import ExportState
from lambdas.domain.model import Moment


class EvidenceRequest(Because):
    """The evidence of a KPI and a half-open period, which has ended."""

    kpi_id: KpiId
    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")


class EvidenceAccepted(Receipt):
    """The audit event of an export that will be made; ask for it by its id."""

    export_id: str
    state: ExportState


class EvidenceExport(Answer):
    """An export. When it is done `url` gives the bundle (a zip of `bytes`) until `url_expires_at`; `problem` says why there is none."""

    export_id: str
    state: ExportState
    kpi_id: str
    environment: Environment
    period_start: str
    period_end: str
    requested_by: str
    requested_at: str
    reason: str
    bytes: int | None
    url: str | None
    url_expires_at: str | None
    problem: str | None

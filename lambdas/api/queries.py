"""Query parameters of the read endpoints, validated all at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kpis.common import KpiId, Layer, ScdView, Status
from lambdas.domain.model import Moment, RunStatus

Limit = Annotated[int, Field(ge=1, le=200)]


class Query(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["dev", "stg", "prod"] = "prod"
    limit: Limit = 50
    cursor: str | None = Field(default=None, max_length=1024)


class KpiQuery(Query):
    """Filters of the catalog; `q` is looked for in id, name and definition, `include` adds each KPI's last run."""

    pack: str | None = None
    layer: Layer | None = None
    owner: str | None = None
    status: Status | None = None
    q: str | None = Field(default=None, max_length=200)
    include: Literal["last_run"] | None = None


class RunQuery(Query):
    """Filters of runs."""

    kpi_id: KpiId | None = None
    status: RunStatus | None = None
    since: Moment | None = None


class ResultQuery(Query):
    """Filters of delivered results; `since` and `until` are about the period's start."""

    kpi_id: KpiId | None = None
    entity: str | None = Field(default=None, max_length=200)
    since: Moment | None = None
    until: Moment | None = None
    scd_view: ScdView = ScdView.AS_REPORTED


class OneKpiQuery(BaseModel):
    """What the detail of a KPI takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Literal["dev", "stg", "prod"] = "prod"
    version: str | None = None


class RunIdPath(BaseModel):
    """A run id in a path."""

    run_id: int = Field(gt=0, lt=2**63)

    @field_validator("run_id", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        if isinstance(value, str) and not value.isdigit():
            raise ValueError("a run id is a number")
        return value

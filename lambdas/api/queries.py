"""Query parameters of the browsing endpoints, validated all at once."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kpis.common import Environment, Frozen, KpiId, Layer, ScdView, Semver, Status
from lambdas.api.control.requests import List, Place
from lambdas.domain.model import Moment, RunStatus


class KpiQuery(List):
    """Filters of the catalog; `q` is looked for in id, name and definition, `include` adds each KPI's last run."""

    pack: str | None = None
    layer: Layer | None = None
    owner: str | None = None
    status: Status | None = None
    version: Semver | None = None
    q: str | None = Field(default=None, max_length=200)
    include: Literal["last_run"] | None = None


class RunQuery(List):
    """Filters of runs."""

    kpi_id: KpiId | None = None
    status: RunStatus | None = None
    since: Moment | None = None


class ResultQuery(List):
    """Filters of delivered results; `since` and `until` are about the period's start."""

    kpi_id: KpiId | None = None
    entity: str | None = Field(default=None, max_length=200, pattern=r"^[^\x00]*$")
    since: Moment | None = None
    until: Moment | None = None
    scd_view: ScdView = ScdView.AS_REPORTED


class OneKpiQuery(Place):
    """What the detail of a KPI takes; `version`: the one that runs unless given."""

    version: Semver | None = None


class OneRunQuery(Frozen):
    """What the detail of a run takes. Without `environment` the run is looked for in all the token grants, production among them."""

    environment: Environment | None = None

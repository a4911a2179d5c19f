"""What browsing answers: KPIs, runs and results. A member without a value that the source lacks altogether is left out."""

from __future__ import annotations

from pydantic import JsonValue

from lambdas.api.control.responses import Answer

Number = int | float | None


class RunShown(Answer):
    """A run: the columns of `kpi_log_run`, its period, and what it delivered. Without `status` it is in flight, or lost.

    `value` is that of the tenant's total, or of the first entity (`entity`).
    """

    run_id: str
    tenant_id: str
    environment: str
    region: str | None = None
    kpi_id: str
    contract_version: str
    variant_label: str | None = None
    trigger_type: str | None = None
    triggered_by: str | None = None
    schedule_cron: str | None = None
    started_at: str
    finished_at: str | None = None
    status: str | None = None
    rows_processed: int | None = None
    sla_breached: bool | None = None
    retry_seq: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    lineage_ref: str | None = None
    time_range: str | None = None
    verdict: str | None = None
    unit: str | None = None
    entity: str | None = None
    value: Number = None


class BannerShown(Answer):
    """The text of a maintenance, and when it is expected to end (ISO 8601)."""

    text: str
    eta: str


class PauseShown(Answer):
    """Why a KPI does not run now. Without `until` it is paused until someone resumes it; `scope` is `kpi`, or `global` for everything."""

    pause_id: str
    scope: str
    since: str
    until: str | None
    reason: str
    banner: BannerShown | None


class KpiSummary(Answer):
    """One version in a list; `last_run` when it was asked for, `pause` while the KPI is paused."""

    kpi_id: str
    name: str | None = None
    pack: str | None = None
    layer: str | None = None
    owner: str | None = None
    status: str | None = None
    contract_version: str | None = None
    definition_hash: str | None = None
    criticality: str | None = None
    unit: str | None = None
    grain: str | None = None
    environment: str | None = None
    updated_at: str | None = None
    last_run: RunShown | None = None
    pause: PauseShown | None = None


class KpiPage(Answer):
    """Versions of the catalog, by KPI and version."""

    items: tuple[KpiSummary, ...]
    next_cursor: str | None


class VersionShown(Answer):
    """A version of a KPI in short."""

    contract_version: str
    status: str | None = None
    definition_hash: str | None = None
    updated_at: str | None = None


class KpiDetail(KpiSummary):
    """A version with its definition as the dictionary writes it, the tables it reads, which versions there are, and what is paused."""

    definition: dict[str, JsonValue]
    sources: list[JsonValue]
    active_version: str | None
    versions: tuple[VersionShown, ...]
    paused_entities: tuple[str, ...] = ()


class RunPage(Answer):
    """Runs, newest first."""

    items: tuple[RunShown, ...]
    next_cursor: str | None


class RunDetail(Answer):
    """A run with its rows of all five log tables; `entries` are the rows the run itself is folded from."""

    run: RunShown
    entries: tuple[str, ...]
    sourcing: list[dict[str, JsonValue]]
    pre_validation: list[dict[str, JsonValue]]
    post_validation: list[dict[str, JsonValue]]
    delivery: list[dict[str, JsonValue]]
    links: dict[str, str]


class ResultShown(Answer):
    """A delivered value."""

    run_id: str
    kpi_id: str
    contract_version: str
    variant_label: str | None
    entity: str
    period_start: str
    period_end: str
    time_grain: str
    scd_view: str
    value: Number
    unit: str | None
    verdict: str | None
    rows_processed: int | None
    extensions: JsonValue
    flags: JsonValue
    delivered_at: str


class ResultPage(Answer):
    """Current results, newest period first."""

    items: tuple[ResultShown, ...]
    next_cursor: str | None

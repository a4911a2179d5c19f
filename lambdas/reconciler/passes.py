"""A full pass over one tenant: find drift, confirm it, mend it, count it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from kpis.metric_names import Metric
from lambdas.domain import drift
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import Pause, read_pauses
from lambdas.domain.control.unit import Row
from lambdas.domain.drift import Difference, Finding, Grade, Part
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import TenantSettings
from lambdas.domain.search import IndexState
from lambdas.reconciler.parts import Parts, logger

SETTLING_SECONDS = 5.0
"""What an administrator did a moment ago is still on its way through the stream; only what differs after this long is drift."""


@dataclass
class Mended:
    """What a pass mended, by part."""

    schedules: list[str] = field(default_factory=list[str])
    mute_rules: list[str] = field(default_factory=list[str])
    dashboards: list[str] = field(default_factory=list[str])
    index: bool = False
    failed: dict[str, str] = field(default_factory=dict[str, str])

    def as_json(self) -> dict[str, Any]:
        return {
            "schedules": self.schedules[: drift.LISTED],
            "schedules_mended": len(self.schedules),
            "mute_rules": self.mute_rules,
            "dashboards": self.dashboards,
            "index": self.index,
            "failed": dict(list(self.failed.items())[: drift.LISTED]),
        }


@dataclass(frozen=True)
class TenantPass:
    """Passes over one tenant in one environment."""

    parts: Parts
    tenant: TenantSettings

    def plan(self) -> list[Finding]:
        """What differs, and still does after a few seconds; nothing when the tenant was offboarded meanwhile."""
        findings = self._found()
        if not findings:
            return []
        self.parts.sleep(SETTLING_SECONDS)
        if self.parts.store.row(self.tenant.tenant_id, f"{self.tenant.environment}#tenant") is None:
            return []
        schedules = {each.name for each in findings if each.part is Part.SCHEDULE}
        still = set(self._rest()) if len(schedules) < len(findings) else set[Finding]()
        lasting = self.parts.schedules.confirmed(self.tenant, schedules)
        return drift.worst_first(each for each in findings if (each.name in lasting if each.part is Part.SCHEDULE else each in still))

    def mend(self, findings: Sequence[Finding]) -> Mended:
        """Bring everything that was found in step; what fails is told and holds up nothing else."""
        parts, tenant, mended = self.parts, self.tenant, Mended()

        def failed(name: str, error: Exception) -> None:
            logger.warning("%s of %s.%s was not mended: %s", name, tenant.tenant_id, tenant.environment, error)
            mended.failed[name] = type(error).__name__

        names = [each.name for each in findings if each.part is Part.SCHEDULE]
        mended.schedules = parts.schedules.apply(tenant, names, failed) if names else []
        try:
            mended.mute_rules = parts.mutes.apply(self._stem, self._pauses(), parts.clock.now())
        except Exception as error:  # noqa: BLE001 - told, and tried again by the next pass
            failed("mute rules", error)
        try:
            mended.dashboards = (
                parts.dashboards.apply(tenant.tenant_id, tenant.environment)
                if any(each.part is Part.DASHBOARD for each in findings)
                else []
            )
        except Exception as error:  # noqa: BLE001 - told, and tried again by the next pass
            failed("dashboards", error)
        if any(each.part is Part.INDEX for each in findings):
            try:
                parts.index.rebuild(tenant.tenant_id)
                mended.index = True
            except KpiError as error:
                failed("search index", error)
        return mended

    def count(self, findings: Sequence[Finding]) -> None:
        """Publish how much drift there is, also when there is none."""
        grades = drift.by_grade(findings)
        self.parts.metrics.emit(self.tenant.tenant_id, self.tenant.environment, {Metric.KPI_DRIFT: float(len(findings))}, grades)

    @property
    def _stem(self) -> str:
        return self.parts.stem(self.tenant.tenant_id, self.tenant.environment)

    def _found(self) -> list[Finding]:
        return [*self.parts.schedules.plan(self.tenant), *self._rest()]

    def _rest(self) -> list[Finding]:
        """Drift of what is compared as a whole."""
        mutes = self.parts.mutes.plan(self._stem, self._pauses(), self.parts.clock.now())
        boards = self.parts.dashboards.plan(self.tenant.tenant_id, self.tenant.environment)
        return [*mutes, *boards, *indexed(self.parts.index.state(self.tenant.tenant_id), self.tenant.environment)]

    def _pauses(self) -> list[Pause]:
        prefix = keys.pauses(self.tenant.environment)
        rows = self.parts.catalog.rows(self.tenant.tenant_id, prefix, consistent=True)
        return list(read_pauses(Row(str(row["sk"]), row) for row in rows))


def indexed(state: IndexState, environment: str) -> list[Finding]:
    """What the search index says that the catalog does not, in one environment."""
    if state.etag is None:
        missing = Finding(Part.INDEX, "index", Difference.MISSING, Grade.MEDIUM, f"{state.in_catalog} definitions are not found")
        return [missing] if state.in_catalog else []
    kinds = (
        (Difference.MISSING, [name for name in state.missing if name.startswith(f"{environment}#")], "search does not find it"),
        (Difference.EXTRA, [name for name in state.extra if name.endswith(f"#{environment}")], "search finds what is not there"),
        (Difference.DIFFERENT, [name for name in state.outdated if name.startswith(f"{environment}#")], "search shows an older one"),
    )
    return [Finding(Part.INDEX, name, kind, Grade.MEDIUM, detail) for kind, names, detail in kinds for name in names]


def tenant_of(parts: Parts, tenant_id: str, environment: str) -> TenantSettings:
    """A registered tenant.

    Raises:
        KpiError: NOT_FOUND.
    """
    tenant = parts.catalog.tenant(tenant_id, environment)
    if tenant is None:
        raise KpiError(ErrorCode.NOT_FOUND, f"no stack registered {tenant_id} in {environment}; deploy its stack {tenant_id}.{environment}")
    return tenant

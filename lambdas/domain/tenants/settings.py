"""Changing the settings of a tenant (K26): the whole of what differs from the deployed ones, in one commit with its event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Call, Desk
from lambdas.domain.control.keys import versions
from lambdas.domain.control.unit import Put
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.limiter import Limits
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.directory import TenantDirectory
from lambdas.domain.tenants.model import Overrides


@dataclass(frozen=True)
class SettingsDesk:
    """Writes settings; the stack's config says how far they may go."""

    desk: Desk
    directory: TenantDirectory

    def change(self, call: Call, overrides: Overrides, seen: int | None = None) -> AuditEvent:
        """Replace what differs from the deployed settings. What `overrides` leaves out goes back to what was deployed.

        Args:
            call: who and why.
            overrides: all that is to differ.
            seen: the row_version the change was made from, 0 for none yet; None: the last writer wins.

        Raises:
            KpiError: NOT_FOUND when no stack registered the tenant here, or for a dashboard of a KPI that there is not; INVALID_INPUT
                for limits that may not be set here or are above the deployed ones; CONFLICT when the settings changed since they were
                seen.
        """
        content = overrides.model_dump(mode="json", exclude_unset=True)
        step = self.desk.begin(call, "settings.edit", "settings", call.environment.value, settings=content, seen=seen)
        if step.done is not None:
            return step.done
        self._within(call, overrides.limits)
        before, row = self.directory.overrides(call.tenant_id, call.environment)
        self._known(call, set(overrides.dashboards or ()) - set(before.dashboards or ()))
        text = overrides.model_dump_json(exclude_unset=True)
        put = Put(keys.settings(call.environment), {"settings": text}, expectation(row) if seen is None else seen)
        event = step.commit(
            [put],
            before=_hash(before) if row else None,
            after=_hash(overrides),
            settings=content,
            changed=[name for name in Overrides.model_fields if getattr(before, name) != getattr(overrides, name)],
        )
        self.directory.forget(call.tenant_id)
        return event

    def _known(self, call: Call, kpi_ids: Iterable[str]) -> None:
        """A KPI that is not there is a typing error; one that was there may have gone since."""
        for kpi_id in sorted(kpi_ids):
            if next(self.desk.store.rows(call.tenant_id, versions(call.environment, kpi_id)), None) is None:
                raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {kpi_id} in {call.environment}; dashboards names KPIs of the catalog")

    def _within(self, call: Call, limits: Limits | None) -> None:
        deployed = self.directory.deployed(call.tenant_id, call.environment)
        if deployed is None:
            # Says which stack to deploy.
            self.directory.settings(call.tenant_id, call.environment)
            return
        if limits is None:
            return
        home = self.directory.home_of(call.tenant_id)
        if home is not call.environment:
            raise KpiError(ErrorCode.INVALID_INPUT, f"limits are one for all environments of a tenant; set them in {home}")
        most = deployed.governance.limits
        if limits.reads > most.reads or limits.writes > most.writes:
            raise KpiError(
                ErrorCode.INVALID_INPUT,
                f"the tenant's stack allows {most.reads} reads and {most.writes} writes a minute at the most; "
                "raise them in its config (key limits) first",
            )


def _hash(overrides: Overrides) -> str:
    return hashlib.sha256(overrides.model_dump_json(exclude_unset=True).encode()).hexdigest()

"""Changes of the catalog, as its stream brings them: schedules, mute rules, dashboards and the search index follow within seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kpis.common import Environment
from lambdas.adapters.items import from_item
from lambdas.domain.control import keys
from lambdas.domain.control.pauses import read_pauses
from lambdas.domain.control.unit import Row
from lambdas.domain.reconcile_schedules import UnschedulableError
from lambdas.domain.search import ChangedRow
from lambdas.reconciler.parts import Parts, logger

ACTIVE, DEFINITION, PAUSE, SETTINGS = "active", "kpi", "pause", "settings"
KINDS = (ACTIVE, DEFINITION, PAUSE)
"""Second parts of the keys that the reconciler follows, beside that of settings; the event source mapping lets only these through."""
_KIND, _KPI = 1, 2


@dataclass
class _Tenant:
    """Changes of one tenant, with the position of the record that brought each."""

    schedules: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    pauses: dict[str, int] = field(default_factory=dict[str, int])
    settings: dict[str, int] = field(default_factory=dict[str, int])
    rows: list[ChangedRow] = field(default_factory=list[ChangedRow])
    first_row: int = 0


@dataclass
class StreamBatch:
    """One batch of stream records. Each may come twice, and late: what is written is read from the catalog then."""

    parts: Parts
    failed: set[int] = field(default_factory=set[int])

    def handle(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Bring in step what changed. Answers the sequence number from which the stream is to be delivered again, if any."""
        for tenant_id, changes in self._by_tenant(records).items():
            self._schedules(tenant_id, changes)
            self._mutes(tenant_id, changes)
            self._dashboards(tenant_id, changes)
            self._index(tenant_id, changes)
        return [str(records[min(self.failed)]["dynamodb"]["SequenceNumber"])] if self.failed else []

    def _by_tenant(self, records: Sequence[Mapping[str, Any]]) -> dict[str, _Tenant]:
        tenants: dict[str, _Tenant] = {}
        for position, record in enumerate(records):
            data: Mapping[str, Any] = record["dynamodb"]
            tenant_id, key = str(data["Keys"]["pk"]["S"]), str(data["Keys"]["sk"]["S"])
            words = key.split("#")
            if words[0] not in set(Environment):
                continue
            if words[_KIND:] == [SETTINGS]:
                tenants.setdefault(tenant_id, _Tenant()).settings.setdefault(words[0], position)
                continue
            if len(words) <= _KPI or words[_KIND] not in KINDS:
                continue
            changes = tenants.setdefault(tenant_id, _Tenant())
            if words[_KIND] == PAUSE:
                changes.pauses.setdefault(words[0], position)
                continue
            changes.schedules.setdefault((words[0], words[_KPI]), position)
            if words[_KIND] == DEFINITION:
                changes.first_row = changes.first_row if changes.rows else position
                changes.rows.append(ChangedRow(key, from_item(data["NewImage"]) if "NewImage" in data else None))
        return tenants

    def _schedules(self, tenant_id: str, changes: _Tenant) -> None:
        for environment in sorted({environment for environment, _ in changes.schedules}):
            tenant = self.parts.catalog.tenant(tenant_id, environment)
            if tenant is None:
                continue

            def failed(name: str, error: Exception, environment: str = environment) -> None:
                if isinstance(error, UnschedulableError):  # coming again would not help; the pass tells it as drift
                    logger.warning("%s.%s: %s", tenant_id, environment, error)
                    return
                self._failed(changes.schedules[environment, name], f"schedule {name} of {tenant_id}.{environment}", error)

            names = [kpi_id for where, kpi_id in changes.schedules if where == environment]
            self.parts.schedules.apply(tenant, names, failed)

    def _mutes(self, tenant_id: str, changes: _Tenant) -> None:
        for environment, position in changes.pauses.items():
            try:
                rows = self.parts.catalog.rows(tenant_id, keys.pauses(environment), consistent=True)
                pauses = read_pauses(Row(str(row["sk"]), row) for row in rows)
                self.parts.mutes.apply(self.parts.stem(tenant_id, environment), pauses, self.parts.clock.now())
            except Exception as error:  # noqa: BLE001 - the batch is delivered again from here
                self._failed(position, f"mute rules of {tenant_id}.{environment}", error)

    def _dashboards(self, tenant_id: str, changes: _Tenant) -> None:
        """After a change of the settings, or of a KPI that they name."""
        for environment in sorted({*changes.settings, *(environment for environment, _ in changes.schedules)}):
            positions = [changes.settings[environment]] if environment in changes.settings else []
            try:
                if self.parts.catalog.tenant(tenant_id, environment) is None:
                    continue
                asked = self.parts.dashboards.asked(tenant_id, environment)
                positions += [at for (where, kpi_id), at in changes.schedules.items() if where == environment and kpi_id in asked]
                if positions:
                    self.parts.dashboards.apply(tenant_id, environment)
            except Exception as error:  # noqa: BLE001 - the batch is delivered again from here
                first = min(positions) if positions else min(at for (where, _), at in changes.schedules.items() if where == environment)
                self._failed(first, f"dashboards of {tenant_id}.{environment}", error)

    def _index(self, tenant_id: str, changes: _Tenant) -> None:
        if not changes.rows:
            return
        try:
            self.parts.index.index_changes(tenant_id, changes.rows)
        except Exception as error:  # noqa: BLE001 - the batch is delivered again from here
            self._failed(changes.first_row, f"search index of {tenant_id}", error)

    def _failed(self, position: int, what: str, error: Exception) -> None:
        logger.warning("%s is not in step, its changes are delivered again: %s", what, error)
        self.failed.add(position)

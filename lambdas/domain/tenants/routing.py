"""Writing alert routes and report subscriptions (K24)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Call, Desk
from lambdas.domain.control.keys import versions
from lambdas.domain.control.unit import Delete, Put
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.listeners import ReportSubscription, TenantAlertRoute

MOST = 200
"""Routes of a tenant in an environment, and report subscriptions: every alert looks at all of them."""
Entry = TypeVar("Entry", TenantAlertRoute, ReportSubscription)


@dataclass(frozen=True)
class Numbered(Generic[Entry]):
    """An entry under its id. `row_version` is what a change of it may name."""

    ident: str
    row_version: int
    entry: Entry


@dataclass(frozen=True)
class Book(Generic[Entry]):
    """The alert routes or the report subscriptions of tenants."""

    desk: Desk
    model: type[Entry]

    @property
    def _names(self) -> tuple[str, str, str]:
        """The object's name and the actions that write and remove it, as the policies call them."""
        if self.model is TenantAlertRoute:
            return "alert_route", "alert_route.edit", "alert_route.remove"
        return "report", "report.subscribe", "report.unsubscribe"

    def _key(self, environment: str, ident: str) -> str:
        return keys.alert_route(environment, ident) if self.model is TenantAlertRoute else keys.report(environment, ident)

    def listed(self, tenant_id: str, environment: str) -> Iterator[Numbered[Entry]]:
        """All entries, by id."""
        prefix = self._key(environment, "")
        for row in self.desk.store.rows(tenant_id, prefix):
            yield Numbered(row.key.removeprefix(prefix), row.row_version, self.model.model_validate_json(row.text("entry")))

    def find(self, tenant_id: str, environment: str, ident: str) -> Numbered[Entry]:
        """One entry.

        Raises:
            KpiError: NOT_FOUND.
        """
        row = self.desk.store.row(tenant_id, self._key(environment, ident))
        if row is None:
            raise self._missing(environment, ident)
        return Numbered(ident, row.row_version, self.model.model_validate_json(row.text("entry")))

    def write(self, call: Call, ident: str, entry: Entry, seen: int | None = None) -> AuditEvent:
        """Make or replace an entry. `seen`: the row_version the change was made from; None: the last writer wins.

        Raises:
            KpiError: NOT_FOUND when there is no such KPI; CONFLICT when the entry changed since it was seen; INVALID_INPUT when
                there are too many.
        """
        name, action, _ = self._names
        content = entry.model_dump(mode="json", exclude_none=True)
        step = self.desk.begin(call, action, name, ident, entry=content, seen=seen)
        if step.done is not None:
            return step.done
        self._exists(call, entry)
        row = self.desk.store.row(call.tenant_id, self._key(call.environment, ident))
        if row is None and sum(1 for _ in self.listed(call.tenant_id, call.environment)) >= MOST:
            raise KpiError(ErrorCode.INVALID_INPUT, f"there are {MOST} in {call.environment} already; remove one first")
        expect = expectation(row) if seen is None else seen
        put = Put(self._key(call.environment, ident), {"entry": entry.model_dump_json()}, expect)
        return step.commit([put], replaced=row is not None, entry=content)

    def remove(self, call: Call, ident: str) -> AuditEvent:
        """Take an entry away.

        Raises:
            KpiError: NOT_FOUND.
        """
        name, _, action = self._names
        step = self.desk.begin(call, action, name, ident)
        if step.done is not None:
            return step.done
        row = self.desk.store.row(call.tenant_id, self._key(call.environment, ident))
        if row is None:
            raise self._missing(call.environment, ident)
        entry = self.model.model_validate_json(row.text("entry"))
        return step.commit([Delete(row.key, row.row_version)], entry=entry.model_dump(mode="json", exclude_none=True))

    def _exists(self, call: Call, entry: Entry) -> None:
        """A pack may come later; a KPI that is not there is a typing error."""
        if entry.kpi_id is not None and next(self.desk.store.rows(call.tenant_id, versions(call.environment, entry.kpi_id)), None) is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"there is no KPI {entry.kpi_id} in {call.environment}")

    def _missing(self, environment: str, ident: str) -> KpiError:
        return KpiError(ErrorCode.NOT_FOUND, f"there is no {self._names[0].replace('_', ' ')} {ident} in {environment}")

"""Settings of tenants as they apply now: two catalog rows each, kept for a short while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from kpis.common import Environment
from lambdas.domain.control.policy import Freeze, Policy
from lambdas.domain.control.unit import OneRow, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.limiter import Limits
from lambdas.domain.tenants import keys
from lambdas.domain.tenants.model import Deployed, Effective, Overrides, effective
from lambdas.domain.timestamps import iso

Model = TypeVar("Model", bound=BaseModel)
KEPT_LIMITS = 30.0
"""Seconds. Every call asks for the limits, and they rarely change."""
KEPT_POLICY = 1.0
"""Seconds. Only writes ask for the rules of change, and a freeze must hold at once; a bulk action reads them once a second."""
_KNOWN = 2000
"""Answers that are kept; the oldest goes first."""
_NEAREST = (Environment.PRD, Environment.STG, Environment.DEV)


class TenantDirectory:
    """Answers for every tenant, also for one that no stack registered: it has the defaults of the product."""

    def __init__(self, rows: OneRow, monotonic: Callable[[], float]) -> None:
        self._rows = rows
        self._monotonic = monotonic
        self._kept: OrderedDict[tuple[str, str], tuple[float, Any]] = OrderedDict()

    def policy_of(self, tenant_id: str, environment: str) -> Policy:
        """The rules of change, with the holidays of the calendar as freezes; at most a second old."""
        return self._lately((tenant_id, environment), KEPT_POLICY, lambda: self._policy(tenant_id, Environment(environment)))

    def limits_of(self, tenant_id: str) -> Limits:
        """Calls a minute; at most 30 seconds old. They are one number for the tenant, kept with `home_of` it."""
        return self._lately((tenant_id, ""), KEPT_LIMITS, lambda: self._limits(tenant_id))

    def settings(self, tenant_id: str, environment: Environment) -> Effective:
        """The settings as they are at this moment.

        Raises:
            KpiError: NOT_FOUND when no stack registered the tenant in the environment.
        """
        deployed = self.deployed(tenant_id, environment)
        if deployed is None:
            raise KpiError(
                ErrorCode.NOT_FOUND, f"no stack registered {tenant_id} in {environment}; deploy its stack {tenant_id}.{environment} first"
            )
        return effective(tenant_id, environment, deployed, self.overrides(tenant_id, environment)[0])

    def deployed(self, tenant_id: str, environment: Environment) -> Deployed | None:
        """What the stack registered; None when there is none."""
        row = self._rows.row(tenant_id, keys.deployed(environment))
        return _read(Deployed, row) if row else None

    def overrides(self, tenant_id: str, environment: Environment) -> tuple[Overrides, Row | None]:
        """What administrators decided, with its row."""
        row = self._rows.row(tenant_id, keys.settings(environment))
        return (_read(Overrides, row) if row else Overrides()), row

    def home_of(self, tenant_id: str) -> Environment | None:
        """The registered environment nearest to production: what is one for all environments is set there."""
        return next((each for each in _NEAREST if self._rows.row(tenant_id, keys.deployed(each)) is not None), None)

    def forget(self, tenant_id: str) -> None:
        """Read the tenant anew next time."""
        for key in [key for key in self._kept if key[0] == tenant_id]:
            del self._kept[key]

    def _policy(self, tenant_id: str, environment: Environment) -> Policy:
        deployed = self.deployed(tenant_id, environment) or Deployed()
        found = effective(tenant_id, environment, deployed, self.overrides(tenant_id, environment)[0])
        holidays = tuple(_freeze(each.date, each.name, found.timezone) for each in found.calendar.holidays)
        return found.policy.model_copy(update={"freezes": (*found.policy.freezes, *holidays)})

    def _limits(self, tenant_id: str) -> Limits:
        home = self.home_of(tenant_id)
        return self.settings(tenant_id, home).limits if home else Limits()

    def _lately(self, key: tuple[str, str], seconds: float, read: Callable[[], Any]) -> Any:
        known = self._kept.get(key)
        now = self._monotonic()
        if known is not None and now - known[0] < seconds:
            return known[1]
        found = read()
        self._kept[key] = (now, found)
        self._kept.move_to_end(key)
        if len(self._kept) > _KNOWN:
            self._kept.popitem(last=False)
        return found


def _read(model: type[Model], row: Row) -> Model:
    """The settings in a row. A row nobody can read is a fault of ours, whoever calls."""
    try:
        return model.model_validate_json(row.text("settings"))
    except ValidationError as error:
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_url=False, include_input=False))
        raise KpiError(ErrorCode.INTERNAL, f"the settings in row {row.key} cannot be read: {places}; deploy the tenant's stack") from error


def _freeze(day: str, name: str, timezone: str) -> Freeze:
    """A holiday as a time without changes."""
    start, zone = date.fromisoformat(day), ZoneInfo(timezone)
    first, after = (datetime.combine(each, time(), zone) for each in (start, start + timedelta(days=1)))
    return Freeze(start=iso(first), until=iso(after), reason=f"holiday: {name}")

"""Alert routes and report subscriptions: who is told of what (K24). They import nothing of the control plane: the dispatcher reads them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kpis.common import Frozen, KpiId, Level, Slug

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,180}\.[A-Za-z]{2,24}$", max_length=254)]
Hook = Annotated[str, StringConstraints(pattern=r"^https://[A-Za-z0-9.-]{3,253}(:\d{2,5})?(/[A-Za-z0-9._~/-]*)?$", max_length=400)]
Ident = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]


class AlertKind(StrEnum):
    """What happened to a run, by the detail type of its event on the bus."""

    SLA_BREACH = "kpi.sla.breach"
    RUN_FAILED = "kpi.run.failed"
    ANOMALY = "kpi.run.anomaly"


class About(Frozen):
    """One KPI or all KPIs of a pack."""

    kpi_id: KpiId | None = None
    pack: Slug | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.kpi_id is None) == (self.pack is None):
            raise ValueError("name either a KPI (kpi_id) or a pack")
        return self


class AlertTarget(Frozen):
    """Where a message goes. A webhook has no query and no user: what is in it would be a secret in a row everybody may read."""

    channel: Literal["email", "webhook"]
    address: Email | Hook

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.channel == "email") == self.address.startswith("https://"):
            raise ValueError(f"the address does not fit the channel {self.channel}")
        return self


class TenantAlertRoute(About):
    """Who is told of which alerts. `severity` is the least criticality of a KPI that is worth a message."""

    events: tuple[AlertKind, ...] = Field(default=tuple(AlertKind), min_length=1, max_length=len(AlertKind))
    severity: Level = Level.LOW
    targets: tuple[AlertTarget, ...] = Field(min_length=1, max_length=10)


class ReportSubscription(About):
    """Who gets a report of which KPIs, how often."""

    frequency: Literal["daily", "weekly", "monthly"]
    format: Literal["html", "csv"] = "html"
    recipients: tuple[Email, ...] = Field(min_length=1, max_length=20)

    @property
    def targets(self) -> tuple[AlertTarget, ...]:
        """Whom a report is told to."""
        return tuple(AlertTarget(channel="email", address=each) for each in self.recipients)

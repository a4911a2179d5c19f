"""What the governance worker is asked to do, as it arrives: by schedules, by the state machine, by other functions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kpis.common import Environment


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RequestRef(_Asked):
    """A change request and whose it is."""

    tenant_id: str = Field(min_length=1)
    environment: Environment
    request_id: str = Field(min_length=1)


class Checkpoint(_Asked):
    """Sign how far the audit chains have come. `tenant_id` None: of every tenant with new events."""

    action: Literal["checkpoint"]
    tenant_id: str | None = None


class Tick(_Asked):
    """What the schedule asks every few minutes: `Sweep`, `DeadManCheck`, `Reports`, a pass of the reconciler; hourly `Checkpoint`."""

    action: Literal["tick"]
    tenant_id: str | None = None


class Sweep(_Asked):
    """Close requests whose time is over, and carry out what waited for a window that is open now."""

    action: Literal["sweep"]
    tenant_id: str | None = None


class DeadManCheck(_Asked):
    """Find missing runs."""

    action: Literal["dead-man"]
    tenant_id: str | None = None


class Reports(_Asked):
    """Make the reports that are due and tell whoever subscribed."""

    action: Literal["reports"]
    tenant_id: str | None = None


class LookAt(_Asked):
    """State machine: what does the request wait for?"""

    action: Literal["look"]
    request: RequestRef


class WaitFor(_Asked):
    """State machine: keep the token until something happens to the request; `seen` is the row_version that was looked at."""

    action: Literal["wait"]
    request: RequestRef
    seen: int
    task_token: str = Field(min_length=1)


class CloseOverdue(_Asked):
    """State machine: the time of the request is over."""

    action: Literal["overdue"]
    request: RequestRef


class CarryOn(_Asked):
    """State machine: the change window of the request is open."""

    action: Literal["carry-on"]
    request: RequestRef


class ExportEvidence(_Asked):
    """API: make the evidence bundle that was asked for."""

    action: Literal["export-evidence"]
    tenant_id: str = Field(min_length=1)
    export_id: str = Field(min_length=1)


Action = Checkpoint | Tick | Sweep | DeadManCheck | Reports | LookAt | WaitFor | CloseOverdue | CarryOn | ExportEvidence
ACTIONS: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="action")])

"""What the control plane says about a run that is about to open: not now, or with which version and under which conditions (K21, K28)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lambdas.domain.control.canary import Canary, CanaryState
from lambdas.domain.control.pauses import Pause, pause_of, paused_entities
from lambdas.domain.control.unit import Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import Active, RunRequest, TriggerType
from lambdas.domain.ports import Catalog
from lambdas.domain.redact import message_of


@dataclass(frozen=True)
class Standing:
    """How a KPI stands in an environment: the version that runs, its canary, and the rows of pauses that concern it."""

    active: Active | None
    canary: Canary | None = None
    pauses: tuple[Row, ...] = ()


class OpeningCatalog(Catalog, Protocol):
    """What Open reads of the catalog."""

    def standing(self, tenant_id: str, environment: str, kpi_id: str) -> Standing:
        """Version, canary and pauses as the last commit left them (strongly consistent), for at most one query more than `active`."""
        ...


@dataclass(frozen=True)
class Orders:
    """What a run is to do. `stopped`: nothing, because of this pause; `despite`: the pause that an administrator overrides.

    `entities` is what is left of those asked for (None: all), `excluded` what pauses take out of them. `version` is None where
    nothing is active and the request names none. `canary`: the version is its candidate.
    """

    version: Active | None
    entities: tuple[str, ...] | None
    excluded: tuple[str, ...] = ()
    stopped: Pause | None = None
    despite: Pause | None = None
    canary: Canary | None = None


def orders(request: RunRequest, standing: Standing, at: datetime) -> Orders:
    """Judge a request by the pauses and the canary in force at a moment (of the clock: a pause stops work, whatever period it is about).

    A run computes what is active, unless the request is for a canary that still runs against it: every run has one version, and the
    baseline is always computed first.

    Raises:
        KpiError: INVALID_INPUT when a request that is not manual asks to run during a pause.
    """
    if request.during_pause and request.trigger_type is not TriggerType.MANUAL:
        message = f"only manual runs may run during a pause; {request.kpi_id} was asked to by trigger '{request.trigger_type}'"
        raise KpiError(ErrorCode.INVALID_INPUT, message)
    canary = canary_for(request, standing)
    version = standing.active if canary is None else Active(canary.candidate, canary.candidate_hash)
    whole = pause_of(standing.pauses, request.kpi_id, None, at)
    if whole is not None and not request.during_pause:
        return Orders(version, request.entities, stopped=whole, canary=canary)
    paused = paused_entities(standing.pauses, request.kpi_id, at)
    wanted = request.entities
    excluded = tuple(sorted(paused if wanted is None else paused & set(wanted)))
    of_entity = pause_of(standing.pauses, request.kpi_id, excluded[0], at) if excluded else None
    if request.during_pause:
        return Orders(version, wanted, despite=whole or of_entity, canary=canary)
    left = None if wanted is None else tuple(entity for entity in wanted if entity not in paused)
    if left == () and of_entity is not None:
        return Orders(version, wanted, stopped=of_entity, canary=canary)
    return Orders(version, left, excluded, canary=canary)


def canary_for(request: RunRequest, standing: Standing) -> Canary | None:
    """The canary a request is for, while it runs against what is active; None when it asks for none or that one does not any more."""
    active, canary = standing.active, standing.canary
    if request.canary is None or active is None or canary is None or canary.canary_id != request.canary:
        return None
    against = (canary.baseline, canary.baseline_hash) == (active.contract_version, active.definition_hash)
    return canary if against and canary.state is CanaryState.RUNNING else None


def explained(pause: Pause, environment: str) -> str:
    """Why a run was skipped, for the log: what is paused, until when, which pause, and its reason."""
    eta = pause.banner.eta if pause.banner else pause.until
    until = f"expected back {eta}" if eta else "until someone resumes it"
    what = {"*": "everything"}.get(pause.scope.key, pause.scope.entity or pause.scope.kpi_id)
    of = f" of {pause.scope.kpi_id}" if pause.scope.entity is not None else ""
    return message_of(Exception(f"{what}{of} is paused in {environment}, {until} (pause {pause.pause_id}): {pause.reason}"))

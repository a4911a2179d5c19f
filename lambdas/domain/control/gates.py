"""Gates of a promotion: how a version did in the environment before (K20, K28 A)."""

from __future__ import annotations

from dataclasses import replace

from kpis.common import Environment
from lambdas.domain.control.catalog import Version
from lambdas.domain.control.desk import Call, Desk, Step
from lambdas.domain.control.guardrails import enforce
from lambdas.domain.control.requests import ChangeRequest, Gate, Promotion
from lambdas.domain.control.states import Guard, VersionStatus
from lambdas.domain.timestamps import iso, parse


def measured(desk: Desk, step: Step, origin: Version, source: Environment) -> Promotion:
    """The gates at the moment of a step; `origin` is the version in `source`."""
    call, gates = step.call, desk.rules(step.call).gates
    # What came back by a rollback has run since then, not since it was published.
    starts = [origin.row.text(name) for name in ("published_at", "restored_at")]
    since = parse(max(starts) or origin.row.text("updated_at"))
    figures = desk.record.figures(call.tenant_id, source, origin.kpi.id, origin.number, since)
    seconds = int((step.at - since).total_seconds())
    share = figures.failed / figures.runs if figures.runs else 0.0
    soak = gates.soak.total_seconds()
    return Promotion(
        source=source,
        active_since=iso(since),
        seconds_in_source=seconds,
        gates=(
            Gate(name=f"is active in {source}", passed=origin.status is VersionStatus.ACTIVE, found=origin.status.value),
            Gate(name=f"ran in {source} for {int(soak)} s", passed=seconds >= soak, found=seconds),
            Gate(name=f"has at least {gates.runs} runs in {source}", passed=figures.runs >= gates.runs, found=figures.runs),
            Gate(name=f"at most {gates.failed_share:.0%} of them failed", passed=share <= gates.failed_share, found=round(share, 4)),
        ),
    )


def elsewhere(call: Call, environment: Environment) -> Call:
    """The same call, about another environment."""
    return replace(call, environment=environment)


def measured_again(desk: Desk, step: Step, request: ChangeRequest) -> ChangeRequest:
    """A promotion whose time to go live passed, with its gates as they are now: what is signed again was not only good once.

    Raises:
        KpiError: POLICY_DENY naming gates that do not pass any more.
    """
    if request.promotion is None or request.reopened_at is None:
        return request
    source, call = request.promotion.source, step.call
    origin = desk.shelf(elsewhere(call, source)).version(request.kpi_id, request.contract_version)
    promotion = measured(desk, step, origin, source)
    shelf = desk.shelf(call)
    version = shelf.version(request.kpi_id, request.contract_version)
    situation = desk.situation(call, version, step.at, shelf.active(request.kpi_id))
    enforce((Guard.GATES,), replace(situation, gates=promotion.gates))
    return request.model_copy(update={"promotion": promotion})

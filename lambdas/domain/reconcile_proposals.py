"""Changes of packs that need a sign-off: they become drafts and change requests, as if a person had written them (docs/adr/0008)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kpis.common import Status
from kpis.schema import Kpi, Source
from lambdas.domain.control.desk import Call
from lambdas.domain.control.service import ControlPlane
from lambdas.domain.control.states import Action, VersionStatus
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.reconcile_direct import ACTOR, Scope
from lambdas.domain.reconcile_rows import Known, KnownVersion

REASON = "the packs of the dictionary changed"
_REFUSED = frozenset({ErrorCode.CONFLICT, ErrorCode.POLICY_DENY, ErrorCode.INVALID_INPUT, ErrorCode.NOT_FOUND})


@dataclass(frozen=True)
class Told:
    """What became of a change: `requested` (a request was opened now), `left` with the reason, or neither: nothing was to do."""

    requested: bool = False
    left: str = ""


NOTHING = Told()


@dataclass(frozen=True)
class Proposals:
    """Writes drafts and asks for their publication through the control plane; repeated, it does nothing. `dry_run` only tells."""

    plane: ControlPlane
    scope: Scope
    dry_run: bool = False

    def changed(self, kpi: Kpi, sources: Mapping[str, Source], hashed: str, known: Known) -> Told:
        """A definition that differs from the catalog's, or is new to it."""
        if kpi.status is Status.RETIRED:
            return Told(left="the packs say it is retired; retire it in the control plane")
        before = known.versions.get(kpi.contract_version)
        if before is not None and not before.editable:
            whose = "ran" if before.row.text("ran_at") or before.status not in ("draft", "proposed") else "was written by a person"
            return Told(left=f"{kpi.contract_version} {whose} with other content; give the change a new version")
        if self.dry_run:
            return Told(requested=True)
        try:
            if before is None:
                self.plane.definitions.create(self._call(kpi, "create", hashed), kpi, sources)
            else:
                seen = before.row.row_version
                self.plane.definitions.update(self._call(kpi, f"edit{seen}", hashed), kpi, sources, seen=seen)
                if before.status == VersionStatus.PROPOSED:
                    return Told(requested=True)
            return self._submitted(kpi, hashed)
        except KpiError as error:
            return _refused(error)

    def pending(self, kpi: Kpi, hashed: str, before: KnownVersion, known: Known) -> Told:
        """A definition that is as the packs say. What they want of it is asked for once, whatever became of that."""
        if kpi.status in (Status.DEPRECATED, Status.RETIRED) and known.running is before:
            return self.gone(kpi.id, known)
        if before.status != VersionStatus.DRAFT or not before.editable or kpi.status is not Status.ACTIVE:
            return NOTHING
        call = self._call(kpi, "submit", hashed)
        if self.plane.store.event(call.tenant_id, call.event_id) is not None:
            return NOTHING
        if self.dry_run:
            return Told(requested=True)
        try:
            return self._submitted(kpi, hashed)
        except KpiError as error:
            return _refused(error)

    def gone(self, kpi_id: str, known: Known) -> Told:
        """A KPI that runs and that the packs deprecate or no longer have: its deprecation is asked for once."""
        running = known.running
        if running is None or running.status != VersionStatus.ACTIVE:
            return NOTHING
        event_id = f"packs:{self.scope.environment}:{kpi_id}:{running.number}:gone"
        call = Call(
            self.scope.tenant_id,
            self.scope.environment,
            ACTOR,
            f"{REASON}: {kpi_id} is deprecated by them or not in them any more",
            event_id,
        )
        if self.plane.store.event(call.tenant_id, call.event_id) is not None:
            return NOTHING
        if self.dry_run:
            return Told(requested=True)
        try:
            self.plane.approvals.submit(call, kpi_id, running.number, Action.DEPRECATE)
        except KpiError as error:
            return _refused(error)
        return Told(requested=True)

    def _submitted(self, kpi: Kpi, hashed: str) -> Told:
        if kpi.status is not Status.ACTIVE:
            return NOTHING
        self.plane.approvals.submit(self._call(kpi, "submit", hashed), kpi.id, kpi.contract_version)
        return Told(requested=True)

    def _call(self, kpi: Kpi, what: str, hashed: str) -> Call:
        event_id = f"packs:{self.scope.environment}:{kpi.id}:{kpi.contract_version}:{what}:{hashed[:24]}"
        return Call(self.scope.tenant_id, self.scope.environment, ACTOR, REASON, event_id)


def _refused(error: KpiError) -> Told:
    """What the control plane does not allow is told; what failed is raised, to be tried again.

    Raises:
        KpiError: the error, unless it is a refusal.
    """
    if error.code not in _REFUSED:
        raise error
    return Told(left=error.message)

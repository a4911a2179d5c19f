"""Pausing and resuming, and the banner of a maintenance (K21, K28 B)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.catalog import expectation
from lambdas.domain.control.desk import Call, Desk, Notify, Step
from lambdas.domain.control.pauses import Banner, Pause, Scope, ScopeKind, key_of
from lambdas.domain.control.states import ADMINS
from lambdas.domain.control.unit import Put, Row
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso, parse

_SHOWN = 40
"""Characters of an ETA that a message repeats."""


@dataclass(frozen=True)
class Pausing:
    """Pauses by scope. They need no sign-off: stopping is safe, and urgent."""

    desk: Desk

    def pause(
        self, call: Call, scope: Scope, *, start: datetime | None = None, until: datetime | None = None, banner: Banner | None = None
    ) -> AuditEvent:
        """Keep a scope from running, from `start` (default: now) until `until` (default: until someone resumes it).

        A `start` that has passed counts as now: a pause does not excuse runs that were missed before anybody asked for it.

        Raises:
            KpiError: CONFLICT when the scope is paused already; NOT_FOUND for a KPI that does not run; INVALID_INPUT for times in
                the wrong order or an ETA that is none; POLICY_DENY for a pause of everything that would not end by itself soon enough.
        """
        arguments = {
            "scope": scope.key,
            "start": _text(start),
            "until": _text(until),
            "banner": banner.model_dump_json() if banner else None,
        }
        step = self.desk.begin(call, "kpi.pause" if banner is None else "kpi.maintenance", *_object(call, scope), **arguments)
        if step.done is not None:
            return step.done
        _admin(call)
        begin = max(start or step.at, step.at)
        self._allowed(step, scope, begin, until)
        _expected(banner, begin)
        row, earlier = self._read(call, scope)
        if earlier is not None and not earlier.over(step.at):
            raise KpiError(ErrorCode.CONFLICT, f"{scope.key} is paused since {earlier.start} ({earlier.reason}); resume it first")
        owed = max(earlier.proof_owed(step.at), default=None) if earlier else None
        pause = Pause(
            pause_id=self.desk.new_id(),
            scope=scope,
            start=iso(begin),
            until=_text(until),
            reason=call.reason,
            by=call.actor,
            banner=banner,
            owed_since=_text(owed),
        )
        notify = (Notify.OWNERS, Notify.CONSUMERS) if banner else (Notify.OWNERS,)
        return step.commit(
            [_put(call, pause, row)],
            notify=notify,
            pause=pause.pause_id,
            scope=scope.key,
            start=pause.start,
            until=pause.until,
            eta=banner.eta if banner else None,
        )

    def resume(self, call: Call, scope: Scope) -> AuditEvent:
        """End a pause. The first run afterwards must pass its post-validation to deliver.

        Raises:
            KpiError: CONFLICT when the scope is not paused.
        """
        step = self.desk.begin(call, "kpi.resume", *_object(call, scope), scope=scope.key)
        if step.done is not None:
            return step.done
        _admin(call)
        row, pause = self._read(call, scope)
        if pause is None or pause.over(step.at):
            raise KpiError(ErrorCode.CONFLICT, f"{scope.key} is not paused in {call.environment}")
        ended = pause.model_copy(update={"ended_at": iso(step.at)})
        return step.commit(
            [_put(call, ended, row)],
            notify=(Notify.OWNERS,),
            pause=pause.pause_id,
            scope=scope.key,
            paused_since=pause.start,
            first_run="post-validation is enforced",
        )

    def maintain(self, call: Call, scope: Scope, banner: Banner | None) -> AuditEvent:
        """Show, change or take away the banner of a pause, such as with a new ETA.

        Raises:
            KpiError: CONFLICT when the scope is not paused; INVALID_INPUT for an ETA that is none.
        """
        text = banner.model_dump_json() if banner else None
        step = self.desk.begin(call, "kpi.maintenance", *_object(call, scope), scope=scope.key, banner=text)
        if step.done is not None:
            return step.done
        _admin(call)
        row, pause = self._read(call, scope)
        if pause is None or pause.over(step.at):
            raise KpiError(ErrorCode.CONFLICT, f"{scope.key} is not paused in {call.environment}; pause it with a banner")
        _expected(banner, max(parse(pause.start), step.at))
        shown = pause.model_copy(update={"banner": banner})
        eta = banner.eta if banner else None
        return step.commit([_put(call, shown, row)], notify=(Notify.CONSUMERS,), pause=pause.pause_id, scope=scope.key, eta=eta)

    def _allowed(self, step: Step, scope: Scope, begin: datetime, until: datetime | None) -> None:
        if until is not None and until <= max(begin, step.at):
            raise KpiError(ErrorCode.INVALID_INPUT, f"a pause must end after it begins and after now; until {iso(until)} does not")
        if scope.kind is ScopeKind.GLOBAL:
            longest = self.desk.rules(step.call).global_pause_at_most
            if until is None or until - begin > longest:
                limit = iso(begin + longest)
                raise KpiError(ErrorCode.POLICY_DENY, f"a pause of everything must end by itself, by {limit} at the latest; give until")
        elif scope.kpi_id is not None and self.desk.shelf(step.call).active_row(scope.kpi_id) is None:
            raise KpiError(ErrorCode.NOT_FOUND, f"nothing of {scope.kpi_id} runs in {step.call.environment}; there is nothing to pause")

    def _read(self, call: Call, scope: Scope) -> tuple[Row | None, Pause | None]:
        row = self.desk.store.row(call.tenant_id, key_of(call.environment, scope))
        return row, Pause.model_validate_json(row.text("pause")) if row else None


def _put(call: Call, pause: Pause, row: Row | None) -> Put:
    values = {"scope": pause.scope.key, "kpi_id": pause.scope.kpi_id or "", "pause": pause.model_dump_json()}
    return Put(key_of(call.environment, pause.scope), values, expectation(row))


def _object(call: Call, scope: Scope) -> tuple[str, str]:
    return ("kpi", scope.kpi_id) if scope.kpi_id is not None else ("environment", call.environment.value)


def _admin(call: Call) -> None:
    if call.actor.role not in ADMINS:
        raise KpiError(ErrorCode.POLICY_DENY, f"role '{call.actor.role}' may not pause or resume; {' or '.join(sorted(ADMINS))} may")


def _expected(banner: Banner | None, earliest: datetime) -> None:
    """Refuse a banner whose ETA is no moment, or one that will have passed when it is shown."""
    if banner is None:
        return
    try:
        fits = parse(banner.eta) >= earliest
    except ValueError:
        fits = False
    if not fits:
        message = f"the ETA of a banner is a moment to come, in ISO 8601, not before {iso(earliest)}; found '{banner.eta[:_SHOWN]}'"
        raise KpiError(ErrorCode.INVALID_INPUT, message)


def _text(moment: datetime | None) -> str | None:
    return iso(moment) if moment is not None else None

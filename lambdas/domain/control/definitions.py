"""Writing definitions: new drafts, edits (which revoke approvals), and new versions that change one part of what runs (K22, K23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, ValidationError

from kpis.hashing import definition_hash
from kpis.schema import Kpi, Source
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control import keys
from lambdas.domain.control.approvals import new_request
from lambdas.domain.control.catalog import Version, as_written, new_values
from lambdas.domain.control.desk import Call, Desk, Notify, Step
from lambdas.domain.control.guardrails import enforce
from lambdas.domain.control.queue import filed
from lambdas.domain.control.reasons import readable
from lambdas.domain.control.requests import ChangeRequest, revised
from lambdas.domain.control.states import Action, VersionStatus, transition
from lambdas.domain.control.unit import Change, Put, Row, stale
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.timestamps import iso

PARTS = frozenset({"schedule", "sla", "pre_validation", "post_validation", "error_policy", "alerts", "reports"})
"""What `amend` may change; other changes are new definitions."""


@dataclass(frozen=True)
class Definitions:
    """Drafts of one tenant and environment a call."""

    desk: Desk

    def create(self, call: Call, kpi: Kpi, sources: Mapping[str, Source]) -> AuditEvent:
        """Write a new version as a draft.

        Args:
            call: who and why.
            kpi: the definition, with a version that does not exist yet.
            sources: the golden data tables it reads, by id.

        Raises:
            KpiError: CONFLICT when the version exists; POLICY_DENY naming the guardrails that do not hold.
        """
        kpi = as_written(kpi)
        step = self.desk.begin(call, "kpi.create", "kpi", kpi.id, version=kpi.contract_version, definition=definition_hash(kpi))
        return step.done or self._create(step, kpi, sources)

    def _create(self, step: Step, kpi: Kpi, sources: Mapping[str, Source], base: Version | None = None) -> AuditEvent:
        call, shelf = step.call, self.desk.shelf(step.call)
        found = shelf.find(kpi.id, kpi.contract_version)
        line = transition(found.status if found else None, Action.CREATE, call.actor.role)
        active = shelf.active(kpi.id)
        # What does not run is still to be signed, whoever wrote it.
        earlier = base.authors if base is not None and (active is None or active.hash != base.hash) else ()
        values = new_values(kpi, sources, call.environment, line.target, step.at, [call.actor.subject, *earlier])
        version = Version(Row(keys.version(call.environment, kpi.id, kpi.contract_version), values | {"created_at": iso(step.at)}))
        enforce(line.guards, self.desk.situation(call, version, step.at, active))
        write = Put(version.row.key, version.row.values, 0)
        origin = base.number if base is not None else None
        return step.commit([write], after=version.hash, version=version.number, status=line.target.value, base=origin)

    def update(self, call: Call, kpi: Kpi, sources: Mapping[str, Source], *, seen: int | None = None) -> AuditEvent:
        """Replace the content of a version that never ran. Approvals of the old content are revoked.

        Args:
            call: who and why.
            kpi: the whole new definition; its id and version say which row.
            sources: the golden data tables it reads, by id.
            seen: the row_version the caller looked at; None to overwrite whatever is there now.

        Raises:
            KpiError: NOT_FOUND; CONFLICT when the row is another than seen; POLICY_DENY naming the guardrails that do not hold.
        """
        kpi = as_written(kpi)
        arguments: dict[str, JsonValue] = {"version": kpi.contract_version, "definition": definition_hash(kpi), "seen": seen}
        step = self.desk.begin(call, "kpi.edit", "kpi", kpi.id, **arguments)
        return step.done or self._update(step, kpi, sources, seen)

    def _update(self, step: Step, kpi: Kpi, sources: Mapping[str, Source], seen: int | None) -> AuditEvent:
        call, shelf = step.call, self.desk.shelf(step.call)
        old = shelf.version(kpi.id, kpi.contract_version)
        if seen is not None and seen != old.row.row_version:
            raise stale(old.row.key, seen, old.row.row_version)
        line = transition(old.status, Action.EDIT, call.actor.role)
        authors = [*old.authors, call.actor.subject]
        edited = Version(Row(old.row.key, dict(old.row.values) | new_values(kpi, sources, call.environment, line.target, step.at, authors)))
        active = shelf.active(kpi.id)
        enforce(line.guards, self.desk.situation(call, edited, step.at, active))
        changes: list[Change] = [edited.moved(line.target, step.at)]
        request: ChangeRequest | None = None
        if old.status is not VersionStatus.DRAFT:
            row, request = self.desk.open_request(call, kpi.id)
            if row is None or request is None or request.contract_version != old.number:
                raise KpiError(ErrorCode.CONFLICT, f"{kpi.id} {old.number} is {old.status} without an open request; read it again")
            request = revised(request, new_request(self.desk, call, edited, request.action, request.request_id, step.at))
            changes += filed(request, row)
        return step.commit(
            changes,
            before=old.hash,
            after=edited.hash,
            request=request,
            notify=(Notify.APPROVERS,) if request else (),
            version=old.number,
            status=line.target.value,
            revoked_approvals=old.status is VersionStatus.APPROVED or None,
        )

    def amend(self, call: Call, kpi_id: str, contract_version: str, parts: Mapping[str, Any]) -> AuditEvent:
        """Change schedule, SLA, rules or routes: of a draft in place, of a version that ran as a draft of the next version.

        Args:
            call: who and why; the reason becomes the summary in the change log.
            kpi_id: the KPI.
            contract_version: the version the change starts from.
            parts: new values by field, as the dictionary writes them.

        Raises:
            KpiError: INVALID_INPUT for another field or an invalid value; what `create` and `update` raise.
        """
        unknown = sorted(set(parts) - PARTS)
        if unknown or not parts:
            raise KpiError(
                ErrorCode.INVALID_INPUT, f"cannot amend {', '.join(unknown) or 'nothing'}; give one of {', '.join(sorted(PARTS))}"
            )
        step = self.desk.begin(call, "kpi.amend", "kpi", kpi_id, version=contract_version, parts=dict(parts))
        if step.done is not None:
            return step.done
        base = self.desk.shelf(call).version(kpi_id, contract_version)
        changed = _with(base.kpi, dict(parts))
        if not base.ran and not base.promoted_from:
            return self._update(step, changed, base.sources, None)
        number = self._next(call, base.kpi, changed)
        entry = {"version": number, "date": iso(step.at)[:10], "author": call.actor.subject[:120], "summary": readable(call.reason)}
        log = [*(each.model_dump(mode="json") for each in base.kpi.change_log), entry]
        draft = _with(changed, {"contract_version": number, "change_log": log})
        return self._create(step, draft, base.sources, base)

    def _next(self, call: Call, base: Kpi, changed: Kpi) -> str:
        from kpis.compat import Bump, required_bump  # brings the SQL parser along

        needed, _ = required_bump(base, changed)
        if needed is Bump.NONE:
            raise KpiError(ErrorCode.INVALID_INPUT, f"{base.id} {base.contract_version} has these values already; nothing changes")
        major, minor, patch = (int(part) for part in base.contract_version.split("."))
        shelf = self.desk.shelf(call)
        while True:
            major, minor, patch = _bumped(needed.name, major, minor, patch)
            if shelf.find(base.id, f"{major}.{minor}.{patch}") is None:
                return f"{major}.{minor}.{patch}"


def _bumped(part: str, major: int, minor: int, patch: int) -> tuple[int, int, int]:
    if part == "MAJOR":
        return major + 1, 0, 0
    return (major, minor + 1, 0) if part == "MINOR" else (major, minor, patch + 1)


def _with(kpi: Kpi, changes: dict[str, Any]) -> Kpi:
    try:
        return Kpi.model_validate(kpi.model_dump(mode="json", by_alias=True, exclude_none=True) | changes)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise KpiError(ErrorCode.INVALID_INPUT, f"{kpi.id}: {place}: {first['msg']}") from error

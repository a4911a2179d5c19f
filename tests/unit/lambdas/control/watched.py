"""A store that looks at every commit from the outside and notes what the lifecycle forbids."""

from __future__ import annotations

from collections.abc import Sequence

from lambdas.domain.audit.event import AuditEvent, Facts
from lambdas.domain.control import keys
from lambdas.domain.control.states import TABLE
from lambdas.domain.control.unit import Change, Put
from tests.unit.lambdas.control.memory import MemoryStore

LEGAL = {(line.origin.value if line.origin else None, line.target.value) for line in TABLE}
GOES_LIVE = ("kpi.publish", "kpi.canary_start", "kpi.canary_promote")


class Watched(MemoryStore):
    """Looks at every commit from the outside: what changed, and who had signed what by then, told by the audit events alone."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.writers: dict[tuple[str, str], set[str]] = {}
        self.signatures: dict[tuple[str, str], dict[str, str]] = {}
        self.frozen: dict[str, str] = {}

    def _commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        before = {change.key: self.tables.get(tenant_id, {}).get(change.key) for change in changes}
        known = len(self.events.get(tenant_id, []))
        event = super()._commit(tenant_id, changes, facts)
        if len(self.events[tenant_id]) > known:
            for change in changes:
                if isinstance(change, Put) and "#kpi#" in change.key and "#pause#" not in change.key:
                    self._watch(change, (before[change.key] or {}).get("status"))
            self._signed(event, tenant_id)
        return event

    def _watch(self, change: Put, old: str | None) -> None:
        new, content = str(change.row["status"]), str(change.row["definition_hash"])
        if (old, new) not in LEGAL:
            self.problems.append(f"{change.key} went from {old} to {new}")
        if self.frozen.setdefault(change.key, content) != content and self.frozen[change.key]:
            self.problems.append(f"{change.key} ran and was edited")
        if not change.row.get("ran_at"):
            del self.frozen[change.key]

    def _signed(self, event: AuditEvent, tenant_id: str) -> None:
        about = event.object_id, str(event.details.get("version"))
        signatures = self.signatures.setdefault(about, {})
        match event.action:
            case "kpi.create" | "kpi.edit":
                self.writers.setdefault(about, set()).add(event.actor.subject)
                signatures.clear()
            case "kpi.submit":
                self.writers.setdefault(about, set())
                signatures.clear()
                signatures["asked"] = event.actor.subject
            case "kpi.approve":
                signatures[event.actor.subject] = str(event.details["side"])
            case "kpi.reject" | "kpi.reopen" | "kpi.expire" | "kpi.withdraw":
                signatures.clear()
            case action if action in GOES_LIVE:
                self._may_go_live(event, about, tenant_id)
            case _:
                pass

    def _may_go_live(self, event: AuditEvent, about: tuple[str, str], tenant_id: str) -> None:
        signatures = dict(self.signatures[about])
        asked = signatures.pop("asked", None)
        own = self.writers[about] | {str(asked)}
        if own & set(signatures):
            self.problems.append(f"{about} was signed by its own author or requester")
        if set(event.approvers) != set(signatures):
            self.problems.append(f"{about} went live with the approvers {event.approvers}, signed had {sorted(signatures)}")
        critical = self.tables[tenant_id][keys.version("prod", *about)]["criticality"] == "critical"
        if not signatures or (critical and set(signatures.values()) != {"business", "technical"}):
            self.problems.append(f"{about} went live with {signatures}")

"""Whether a run of events is one unbroken chain, and where it breaks first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lambdas.domain.audit.event import AuditEvent, genesis


@dataclass(frozen=True)
class Broken:
    """The first place where something does not hold: `where` names the event or file, `problem` what is wrong with it."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def first_break(events: Iterable[AuditEvent], *, tenant_id: str, seq: int = 1, previous: str | None = None) -> Broken | None:
    """The first event that is not what must follow, or None.

    Args:
        events: in the order of the chain.
        tenant_id: whose chain it must be.
        seq: the sequence number the first event must have.
        previous: the hash the first event must follow; the tenant's genesis when it is event 1, else whatever it says (a slice).
    """
    expected = previous if previous is not None else genesis(tenant_id) if seq == 1 else None
    for event in events:
        problem = _problem(event, tenant_id, seq, expected)
        if problem is not None:
            return Broken(f"event {event.seq}", problem)
        seq, expected = event.seq + 1, event.hash
    return None


def _problem(event: AuditEvent, tenant_id: str, seq: int, previous: str | None) -> str | None:
    if event.tenant_id != tenant_id:
        return f"it is of tenant '{event.tenant_id}', the chain is of '{tenant_id}'"
    if event.seq != seq:
        return f"event {seq} is missing or out of order" if event.seq > seq else f"it comes again where event {seq} is expected"
    if previous is not None and event.previous != previous:
        return f"it follows {event.previous[:12]}…, but the event before has hash {previous[:12]}…"
    if event.computed_hash != event.hash:
        return f"its content has hash {event.computed_hash[:12]}…, it says {event.hash[:12]}…; it was changed after it was written"
    return None

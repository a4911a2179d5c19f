"""A control store in memory with the exact semantics of `unit.py`, with faults and rivals that come in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from lambdas.domain.audit.event import AuditEvent, Facts, genesis, sealed
from lambdas.domain.control.unit import (
    HEAD,
    MAX_CHANGES,
    Change,
    Check,
    Delete,
    Put,
    Row,
    fitting,
    reused_id,
    same_call,
    stale,
    too_many,
    unique_keys,
)  # fmt: skip


class MemoryStore:
    """`faults` holds what the next commits suffer: "before" (nothing is written) or "after" (all is written, the caller never learns).

    `rival` runs once between the reads of a call and its commit, as another writer would.
    """

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        self.events: dict[str, list[AuditEvent]] = {}
        self.faults: list[str] = []
        self.rival: Callable[[], None] | None = None
        self.commits = 0

    def row(self, tenant_id: str, key: str) -> Row | None:
        if key == HEAD:
            last = self.events.get(tenant_id, [])[-1:]
            return Row(HEAD, {"seq": last[0].seq, "hash": last[0].hash}) if last else None
        found = self.tables.get(tenant_id, {}).get(key)
        return Row(key, deepcopy(found)) if found is not None else None

    def rows(self, tenant_id: str, prefix: str, *, after: str = "") -> Iterator[Row]:
        table = self.tables.get(tenant_id, {})
        for key in sorted(table):
            if key.startswith(prefix) and key > after:
                yield Row(key, deepcopy(table[key]))

    def event(self, tenant_id: str, event_id: str) -> AuditEvent | None:
        return next((event for event in self.events.get(tenant_id, []) if event.event_id == event_id), None)

    def commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        fault = self.faults.pop(0) if self.faults else ""
        rival, self.rival = self.rival, None
        if rival is not None:
            rival()
        if fault == "before":
            raise TimeoutError("the store did not answer; nothing was written")
        event = self._commit(tenant_id, changes, facts)
        if fault == "after":
            raise TimeoutError("the store did not answer; everything was written")
        return event

    def _commit(self, tenant_id: str, changes: Sequence[Change], facts: Facts) -> AuditEvent:
        assert facts.tenant_id == tenant_id
        unique_keys(changes)
        if len(changes) > MAX_CHANGES:
            raise too_many(len(changes))
        fitting(changes)
        first = self.event(tenant_id, facts.event_id)
        if first is not None:
            if same_call(first, facts):
                return first
            raise reused_id(facts.event_id)
        table = self.tables.setdefault(tenant_id, {})
        for change in changes:
            found = table[change.key].get("row_version", 1) if change.key in table else 0
            if change.expect is not None and change.expect != found:
                raise stale(change.key, change.expect, found)
        for change in changes:
            self._apply(table, change)
        chain = self.events.setdefault(tenant_id, [])
        event = sealed(facts, seq=len(chain) + 1, previous=chain[-1].hash if chain else genesis(tenant_id))
        chain.append(event)
        self.commits += 1
        return event

    @staticmethod
    def _apply(table: dict[str, dict[str, Any]], change: Change) -> None:
        match change:
            case Put():
                before = table[change.key].get("row_version", 1) if change.key in table else 0
                table[change.key] = deepcopy(dict(change.row)) | {"row_version": before + 1}
            case Delete():
                table.pop(change.key, None)
            case Check():
                pass

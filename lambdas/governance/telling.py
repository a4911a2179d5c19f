"""What becomes of new audit events: executions start and go on, people and systems are told.

DynamoDB Streams hands a record over at least once. Where an event has been told is kept by channel under the event's id, so a repetition
tells nobody twice, unless the worker died between telling and noting it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.notices import Notice, Topic, notice_of
from lambdas.domain.ports import Bus
from lambdas.domain.redact import message_of

OPENS = frozenset({"kpi.submit", "kpi.promote"})
"""Actions that open a change request."""
LISTENERS = frozenset({"alert_route.edit", "report.subscribe"})
"""Actions after which somebody new may have to hear of something."""
EXPORTS = "evidence.export"
"""The action that asks for an evidence bundle."""


class Topics(Protocol):
    """The topics of tenants."""

    def publish(self, notice: Notice, topic: Topic) -> bool: ...


class Queue(Protocol):
    """The approvals queue."""

    def send(self, notice: Notice) -> None: ...


class Machine(Protocol):
    """The state machine."""

    def start(self, tenant_id: str, environment: str, request_id: str) -> bool: ...

    def wake(self, token: str) -> bool: ...


class Memory(Protocol):
    """Tokens, and where events have been told."""

    def token(self, tenant_id: str, request_id: str) -> str | None: ...

    def told(self, tenant_id: str, event_id: str) -> frozenset[str]: ...

    def mark_told(self, tenant_id: str, event_id: str, channels: frozenset[str]) -> None: ...


class Tenants(Protocol):
    """The list of tenants."""

    def add(self, tenant_id: str, environment: str) -> None: ...


@dataclass(frozen=True)
class Teller:
    """Works through audit events."""

    machine: Machine
    memory: Memory
    topics: Topics
    queue: Queue
    bus: Bus
    tenants: Tenants
    follow: Callable[[str, str], None] | None = None
    """Lets the targets of a tenant's alert routes and reports hear, by tenant and environment."""
    export: Callable[[str, str], None] | None = None
    """Has an evidence bundle made, by tenant and export."""

    def handle(self, events: Sequence[AuditEvent]) -> None:
        """Do all that follows from the events; what fails keeps nothing else from being done.

        Raises:
            KpiError: INTERNAL naming the first failures; then the events have to come again.
        """
        failures: list[str] = []
        for event in events:
            try:
                failures += self._one(event)
            except Exception as error:  # noqa: BLE001 - without its memory nothing can be said of this event; others may have better luck
                failures.append(f"event {event.seq} of {event.tenant_id}: {message_of(error)}")
        if failures:
            shown = "; ".join(failures[:5])
            raise KpiError(ErrorCode.INTERNAL, f"{len(failures)} of the consequences of {len(events)} audit events failed: {shown}")

    def _one(self, event: AuditEvent) -> list[str]:
        if event.environment is not None:
            self.tenants.add(event.tenant_id, event.environment.value)
        consequences = self._consequences(event)
        if not consequences:
            return []
        failures: list[str] = []
        done = self.memory.told(event.tenant_id, event.event_id)
        told = set(done)
        for channel, act in consequences.items():
            if channel in done:
                continue
            try:
                act()
            except Exception as error:  # noqa: BLE001 - whatever a service answers, the other channels are served
                failures.append(f"event {event.seq} of {event.tenant_id}, {channel}: {message_of(error)}")
            else:
                told.add(channel)
        if len(told) > len(done):
            self.memory.mark_told(event.tenant_id, event.event_id, frozenset(told))
        return failures

    def _consequences(self, event: AuditEvent) -> Mapping[str, Callable[[], Any]]:
        """What follows, by channel."""
        notice = notice_of(event)
        found: dict[str, Callable[[], Any]] = {}
        environment, request_id = event.environment, event.request_id
        if self.export is not None and event.action == EXPORTS:
            export, export_id = self.export, str(event.details["export_id"])
            found["export"] = lambda: export(event.tenant_id, export_id)
        if environment is not None and request_id is not None:
            found["machine"] = lambda: self._move(event, environment.value, request_id)
        if notice.for_approvals:
            found["queue"] = lambda: self.queue.send(notice)
        for topic in notice.topics:
            found[topic.value] = lambda topic=topic: self.topics.publish(notice, topic)
        follow = self.follow
        if event.action in LISTENERS and environment is not None and follow is not None:
            found["targets"] = lambda: follow(event.tenant_id, environment.value)
        kind = notice.bus_event
        if kind is not None:
            found["bus"] = lambda: self.bus.publish([(kind.value, notice.as_json())])
        return found

    def _move(self, event: AuditEvent, environment: str, request_id: str) -> None:
        """Start the execution of a new request; let that of another look again."""
        if event.action in OPENS:
            self.machine.start(event.tenant_id, environment, request_id)
            return
        token = self.memory.token(event.tenant_id, request_id)
        if token is not None:
            self.machine.wake(token)

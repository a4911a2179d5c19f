"""What people, queues and the bus are told of an audit event: who must know, how urgent it is, and where to look.

A notice is made of the event alone, of the fields named here. Definitions, reasons that people typed and values never travel: whoever may
see them follows the link and is asked for a token there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.control.desk import Notify

SUBJECT_LENGTH = 100
"""Characters of an SNS subject, which is one line of ASCII (SNS API reference, Publish)."""
_AUDIENCES = (Notify.APPROVERS, Notify.REQUESTER, Notify.CONSUMERS, Notify.OWNERS, Notify.PAGE)
_TOLD = (
    "requested",
    "criticality",
    "state",
    "missing",
    "side",
    "waits_until",
    "downstream",
    "break_glass",
    "start",
    "until",
    "eta",
    "scope",
)
"""Details of an event that a notice repeats: numbers, moments and words of the product, never text that somebody wrote."""
_UNSAFE = re.compile(r"[^ -~]")
_PUBLISHED = frozenset({"kpi.publish", "kpi.canary_promote"})
_PAUSED = frozenset({"kpi.pause", "kpi.maintenance"})


class Topic(StrEnum):
    """The topics of a tenant: `routine` carries every notice, `urgent` those that must wake somebody."""

    URGENT = "urgent"
    ROUTINE = "routine"


class BusEvent(StrEnum):
    """What the bus is told (contract: API conventions)."""

    PENDING = "kpi.change_request.pending"
    PUBLISHED = "kpi.version.published"
    PAUSED = "kpi.paused"


@dataclass(frozen=True)
class Notice:
    """One event, as others are told of it. `event_id` is the same in every copy: who gets it twice keeps the first.

    Attributes:
        event: what happened.
        audience: who is meant, of `Notify`; empty when only the bus or the approvals queue wants to know.
    """

    event: AuditEvent
    audience: tuple[str, ...]

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Where people are told; nowhere when nobody is meant."""
        if not self.audience:
            return ()
        return (Topic.URGENT, Topic.ROUTINE) if self.urgent else (Topic.ROUTINE,)

    @property
    def urgent(self) -> bool:
        """Whether somebody is to be woken: it says so, or someone went around the change window."""
        return Notify.PAGE in self.audience or self.event.details.get("break_glass") is True

    @property
    def for_approvals(self) -> bool:
        """Whether it is about a change request, so that portals and chat clients show it."""
        return self.event.request_id is not None

    @property
    def bus_event(self) -> BusEvent | None:
        """What the bus is told; None for most events."""
        if self.event.request_id is not None and Notify.APPROVERS in self.audience:
            return BusEvent.PENDING
        if self.event.action in _PUBLISHED:
            return BusEvent.PUBLISHED
        # A maintenance event without a start only changes the banner of a pause.
        return BusEvent.PAUSED if self.event.action in _PAUSED and self.event.details.get("start") else None

    @property
    def any(self) -> bool:
        """Whether anybody is told at all."""
        return bool(self.audience) or self.for_approvals or self.bus_event is not None

    @property
    def subject(self) -> str:
        """One line: what, where."""
        event = self.event
        version = str(event.details.get("version") or "")
        where = f" in {event.environment.value}" if event.environment else ""
        text = f"{event.action} {event.object_id} {version}".rstrip() + where
        return _UNSAFE.sub("?", text)[:SUBJECT_LENGTH]

    @property
    def attributes(self) -> Mapping[str, str | list[str]]:
        """What subscriptions filter by."""
        event = self.event
        found: dict[str, str | list[str]] = {
            "tenant_id": event.tenant_id,
            "environment": event.environment.value if event.environment else "none",
            "action": event.action,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "severity": (Topic.URGENT if self.urgent else Topic.ROUTINE).value,
        }
        return found | ({"audience": list(self.audience)} if self.audience else {})

    def as_json(self) -> dict[str, Any]:
        """The message: the same on topics, in the approvals queue and on the bus."""
        event = self.event
        told = {name: event.details[name] for name in _TOLD if event.details.get(name) is not None}
        whole: dict[str, Any] = {
            "event_id": event.event_id,
            "seq": event.seq,
            "at": event.at,
            "tenant_id": event.tenant_id,
            "environment": event.environment.value if event.environment else None,
            "action": event.action,
            "object_type": event.object_type,
            "object_id": event.object_id,
            "kpi_id": event.object_id if event.object_type == "kpi" else None,
            "contract_version": event.details.get("version"),
            "request_id": event.request_id,
            "approvers": list(event.approvers) or None,
            "audience": list(self.audience),
            "severity": (Topic.URGENT if self.urgent else Topic.ROUTINE).value,
            "subject": self.subject,
            **told,
            "links": _links(event),
        }
        return {name: value for name, value in whole.items() if value is not None}


def notice_of(event: AuditEvent) -> Notice:
    """The notice of an event. Who it does not know among `details["notify"]` is left out."""
    named = event.details.get("notify")
    wanted = named if isinstance(named, list) else []
    return Notice(event, tuple(each for each in _AUDIENCES if each in wanted))


def _links(event: AuditEvent) -> dict[str, str]:
    """Deep links; paths are the API's."""
    found: dict[str, str] = {}
    if event.object_type == "kpi":
        name = quote(event.object_id, safe="")
        found |= {"kpi": f"/kpis/{name}", "audit": f"/audit?kpi_id={name}"}
    if event.request_id is not None:
        found["request"] = f"/approvals/{quote(event.request_id, safe='')}"
    return found

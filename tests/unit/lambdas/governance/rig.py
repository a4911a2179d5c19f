"""The governance worker over a control plane in memory, with executions of the real state machine definition that a test steps through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from infra.components.governance import render_definition
from lambdas.adapters.tenant_list import Place
from lambdas.domain.audit.event import AuditEvent
from lambdas.domain.notices import Notice, Topic
from lambdas.domain.timestamps import parse
from lambdas.governance.service import Governance, Notary, SignedState
from lambdas.governance.telling import Teller
from lambdas.governance.waiting import Waiting
from lambdas.governance.watching import Watching
from tests.unit.lambdas.control.office import TENANT, Office
from tests.unit.lambdas.memory import MemoryBus

STATES: Mapping[str, Any] = json.loads(render_definition("arn:governance"))["States"]
FUNCTION = "arn:governance"


def path(expression: str, document: Mapping[str, Any]) -> Any:
    """The value of a reference path such as `$.found.seconds`."""
    value: Any = document
    for name in expression.removeprefix("$").strip(".").split("."):
        value = value[name] if name else value
    return value


def filled(template: Any, document: Mapping[str, Any], token: str) -> Any:
    """A `Parameters` template with its paths resolved."""
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): (token if each == "$$.Task.Token" else path(each, document))
        if name.endswith(".$")
        else filled(each, document, token)
        for name, each in template.items()
    }


class Execution:
    """One execution. It goes on by itself until it waits for a token or a moment."""

    def __init__(self, rig: Rig, name: str, document: Mapping[str, Any]) -> None:
        self.rig = rig
        self.name = name
        self.document = dict(document)
        self.state = "Look"
        self.token: str | None = None
        self.until: datetime | None = None
        self.visited: list[str] = []
        self.done = False
        self.woken = self.stepping = False
        self.go_on()

    def go_on(self) -> None:
        """Step until something must happen first."""
        self.stepping = True
        try:
            self._go_on()
        finally:
            self.stepping = False

    def _go_on(self) -> None:
        for _ in range(100):
            self.token = self.until = None
            self.visited.append(self.state)
            definition = STATES[self.state]
            match definition["Type"]:
                case "Succeed":
                    self.done = True
                    return
                case "Choice":
                    self.state = self._choice(definition)
                case "Wait":
                    seconds = definition.get("Seconds")
                    now = self.rig.office.clock.now()
                    self.until = now + timedelta(seconds=seconds) if seconds else parse(path(definition["TimestampPath"], self.document))
                    if self.until > now:
                        return
                    self.state = definition["Next"]
                case _ if "waitForTaskToken" in definition["Resource"]:
                    self._wait_for_token(definition)
                    if not self.woken:
                        return
                    self.state = definition["Next"]
                case _:
                    answer = self.rig.governance.handle(filled(definition["Parameters"], self.document, ""))
                    self.document[definition["ResultPath"].removeprefix("$.")] = json.loads(json.dumps(answer))
                    self.state = definition["Next"]
        raise AssertionError(f"{self.name} runs in a circle: {self.visited[-8:]}")

    def _choice(self, definition: Mapping[str, Any]) -> str:
        for rule in definition["Choices"]:
            value = path(rule["Variable"], self.document)
            if value == rule.get("StringEquals", rule.get("BooleanEquals")):
                return rule["Next"]
        return definition["Default"]

    def _wait_for_token(self, definition: Mapping[str, Any]) -> None:
        self.woken = False
        self.token = f"token-{self.name}-{len(self.visited)}"
        self.rig.machine.waiting[self.token] = self
        self.until = self.rig.office.clock.now() + timedelta(seconds=path(definition["TimeoutSecondsPath"], self.document))
        self.rig.governance.handle(filled(definition["Parameters"], self.document, self.token)["Payload"])

    def wake(self) -> None:
        """The token came back, perhaps while the step that keeps it is still at work."""
        self.woken = True
        if not self.stepping:
            self.state = STATES[self.state]["Next"]
            self.go_on()

    def pass_time(self) -> None:
        """The moment it waits for has come: a token timed out, or a wait ended."""
        definition = STATES[self.state]
        timeout = next((each["Next"] for each in definition.get("Catch", []) if "States.Timeout" in each["ErrorEquals"]), None)
        self.rig.machine.waiting.pop(self.token or "", None)
        self.state = timeout or definition["Next"]
        self.go_on()


@dataclass
class Machine:
    """Step Functions, for one machine."""

    rig: Rig
    executions: dict[str, Execution] = field(default_factory=dict)
    waiting: dict[str, Execution] = field(default_factory=dict)
    fails: int = 0

    def start(self, tenant_id: str, environment: str, request_id: str) -> bool:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the service did not answer")
        if request_id in self.executions:
            return False
        document = {"request": {"tenant_id": tenant_id, "environment": environment, "request_id": request_id}}
        self.executions[request_id] = Execution(self.rig, request_id, document)
        return True

    def wake(self, token: str) -> bool:
        execution = self.waiting.pop(token, None)
        if execution is None:
            return False
        execution.wake()
        return True


@dataclass
class Memory:
    """Tokens, marks and where events have been told."""

    tokens: dict[str, str] = field(default_factory=dict)
    channels: dict[str, frozenset[str]] = field(default_factory=dict)
    watched: dict[Place, datetime] = field(default_factory=dict)

    def token(self, tenant_id: str, request_id: str) -> str | None:
        return self.tokens.get(f"{tenant_id}/{request_id}")

    def keep_token(self, tenant_id: str, request_id: str, token: str) -> None:
        self.tokens[f"{tenant_id}/{request_id}"] = token

    def told(self, tenant_id: str, event_id: str) -> frozenset[str]:
        return self.channels.get(f"{tenant_id}/{event_id}", frozenset())

    def mark_told(self, tenant_id: str, event_id: str, channels: frozenset[str]) -> None:
        self.channels[f"{tenant_id}/{event_id}"] = channels

    def watched_until(self, tenant_id: str, environment: str) -> datetime | None:
        return self.watched.get(Place(tenant_id, environment))

    def mark_watched(self, tenant_id: str, environment: str, until: datetime) -> None:
        self.watched[Place(tenant_id, environment)] = until


@dataclass
class Places:
    """The list of tenants."""

    known: set[Place] = field(default_factory=set)

    def add(self, tenant_id: str, environment: str) -> None:
        self.known.add(Place(tenant_id, environment))

    def all(self) -> list[Place]:
        return sorted(self.known)

    def remove(self, place: Place) -> None:
        self.known.discard(place)


@dataclass
class Channels:
    """Topics and the approvals queue."""

    published: list[tuple[Topic, Notice]] = field(default_factory=list)
    queued: list[Notice] = field(default_factory=list)
    broken: bool = False

    def publish(self, notice: Notice, topic: Topic) -> bool:
        self.published.append((topic, notice))
        return True

    def send(self, notice: Notice) -> None:
        if self.broken:
            raise ConnectionError("the queue did not answer")
        self.queued.append(notice)


class Reporter:
    """Notes whom it was asked to serve."""

    def __init__(self) -> None:
        self.served: list[tuple[str, str]] = []

    def serve(self, tenant_id: str, environment: str) -> list[str]:
        self.served.append((tenant_id, environment))
        return ["weekly 2026-W01"]


class Rig:
    """Everything together. `tell` hands the events that were not handed over yet to the worker, as the stream does."""

    def __init__(self) -> None:
        self.office = Office()
        self.memory = Memory()
        self.places = Places({Place(TENANT, "prod")})
        self.channels = Channels()
        self.bus = MemoryBus()
        self.machine = Machine(self)
        self.handed = 0
        self.passes = 0
        self.reconciler_fails = False
        self.notary: dict[str, Notary] = {}
        self.signed: dict[str, SignedState] = {}
        self.watch: dict[str, Watching] = {}
        self.reporting = Reporter()
        now = self.office.clock.now
        self.governance = Governance(
            store=self.office.store,
            plane=lambda: self.office.plane,
            places=self.places,
            notary=lambda: self.notary["it"],
            last_signed=self.signed.get,
            watching=lambda: self.watch["it"],
            reporting=lambda: self.reporting,
            waiting=Waiting(self.office.store, lambda: self.office.plane, self.memory, self.machine, now),
            now=now,
            export=lambda tenant_id, export_id: f"{tenant_id}/{export_id}",
            reconcile=self._reconcile,
        )
        self.teller = Teller(self.machine, self.memory, self.channels, self.channels, self.bus, self.places)

    def _reconcile(self) -> None:
        self.passes += 1
        if self.reconciler_fails:
            raise ConnectionError("Lambda did not answer")

    def tell(self) -> None:
        events, self.handed = self.office.events[self.handed :], len(self.office.events)
        self.teller.handle(events)

    def again(self, events: Sequence[AuditEvent] | None = None) -> None:
        """The stream delivers everything once more."""
        self.teller.handle(self.office.events if events is None else events)

    def later(self, **by: float) -> None:
        """Time passes; whatever waited for a moment goes on, and the stream is read."""
        self.office.later(**by)
        for execution in list(self._due()):
            execution.pass_time()
        self.tell()

    def _due(self) -> Iterator[Execution]:
        now = self.office.clock.now()
        yield from (each for each in self.machine.executions.values() if not each.done and each.until is not None and each.until <= now)

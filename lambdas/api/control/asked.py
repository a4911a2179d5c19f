"""A call on its way through the API, and the routes it can take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from kpis.common import Environment
from lambdas.api.control.ports import Ports
from lambdas.domain.access import Caller
from lambdas.domain.audit.event import Actor
from lambdas.domain.authz.actions import Action
from lambdas.domain.authz.resources import Resource
from lambdas.domain.control.desk import Call
from lambdas.domain.limits.limiter import Traffic

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B", bound=BaseModel)
JSON = "application/json"


@dataclass(frozen=True)
class Http:
    """A request as it came in, with what API Gateway's authorizer verified; header names in lower case."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    raw_query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: bytes = b""
    trace_id: str = ""


@dataclass(frozen=True)
class Where(Generic[Q]):
    """Who asks, and for what as far as the path and the query say it."""

    caller: Caller
    environment: Environment
    params: Mapping[str, str]
    query: Q

    @property
    def tenant_id(self) -> str:
        """The tenant the caller acts for."""
        return self.caller.tenant_id

    @property
    def kpi_id(self) -> str:
        """The KPI of the path."""
        return self.params["kpi_id"]

    @property
    def version(self) -> str:
        """The version of the path."""
        return self.params["ver"]


@dataclass(frozen=True)
class Asked(Generic[B, Q]):
    """A whole call. `key` is the idempotency key of a write, empty for a read."""

    where: Where[Q]
    body: B
    key: str
    trace_id: str
    actor: Actor | None = None

    @property
    def call(self) -> Call:
        """The call as the domain takes it.

        Raises:
            ValueError: before the call was authorized; a mistake of the program.
        """
        if self.actor is None:
            raise ValueError("the call was not authorized yet")
        # A removal has no body; it says why in the query.
        reason = str(getattr(self.body, "reason", "") or getattr(self.where.query, "reason", ""))
        return Call(self.where.tenant_id, self.where.environment, self.actor, reason, self.key, self.trace_id or None)


@dataclass(frozen=True)
class Reply:
    """An answer: a model, or text of another type."""

    content: BaseModel | str
    status: int = 200
    content_type: str = JSON


Need = tuple[Action, Resource]
"""An action on an object, which the policies must allow."""


class Tag(StrEnum):
    """Groups of routes in the document."""

    LIFECYCLE = "lifecycle"
    CHANGES = "changes"
    OPERATIONS = "operations"
    CATALOG = "catalog"
    GOVERNANCE = "governance"
    TENANT = "tenant"


@dataclass(frozen=True)
class Route(Generic[B, Q]):
    """One thing the API does.

    Attributes:
        name: the operation's id in the document.
        method: of HTTP.
        path: with parameters in braces.
        says: what it does, in a sentence.
        tag: its group.
        actions: what the policies are asked before the body is read; one that is allowed suffices, as the body may decide which.
        about: the object of the call.
        body: the model of the body; `Nothing` where there is none.
        query: the model of the query.
        answer: the model of the answer.
        work: the work.
        needs: everything the policies must allow; the first action on the object unless given.
        status: of a success.
        traffic: which limit counts it.
        secret: the body has a secret, so nothing of it is kept, not even a hash; a repetition is known by its audit event alone.
    """

    name: str
    method: str
    path: str
    says: str
    tag: Tag
    actions: tuple[Action, ...]
    about: Callable[[Where[Q]], Resource]
    body: type[B]
    query: type[Q]
    answer: type[BaseModel]
    work: Callable[[Ports, Asked[B, Q]], Reply]
    needs: Callable[[Asked[B, Q]], Sequence[Need]] | None = None
    status: int = 200
    traffic: Traffic = Traffic.WRITES
    secret: bool = False

    def needed(self, asked: Asked[B, Q]) -> Sequence[Need]:
        """What the policies must allow for a call."""
        return self.needs(asked) if self.needs else [(self.actions[0], self.about(asked.where))]

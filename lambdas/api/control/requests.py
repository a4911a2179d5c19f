"""What callers send: queries and bodies. Every write says why; unknown members are refused."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, model_validator

from kpis.common import Environment, Frozen, KpiId, Semver
from kpis.rules import PostRule, PreRule
from kpis.schema import ErrorPolicy, Kpi, Schedule, Sla
from lambdas.domain.authz.actions import Action
from lambdas.domain.control.canary import Subset, Tolerances
from lambdas.domain.control.pauses import Banner
from lambdas.domain.control.reasons import readable
from lambdas.domain.control.requests import Choice, RequestState, Side
from lambdas.domain.control.states import Action as Transition
from lambdas.domain.lineage import Direction
from lambdas.domain.model import Moment
from lambdas.domain.search import Facet


def _seen(text: str) -> str:
    if not readable(text):
        raise ValueError("has nothing that can be read; say why")
    return text


Reason = Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), AfterValidator(_seen)]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, StringConstraints(max_length=1024)]
Entity = Annotated[str, StringConstraints(min_length=1, max_length=200)]
MAX_BULK = 1000
"""KPIs of one bulk action; API Gateway answers after 30 s at the latest."""


class Place(Frozen):
    """Every query says in which environment; production unless it does."""

    environment: Environment = Environment.PRD


class List(Place):
    """Every list is paged: `cursor` is the `next_cursor` of the page before."""

    limit: Limit = 50
    cursor: Cursor | None = None


class RequestList(List):
    """Filters of change requests; without `state` those that are not closed."""

    state: RequestState | None = None
    kpi_id: KpiId | None = None


class DiffQuery(Place):
    """`against`: the version to compare with; what runs unless given."""

    against: Semver | None = None


class LineageQuery(Place):
    """How far and in which direction to look, how to answer, and whether to look up what the latest runs read."""

    depth: int = Field(default=3, ge=1, le=50)
    direction: Direction = Direction.BOTH
    format: Annotated[str, StringConstraints(pattern="^(json|mermaid|svg)$")] = "json"
    runs: bool = True


class ImpactQuery(Place):
    """`change`: definition, schedule, schedule:<cron>, sla, deprecation, source:<table> or source:<table>.<column>."""

    change: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class SearchQuery(List):
    """Words and facets; several values of a facet are separated by commas and are alternatives."""

    q: Annotated[str, StringConstraints(max_length=1000)] = ""
    limit: Limit = 20
    pack: str | None = None
    layer: str | None = None
    owner: str | None = None
    status: str | None = None
    version: str | None = None
    criticality: str | None = None

    @property
    def facets(self) -> dict[Facet, frozenset[str]]:
        """What narrows the search, always to one environment."""
        asked = {facet: getattr(self, facet.value) for facet in Facet}
        return {facet: frozenset(str(value).split(",")) for facet, value in asked.items() if value}


class AuditQuery(Frozen):
    """Filters of audit events, newest first. Without `environment` the question spans all of them."""

    environment: Environment | None = None
    kpi_id: KpiId | None = None
    actor: Annotated[str, StringConstraints(max_length=256)] | None = None
    action: Annotated[str, StringConstraints(max_length=64)] | None = None
    since: Moment | None = None
    until: Moment | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class Nothing(Frozen):
    """No body."""


class Because(Frozen):
    """A write that needs nothing but its reason."""

    reason: Reason


class Create(Because):
    """A new version, as the dictionary writes it."""

    definition: Kpi


class Update(Create):
    """The whole new content. `row_version` is that of the version the change was made from; without it the last writer wins."""

    row_version: int | None = Field(default=None, ge=1)


class Reschedule(Because):
    """Another schedule."""

    schedule: Schedule


class SlaChange(Because):
    """Other SLA rows, all of them."""

    sla: tuple[Sla, ...] = Field(min_length=1)


class ValidationChange(Because):
    """Other rules; a list that is given replaces the one there was."""

    pre_validation: tuple[PreRule, ...] | None = None
    post_validation: tuple[PostRule, ...] | None = None
    error_policy: ErrorPolicy | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.pre_validation is None and self.post_validation is None and self.error_policy is None:
            raise ValueError("give one of pre_validation, post_validation and error_policy")
        return self


class Submit(Because):
    """What sign-off is asked for."""

    requested: Transition = Transition.PUBLISH


class GoLive(Because):
    """`break_glass` goes around the change window, needs a reason of 20 characters or more, and pages."""

    break_glass: bool = False


class Promote(Because):
    """`source`: the environment to promote from, to the one of the query."""

    source: Environment


class Pause(Because):
    """The whole KPI or one entity of it, from `start` (now, also when that has passed) until `until` (until it is resumed)."""

    entity: Entity | None = None
    start: Moment | None = None
    until: Moment | None = None


class Resume(Because):
    """The whole KPI or one entity of it."""

    entity: Entity | None = None


class StartCanary(GoLive):
    """Which part the version computes, and what counts as equal."""

    subset: Subset
    tolerances: Tolerances = Tolerances()


class Maintenance(Because):
    """A maintenance of everything, one KPI or one entity.

    `begin` pauses with a banner, `update` changes the banner or takes it away, `end` resumes.
    """

    step: Annotated[str, StringConstraints(pattern="^(begin|update|end)$")]
    kpi_id: KpiId | None = None
    entity: Entity | None = None
    start: Moment | None = None
    until: Moment | None = None
    banner: Banner | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.entity is not None and self.kpi_id is None:
            raise ValueError("an entity is of a KPI; name it in kpi_id")
        if self.step == "begin" and self.banner is None:
            raise ValueError("a maintenance begins with a banner: its text and its eta")
        if self.step != "begin" and (self.start is not None or self.until is not None):
            raise ValueError("start and until belong to the beginning")
        if self.step == "end" and self.banner is not None:
            raise ValueError("a maintenance that ends has no banner")
        return self


class BulkItem(Frozen):
    """One KPI of a bulk action."""

    kpi_id: KpiId
    version: Semver


BULK = (Action.KPI_PAUSE, Action.KPI_RESUME, Action.KPI_SUBMIT, Action.KPI_PUBLISH, Action.KPI_UNPUBLISH, Action.KPI_DEPRECATE)


class Bulk(Because):
    """The same action on many KPIs, each on its own; `until` is for pauses."""

    action: Action
    items: tuple[BulkItem, ...] = Field(min_length=1, max_length=MAX_BULK)
    until: Moment | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.action not in BULK:
            raise ValueError(f"in bulk you can {', '.join(BULK)}")
        if len({item.kpi_id for item in self.items}) != len(self.items):
            raise ValueError("each KPI comes once")
        if self.until is not None and self.action is not Action.KPI_PAUSE:
            raise ValueError("until is for pauses")
        return self


class DecisionBody(Because):
    """An approver's word on the content with this hash, in the name of one side."""

    choice: Choice
    side: Side
    content_hash: Hash


class Simulate(Frozen):
    """Who could do it, to which KPI or change request, or to the environment as a whole."""

    action: Action
    environment: Environment = Environment.PRD
    kpi_id: KpiId | None = None
    request_id: Annotated[str, StringConstraints(max_length=64)] | None = None


def as_written(value: Frozen) -> dict[str, JsonValue]:
    """A part of a definition as the dictionary writes it; what was not given is left to its default."""
    return value.model_dump(mode="json", by_alias=True, exclude_unset=True)

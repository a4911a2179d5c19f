"""What a file of alarm tests says, as models: which alarms, which data, and what must come of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from alerts.simulator import State
from alerts.specs import Topic
from alerts.testing.series import NotationError, read_values
from kpis.common import Duration, Frozen, Name, Text, format_duration, parse_duration

START = datetime(2026, 1, 5, tzinfo=UTC)
"""When a test starts that does not say: a Monday at midnight, so that windows are easy to read."""


def _moment(value: Any) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"'{value}' is not a moment; write ISO 8601, such as 2026-01-05T00:00:00Z") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _values(text: str) -> str:
    try:
        read_values(text)
    except NotationError as error:
        raise ValueError(str(error)) from error
    return text


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta():
        raise ValueError("must be longer than nothing")
    return value


Moment = Annotated[datetime, BeforeValidator(_moment)]
Interval = Annotated[Duration, AfterValidator(_positive)]
Offset = Annotated[timedelta, BeforeValidator(parse_duration)]
"""Time since the test's start, such as 45m."""
Values = Annotated[str, BeforeValidator(str), AfterValidator(_values)]
Key = Annotated[str, Field(min_length=1, max_length=255)]


class Target(Frozen):
    """Whose alarms: those of stacks of this repository, or of a deployment that has no stack file."""

    stacks: tuple[str, ...] = ()
    deployment: str | None = None
    tenant: str | None = None
    environment: str = "prod"
    packs: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.stacks) == (self.deployment is not None):
            raise ValueError("say either 'stacks' (such as [acme.prod]) or 'deployment' (with 'tenant' for a tenant's alarms)")
        if self.stacks and (self.tenant or self.packs):
            raise ValueError("'tenant' and 'packs' go with 'deployment'; a stack's file says them already")
        return self


class InputSeries(Frozen):
    """One series and its values; `series` may use ${stem}, ${platform}, ${tenant_id}, ${environment}, ${region}, ${account_id}."""

    series: Text
    values: Values
    interval: Interval | None = None


class Mute(Frozen):
    """A mute window: the actions of these alarms are held back, their states are not."""

    name: Name
    alarms: Annotated[tuple[Key, ...], Field(min_length=1)]
    start: Annotated[Offset, Field(alias="from")]
    end: Annotated[Offset, Field(alias="to")]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end <= self.start:
            raise ValueError("'to' must be after 'from'")
        return self


class Expectation(Frozen):
    """The state of an alarm at a moment; `actions` are the topics told when it entered that state (left out: not checked)."""

    alarm: Key
    at: Offset
    state: State
    actions: tuple[Topic, ...] | None = None


class ExpectedTransition(Frozen):
    """One change of state. The transitions a test lists for an alarm are all it may make, in this order."""

    alarm: Key
    at: Offset
    old: Annotated[State, Field(alias="from")]
    new: Annotated[State, Field(alias="to")]
    actions: tuple[Topic, ...] | None = None


class CaseSpec(Frozen):
    """One test. `evaluate_from`: the alarms are created this long after the series begin; `until`: how long the test goes on."""

    name: Name
    start: Moment = START
    interval: Interval | None = None
    evaluate_from: Offset = timedelta()
    until: Offset | None = None
    input_series: tuple[InputSeries, ...] = ()
    mutes: tuple[Mute, ...] = ()
    actions_enabled: bool = True
    expect: tuple[Expectation, ...] = ()
    transitions: tuple[ExpectedTransition, ...] = ()
    never: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _checks_something(self) -> Self:
        if not (self.expect or self.transitions or self.never):
            raise ValueError("it expects nothing, and zero checks are no success; write 'expect', 'transitions' or 'never'")
        return self

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        for each in (*self.expect, *self.transitions):
            at = format_duration(each.at)
            if each.at < self.evaluate_from:
                raise ValueError(f"{each.alarm} at {at} is before the alarms exist: evaluate_from is {format_duration(self.evaluate_from)}")
            if self.until is not None and each.at > self.until:
                raise ValueError(f"{each.alarm} at {at} is after the test: until is {format_duration(self.until)}")
        if self.until is not None and self.until < self.evaluate_from:
            raise ValueError("'until' is before 'evaluate_from'; nothing would be evaluated")
        return self

    @property
    def alarms(self) -> tuple[str, ...]:
        """The keys of the alarms it checks, in order, once each."""
        return tuple(dict.fromkeys([*(each.alarm for each in (*self.expect, *self.transitions)), *self.never]))


class TestFile(Frozen):
    """A file of tests on one alarm set, or on the same kind of set in several stacks; `interval` holds where a test has none."""

    __test__ = False  # pytest takes any class named Test… for its own

    alarms: Target
    interval: Interval = timedelta(minutes=1)
    tests: Annotated[tuple[CaseSpec, ...], Field(min_length=1)]

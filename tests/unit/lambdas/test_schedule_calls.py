"""Calls to EventBridge Scheduler: throttling waits and goes on, rivals are no errors, and a refusal is told at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.scheduler import ATTEMPTS, EventBridgeSchedules

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def refusal(code: str) -> ClientError:
    kind = {"ConflictException": TakenError, "ResourceNotFoundException": GoneError}.get(code, ClientError)
    return kind({"Error": {"Code": code, "Message": code}}, "call")


class TakenError(ClientError):
    """Somebody made it."""


class GoneError(ClientError):
    """It is not there."""


class Scheduler:
    """A client that answers as it is told, call by call: an exception to raise, or anything else to go on."""

    class exceptions:  # noqa: N801 - boto3's name
        ConflictException = TakenError
        ResourceNotFoundException = GoneError

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []
        self.changed = dict.fromkeys("ab", NOON)

    def _answer(self, name: str) -> None:
        self.calls.append(name)
        code = self.answers.pop(0) if self.answers else ""
        if code:
            raise refusal(code)

    def list_schedules(self, **arguments: Any) -> dict[str, Any]:
        self._answer("list")
        first, *others = ({"Name": name, "LastModificationDate": changed} for name, changed in self.changed.items())
        return {"Schedules": others} if arguments.get("NextToken") == "2" else {"Schedules": [first], "NextToken": "2"}

    def get_schedule(self, **arguments: Any) -> dict[str, Any]:
        self._answer("get")
        return {"Name": arguments["Name"], "LastModificationDate": self.changed[arguments["Name"]]}

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda **_: self._answer(name.removesuffix("_schedule"))


def schedules(client: Scheduler, waits: list[float]) -> EventBridgeSchedules:
    def clients(service: str) -> Any:
        assert service == "scheduler"
        return client

    made: Any = clients
    return EventBridgeSchedules(made, sleep=waits.append, jitter=lambda: 1.0, now=lambda: NOON + timedelta(minutes=1))


def test_a_throttled_call_is_repeated_after_longer_and_longer_pauses() -> None:
    waits: list[float] = []
    client = Scheduler("ThrottlingException", "ThrottlingException", "ThrottlingException")
    schedules(client, waits).delete("g", "a")
    assert client.calls == ["delete"] * 4
    assert waits == [0.1, 0.2, 0.4]


def test_throttling_that_does_not_end_is_told() -> None:
    client = Scheduler(*["ThrottlingException"] * 20)
    with pytest.raises(ClientError, match="Throttling"):
        schedules(client, []).delete("g", "a")
    assert len(client.calls) == ATTEMPTS


def test_a_page_that_was_throttled_is_asked_for_again_and_none_is_lost() -> None:
    client = Scheduler("", "ThrottlingException", "")
    assert set(schedules(client, []).all("g")) == {"a", "b"}
    assert client.calls[:3] == ["list", "list", "list"]


def test_what_a_rival_removed_meanwhile_is_created_and_what_a_rival_created_is_updated() -> None:
    gone, made = Scheduler("ResourceNotFoundException"), Scheduler("ConflictException")
    schedules(gone, []).put("g", "a", {}, new=False)
    schedules(made, []).put("g", "a", {}, new=True)
    assert (gone.calls, made.calls) == (["update", "create"], ["create", "update"])


def test_what_is_gone_already_is_what_a_deletion_wanted_and_reads_as_nothing() -> None:
    client = Scheduler("ResourceNotFoundException", "ResourceNotFoundException")
    made = schedules(client, [])
    made.delete("g", "a")
    assert made.get("g", "a") is None


def test_a_refusal_is_not_repeated() -> None:
    client = Scheduler("ValidationException")
    with pytest.raises(ClientError, match="Validation"):
        schedules(client, []).put("g", "a", {}, new=False)
    assert client.calls == ["update"]


def test_what_did_not_change_since_it_was_read_is_not_read_again() -> None:
    client = Scheduler()
    made = schedules(client, [])
    first = made.all("g")
    client.calls.clear()
    assert made.all("g") == first
    assert client.calls == ["list", "list"]
    client.changed["b"] = NOON + timedelta(seconds=10)
    assert made.all("g")["b"]["LastModificationDate"] == NOON + timedelta(seconds=10)
    assert client.calls.count("get") == 1


def test_what_changed_a_moment_ago_is_read_every_time_since_it_may_change_again_within_the_same_second() -> None:
    client = Scheduler()
    client.changed["b"] = NOON + timedelta(seconds=58)
    made = schedules(client, [])
    made.all("g")
    client.calls.clear()
    made.all("g")
    assert client.calls == ["list", "list", "get"]


def test_what_was_removed_is_forgotten() -> None:
    client = Scheduler()
    made = schedules(client, [])
    made.all("g")
    del client.changed["b"]
    assert set(made.all("g")) == {"a"}
    client.changed["b"] = NOON
    assert set(made.all("g")) == {"a", "b"}
    assert client.calls.count("get") == 3


def test_a_group_that_somebody_removed_has_no_schedules() -> None:
    assert EventBridgeSchedules(lambda _: Scheduler("ResourceNotFoundException")).all("g") == {}  # type: ignore[arg-type]

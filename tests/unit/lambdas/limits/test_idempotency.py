"""A call with a key happens once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.limits.errors import RetryLaterError
from lambdas.domain.limits.idempotency import KEPT, LEASE, MAX_BODY, Answer, Call, Idempotency
from tests.unit.lambdas.limits.stores import Clock, Memory, together

CALL = Call("ada", "POST", "/kpis/CFO-EF-02/versions/1.0.0/pause", body=b'{"reason": "maintenance"}')


class Desk:
    """The work behind the key: it counts how often it was done."""

    def __init__(self) -> None:
        self.store, self.clock = Memory(), Clock()
        self.idempotency = Idempotency(self.store, self.clock.now)
        self.done = 0

    def work(self, status: int = 200) -> Answer:
        self.done += 1
        return Answer(status, f'{{"number": {self.done}}}')

    def ask(self, key: str = "k-1", call: Call = CALL, tenant: str = "acme", work: Callable[[], Answer] | None = None) -> Answer:
        return self.idempotency.once(tenant, key, call, work or self.work)


def test_a_repeated_call_gets_the_first_answer_and_nothing_happens() -> None:
    desk = Desk()
    first, second = desk.ask(), desk.ask()
    assert desk.done == 1
    assert not first.repeated
    assert second == replace(first, repeated=True)


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, body=b'{"reason": "holiday"}'),
        replace(CALL, path="/kpis/CFO-EF-02/versions/1.0.0/resume"),
        replace(CALL, method="PUT"),
        replace(CALL, query="environment=prod"),
        replace(CALL, subject="bob"),
        replace(CALL, body=b"not json"),
        replace(CALL, body=b""),
    ],
)
def test_the_key_of_another_call_is_a_conflict(other: Call) -> None:
    desk = Desk()
    desk.ask()
    with pytest.raises(KpiError, match="was used for another call") as refused:
        desk.ask(call=other)
    assert (refused.value.code, desk.done) == (ErrorCode.CONFLICT, 1)


def test_a_call_in_flight_is_a_conflict_with_a_time_to_come_back() -> None:
    desk = Desk()

    def slow() -> Answer:
        desk.clock.pass_(seconds=20)
        with pytest.raises(RetryLaterError, match="in progress; ask again in 40 s") as refused:
            desk.ask()
        assert (refused.value.code, refused.value.retry_after) == (ErrorCode.CONFLICT, 40)
        return desk.work()

    desk.ask(work=slow)
    assert desk.ask().repeated


def test_another_payload_is_a_conflict_while_the_first_is_in_flight_too() -> None:
    desk = Desk()

    def slow() -> Answer:
        with pytest.raises(KpiError, match="was used for another call"):
            desk.ask(call=replace(CALL, body=b"{}"))
        return desk.work()

    desk.ask(work=slow)


def test_a_key_is_kept_for_a_day() -> None:
    desk = Desk()
    desk.ask()
    desk.clock.pass_(hours=23, minutes=59)
    assert desk.ask().repeated
    desk.clock.pass_(minutes=1)
    assert not desk.ask(call=replace(CALL, body=b"{}")).repeated
    assert desk.done == 2


def test_the_store_may_drop_a_record_only_when_it_means_nothing_any_more() -> None:
    desk = Desk()
    desk.ask()
    row = desk.store.rows["acme", "idem#k-1"][0]
    assert row["expires_at"] >= (desk.clock.now() + KEPT).timestamp()


def test_tenants_may_use_the_same_key() -> None:
    desk = Desk()
    desk.ask()
    assert not desk.ask(tenant="globex").repeated
    assert desk.done == 2


def test_a_refusal_is_not_kept_so_the_call_can_be_mended() -> None:
    desk = Desk()
    assert desk.ask(work=lambda: desk.work(400)).status == 400
    assert desk.ask(call=replace(CALL, body=b'{"reason": "better"}')).status == 200
    assert desk.done == 2


def test_a_failure_is_not_kept_so_the_call_can_be_tried_again() -> None:
    desk = Desk()

    def fail() -> Answer:
        raise TimeoutError("the store did not answer")

    with pytest.raises(TimeoutError):
        desk.ask(work=fail)
    assert desk.ask().status == 200


def test_who_died_in_flight_is_taken_over_when_its_lease_is_over() -> None:
    desk = Desk()

    def die() -> Answer:
        desk.store.swap = lambda *_: True  # type: ignore[method-assign] - nothing is written any more
        return desk.work()

    desk.ask(work=die)
    del desk.store.swap
    with pytest.raises(RetryLaterError):
        desk.ask()
    desk.clock.pass_(seconds=LEASE.total_seconds())
    assert desk.ask().status == 200
    assert desk.ask().repeated


def test_who_outlived_its_lease_does_not_replace_the_other_s_answer() -> None:
    desk = Desk()
    second: list[Answer] = []

    def very_slow() -> Answer:
        desk.clock.pass_(seconds=LEASE.total_seconds() + 1)
        second.append(desk.ask(work=lambda: Answer(200, '"of the second"')))
        return Answer(200, '"of the first"')

    desk.ask(work=very_slow)
    assert desk.ask().body == second[0].body == '"of the second"'


def test_who_failed_late_does_not_free_a_key_that_is_another_s_by_now() -> None:
    desk = Desk()

    def very_slow() -> Answer:
        desk.clock.pass_(seconds=LEASE.total_seconds() + 1)
        desk.ask()
        raise TimeoutError

    with pytest.raises(TimeoutError):
        desk.ask(work=very_slow)
    assert desk.ask().repeated


def test_an_answer_too_long_to_be_kept_is_still_not_given_twice() -> None:
    desk = Desk()
    desk.ask(work=lambda: Answer(200, "x" * (MAX_BODY + 1)))
    with pytest.raises(KpiError, match="too long to be kept") as refused:
        desk.ask()
    assert (refused.value.code, desk.done) == (ErrorCode.CONFLICT, 0)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 65, "ключ", "a\nb", "a#\x00"])
def test_a_key_of_another_form_is_refused_before_anything_is_read(key: str) -> None:
    desk = Desk()
    with pytest.raises(KpiError, match="X-Idempotency-Key must be 1 to 64") as refused:
        desk.ask(key=key)
    assert (refused.value.code, desk.store.operations, desk.done) == (ErrorCode.INVALID_INPUT, 0, 0)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(values, values)
def test_bodies_are_the_same_call_exactly_when_they_say_the_same(one: object, other: object) -> None:
    def fingerprint(value: object, **style: object) -> str:
        return replace(CALL, body=json.dumps(value, **style).encode()).fingerprint  # type: ignore[arg-type]

    assert fingerprint(one) == fingerprint(one, indent=2, sort_keys=True, ensure_ascii=False) if _encodable(one) else True
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(one) == fingerprint(other)) == same


def _encodable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@settings(deadline=None)
@given(st.binary(max_size=20))
def test_any_bytes_have_a_fingerprint(body: bytes) -> None:
    assert len(replace(CALL, body=body).fingerprint) == 64


@settings(deadline=None)
@given(
    st.lists(st.sampled_from((b"{}", b'{"other": 1}')), min_size=2, max_size=5),
    st.lists(st.sampled_from((200, 201, 400, 503, 0)), min_size=5, max_size=5),
    st.lists(st.integers(0, 4), max_size=30),
)
def test_callers_at_the_same_moment_are_done_once_or_told_so(bodies: list[bytes], outcomes: list[int], order: list[int]) -> None:
    """However they interleave: one success at most, and all who were answered were answered the same."""
    store, clock = Memory(), Clock()
    idempotency, done = Idempotency(store, clock.now), []

    def caller(number: int) -> Callable[[], Answer]:
        def work() -> Answer:
            store.read("acme", "something")  # others may come in between
            if not outcomes[number]:
                raise TimeoutError
            answer = Answer(outcomes[number], f'"{number}"')
            if answer.status < 400:
                done.append((bodies[number], answer))
            return answer

        return lambda: idempotency.once("acme", "k", replace(CALL, body=bodies[number]), work)

    results = together(store, [caller(number) for number in range(len(bodies))], order)
    assert len(done) <= 1
    for body, result in zip(bodies, results, strict=True):
        if isinstance(result, Answer) and result.status < 400:
            assert (body, result.body) == (done[0][0], done[0][1].body)
        elif isinstance(result, KpiError):
            assert result.code is ErrorCode.CONFLICT
    assert [result for result in results if result is None] == []

"""Stores in memory, and callers that run at the same time in an order the test decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from threading import Event, Thread
from typing import Any

from lambdas.domain.limits.rows import Mark, Row

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Time stands still until the test moves it."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def pass_(self, **duration: float) -> None:
        self.at += timedelta(**duration)


class Memory:
    """`Rows` and `Buckets` as the table keeps them. `turn` runs before each single write or read, and may let others go first."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        self.full_at: dict[tuple[str, str], int] = {}
        self.turn: Callable[[], None] = lambda: None
        self.operations = 0

    def _wait(self) -> None:
        self.operations += 1
        self.turn()

    def read(self, tenant_id: str, key: str) -> Row | None:
        self._wait()
        found = self.rows.get((tenant_id, key))
        return Row(deepcopy(found[0]), found[1]) if found else None

    def swap(self, tenant_id: str, key: str, values: Mapping[str, Any], expect: int) -> bool:
        self._wait()
        found = self.rows.get((tenant_id, key))
        if (found[1] if found else 0) != expect:
            return False
        self.rows[tenant_id, key] = (deepcopy(dict(values)), expect + 1)
        return True

    def push(self, tenant_id: str, key: str, by: int, at_least: int, at_most: int) -> Mark:
        self._wait()
        found = self.full_at.get((tenant_id, key))
        if found is None or not at_least <= found <= at_most:
            return Mark(done=False, full_at=found)
        self.full_at[tenant_id, key] = found + by
        return Mark(done=True, full_at=found + by)

    def restart(self, tenant_id: str, key: str, full_at: int, before: int) -> Mark:
        self._wait()
        found = self.full_at.get((tenant_id, key))
        if found is not None and found >= before:
            return Mark(done=False, full_at=found)
        self.full_at[tenant_id, key] = full_at
        return Mark(done=True, full_at=full_at)


class _Caller(Thread):
    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work, self.result = work, None
        self.go, self.stopped, self.over = Event(), Event(), False

    def run(self) -> None:
        self.go.wait()
        try:
            self.result = self.work()
        except Exception as error:  # noqa: BLE001 - what a caller got, for the test to look at
            self.result = error
        self.over = True
        self.stopped.set()

    def step(self) -> None:
        """Let it run to its next operation on the store, or to its end."""
        self.stopped.clear()
        self.go.set()
        assert self.stopped.wait(10)

    def pause(self) -> None:
        self.go.clear()
        self.stopped.set()
        assert self.go.wait(10)


def together(store: Memory, works: Sequence[Callable[[], Any]], order: Sequence[int]) -> list[Any]:
    """What each of the callers got. `order` says who does the next operation on the store; then they take turns."""
    callers = [_Caller(work) for work in works]
    current: list[_Caller] = []
    store.turn = lambda: current[0].pause()  # noqa: PLW0108 - whose turn it is when it is called
    for caller in callers:
        caller.start()
    steps = chain(order, count())
    while alive := [caller for caller in callers if not caller.over]:
        current[:] = [alive[next(steps) % len(alive)]]
        current[0].step()
    store.turn = lambda: None
    for caller in callers:
        caller.join()
    return [caller.result for caller in callers]

"""EventBridge Scheduler: the schedules of one group.

AWS throttles reads and writes of schedules by account and region (EventBridge Scheduler quotas); the SDK's own retries are not enough for
a pass over thousands, so throttled calls wait here, longer each time and each by a random share.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from lambdas.adapters.aws import Clients, code_of

PARALLEL = 8
ATTEMPTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds."""
_THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "InternalServerException", "ServiceUnavailableException"})
KEPT = 50_000
"""Schedules that a process remembers, at about 2 KB each."""
SETTLED = timedelta(seconds=5)
"""A schedule that was changed less long ago is not remembered: it may change again within what its date tells apart."""
Answer = TypeVar("Answer")


class EventBridgeSchedules:
    """Reads and writes schedules.

    A list of a group tells when each was changed and not what it is, and reading one is one call. So what was read is remembered by
    that date, and a group is read by several threads. All passes of a warm function but the first make one call for a hundred schedules.
    """

    def __init__(
        self,
        clients: Clients,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        self._known: dict[tuple[str, str], tuple[datetime, dict[str, Any]]] = {}
        self._client = clients("scheduler")
        self._sleep = sleep
        self._jitter = jitter

    def all(self, group: str) -> dict[str, dict[str, Any]]:
        """Every schedule of a group, complete, by name; none of a group that is gone. One that is removed meanwhile is left out."""
        at = self._now()
        try:
            listed = dict(self._listed(group))
        except self._client.exceptions.ResourceNotFoundException:
            listed = {}
        known = {name: self._known[group, name][1] for name, changed in listed.items() if self._is_known(group, name, changed)}
        names = [name for name in listed if name not in known]
        with ThreadPoolExecutor(PARALLEL) as pool:
            read = dict(zip(names, pool.map(self.get, [group] * len(names), names), strict=True))
        found = {name: schedule for name in listed if (schedule := known.get(name) or read.get(name)) is not None}
        self._remember(group, found, {name: changed for name, changed in listed.items() if changed is not None and at - changed > SETTLED})
        return found

    def _is_known(self, group: str, name: str, changed: datetime | None) -> bool:
        known = self._known.get((group, name))
        return known is not None and known[0] == changed

    def _remember(self, group: str, found: Mapping[str, dict[str, Any]], settled: Mapping[str, datetime]) -> None:
        for key in [key for key in self._known if key[0] == group and key[1] not in found]:
            del self._known[key]
        for name in found.keys() & settled.keys():
            # A schedule that changed between the list and the reading is what the next list says it is.
            if len(self._known) < KEPT and found[name].get("LastModificationDate") == settled[name]:
                self._known[group, name] = settled[name], found[name]

    def _listed(self, group: str) -> Iterator[tuple[str, datetime | None]]:
        arguments: dict[str, Any] = {"GroupName": group, "MaxResults": 100}
        while True:
            # Page by page by hand: a paginator that was throttled cannot go on.
            page: dict[str, Any] = self._retried(partial(self._client.list_schedules, **arguments))
            yield from ((str(item["Name"]), item.get("LastModificationDate")) for item in page["Schedules"])
            if not page.get("NextToken"):
                return
            arguments["NextToken"] = page["NextToken"]

    def get(self, group: str, name: str) -> dict[str, Any] | None:
        """One schedule, complete; None when there is none of this name."""
        try:
            return self._retried(lambda: self._client.get_schedule(GroupName=group, Name=name))
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def put(self, group: str, name: str, schedule: Mapping[str, Any], *, new: bool) -> None:
        """Create a schedule, or make the one of this name what is given, whoever else creates or removes it meanwhile.

        `new` says what is more likely, and so which is tried first.
        """
        create = partial(self._client.create_schedule, GroupName=group, Name=name, **schedule)
        update = partial(self._client.update_schedule, GroupName=group, Name=name, **schedule)
        refused = self._client.exceptions.ConflictException if new else self._client.exceptions.ResourceNotFoundException
        try:
            self._retried(create if new else update)
        except refused:
            self._retried(update if new else create)

    def delete(self, group: str, name: str) -> None:
        """Remove a schedule; one that is gone already is what was wanted."""
        try:
            self._retried(lambda: self._client.delete_schedule(GroupName=group, Name=name))
        except self._client.exceptions.ResourceNotFoundException:
            return

    def _retried(self, call: Callable[[], Answer]) -> Answer:
        from botocore.exceptions import ClientError

        for attempt in range(ATTEMPTS - 1):
            try:
                return call()
            except ClientError as error:
                if code_of(error) not in _THROTTLED:
                    raise
            self._sleep(self._jitter() * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt))
        return call()

"""EventBridge Scheduler: the schedules of one group."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.adapters.aws import Clients

PARALLEL = 8


class EventBridgeSchedules:
    """Reads and writes schedules. Reading one is one call, so a group is read by several threads."""

    def __init__(self, clients: Clients) -> None:
        self._client = clients("scheduler")

    def all(self, group: str) -> dict[str, dict[str, Any]]:
        """Every schedule of a group, complete, by name."""
        names: list[str] = []
        for page in self._client.get_paginator("list_schedules").paginate(GroupName=group):
            names += [item["Name"] for item in page["Schedules"]]
        with ThreadPoolExecutor(PARALLEL) as pool:
            found = list(pool.map(self._get, [group] * len(names), names))
        return dict(zip(names, found, strict=True))

    def _get(self, group: str, name: str) -> dict[str, Any]:
        return self._client.get_schedule(GroupName=group, Name=name)

    def create(self, group: str, name: str, schedule: Mapping[str, Any]) -> None:
        self._client.create_schedule(GroupName=group, Name=name, **schedule)

    def update(self, group: str, name: str, schedule: Mapping[str, Any]) -> None:
        self._client.update_schedule(GroupName=group, Name=name, **schedule)

    def delete(self, group: str, name: str) -> None:
        """Remove a schedule; one that is gone already is what was wanted."""
        try:
            self._client.delete_schedule(GroupName=group, Name=name)
        except self._client.exceptions.ResourceNotFoundException:
            return

"""The bus on EventBridge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.adapters.aws import Clients
from lambdas.domain.errors import ErrorCode, KpiError

SOURCE = "kpi.observatory"


class EventBus:
    """Publishes events of the platform."""

    def __init__(self, clients: Clients, bus_name: str) -> None:
        self._clients = clients
        self._bus_name = bus_name

    def publish(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Publish up to ten events in one call.

        Raises:
            KpiError: INTERNAL when the bus took less than all; what it took may be published again.
        """
        entries = [
            {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": self._bus_name} for kind, detail in events
        ]
        answer = self._clients("events").put_events(Entries=entries)
        if answer.get("FailedEntryCount"):
            codes = sorted({str(entry.get("ErrorCode")) for entry in answer["Entries"] if entry.get("ErrorCode")})
            raise KpiError(ErrorCode.INTERNAL, f"bus {self._bus_name} refused {answer['FailedEntryCount']} events: {', '.join(codes)}")

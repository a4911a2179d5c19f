"""What a change request waits for at a moment: a decision, its change window, somebody to carry it out, or nothing any more.

The state machine `kpi-change` asks this again after every step, so what it was told before never decides: only the request's row does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lambdas.domain.control.requests import LIVE, ChangeRequest, RequestState, overdue
from lambdas.domain.timestamps import iso, parse

LONGEST_SECONDS = 86_400
"""How long is waited at most before looking again when a request has no deadline, as while its canary runs."""


class Pending(StrEnum):
    """What comes next. `publication` waits for a person too: the request is signed and nobody has carried it out yet."""

    DECISION = "decision"
    PUBLICATION = "publication"
    WINDOW = "window"
    OVERDUE = "overdue"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        pending: what comes next.
        seen: the row_version of the request that was looked at, 0 when there is none.
        seconds: how long to wait for a person at most; at least 1, as Step Functions demands.
        until: when the change window opens, ISO 8601 in UTC.
    """

    pending: Pending
    seen: int
    seconds: int
    until: str

    def as_json(self) -> dict[str, str | int]:
        """What the state machine reads."""
        return {"pending": self.pending.value, "seen": self.seen, "seconds": self.seconds, "until": self.until}


def look(request: ChangeRequest | None, row_version: int, at: datetime) -> Look:
    """What a request waits for at a moment; None stands for one that is not there."""
    now = iso(at)
    if request is None or request.state not in LIVE:
        return Look(Pending.NOTHING, row_version, 1, now)
    if overdue(request, at) is not None:
        return Look(Pending.OVERDUE, row_version, 1, now)
    if request.state is RequestState.APPROVED and request.waiting_until is not None:
        return Look(Pending.WINDOW, row_version, 1, request.waiting_until)
    if request.state is RequestState.OPEN:
        return Look(Pending.DECISION, row_version, _seconds(request.expires_at, at), request.expires_at)
    if request.execute_by is None:
        return Look(Pending.PUBLICATION, row_version, LONGEST_SECONDS, now)
    return Look(Pending.PUBLICATION, row_version, _seconds(request.execute_by, at), request.execute_by)


def _seconds(deadline: str, at: datetime) -> int:
    return max(1, math.ceil((parse(deadline) - at).total_seconds()))

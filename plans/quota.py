"""What a quota of AWS is: one row of the table in `plans/quotas.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a quota counts over."""

    ACCOUNT = "account"
    REGION = "account and Region"
    RESOURCE = "resource"
    REQUEST = "request"


class Effect(StrEnum):
    """What happens beyond a quota."""

    REFUSES = "refuses"
    """AWS refuses: the deployment, the write or the run fails."""
    SLOWS = "slows"
    """AWS throttles: work is late, or succeeds after retries."""


@dataclass(frozen=True)
class Quota:
    """One limit of AWS.

    `value` is the default in `unit`; where Regions differ, that of the Regions with the least. `most` is what AWS grants at the
    utmost, None where the documentation names no ceiling or the limit is hard. `remedy` says what to do when a plan exceeds it.
    """

    key: str
    what: str
    value: int
    unit: str
    scope: Scope
    source: str
    remedy: str
    adjustable: bool = False
    most: int | None = None
    effect: Effect = Effect.REFUSES

    @property
    def service(self) -> str:
        """The service's word: the key up to its first dot."""
        return self.key.partition(".")[0]

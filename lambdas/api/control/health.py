"""Whether what the API needs answers (O4). Public, so it says names and times, and nothing about tenants or causes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from lambdas.api.control.responses import Answer

logger = logging.getLogger("kpi.api")
KEPT = timedelta(seconds=10)
"""How long a finding is told again: callers without a token cannot make the API ask more often."""
PATIENCE = timedelta(seconds=5)
"""What has not answered by then does not answer."""


class Part(StrEnum):
    """What the API needs."""

    CATALOG = "catalog"
    AUDIT_LOG = "audit_log"
    RUN_LOGS = "run_logs"
    RESULT_STORE = "result_store"
    OBJECTS = "objects"
    SECRETS = "secrets"


class Checked(StrEnum):
    """What can be asked about, and the parts it has."""

    DB = "db"
    DEPENDENCIES = "dependencies"

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in the order they are told."""
        stores = (Part.CATALOG, Part.AUDIT_LOG, Part.RUN_LOGS, Part.RESULT_STORE)
        return stores if self is Checked.DB else tuple(Part)


class PartHealth(Answer):
    """One part; `latency_ms` until it answered, or until it was given up."""

    part: Part
    ok: bool
    latency_ms: int


class HealthReport(Answer):
    """All of what was asked about; `age_seconds`: how old the oldest finding is."""

    status: str
    checks: tuple[PartHealth, ...]
    age_seconds: int


@dataclass
class Health:
    """Asks the parts, at most every `KEPT`. `probes` return when their part answers, and raise anything when it does not."""

    probes: Mapping[Part, Callable[[], None]]
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[Part, tuple[float, PartHealth]] = field(default_factory=dict[Part, "tuple[float, PartHealth]"])

    def check(self, what: Checked) -> HealthReport:
        """How the parts are."""
        now = self.monotonic()
        old = [part for part in what.parts if part not in self._known or now - self._known[part][0] >= KEPT.total_seconds()]
        self._known |= {found.part: (now, found) for found in self._ask(old)}
        found = [self._known[part] for part in what.parts]
        checks = tuple(each for _, each in found)
        oldest = min(at for at, _ in found)
        return HealthReport(status="ok" if all(each.ok for each in checks) else "degraded", checks=checks, age_seconds=int(now - oldest))

    def _ask(self, parts: Sequence[Part]) -> Iterable[PartHealth]:
        if not parts:
            return ()
        # Not a with block: it would wait for a probe that hangs.
        pool = ThreadPoolExecutor(len(parts), thread_name_prefix="health")
        asked = {part: pool.submit(_timed, self.probes[part]) for part in parts}
        wait(asked.values(), PATIENCE.total_seconds())
        pool.shutdown(wait=False, cancel_futures=True)
        return [_finding(part, future) for part, future in asked.items()]


def _timed(probe: Callable[[], None]) -> float:
    started = time.perf_counter()
    probe()
    return time.perf_counter() - started


def _finding(part: Part, future: Future[float]) -> PartHealth:
    if not future.done():
        logger.warning("%s does not answer within %s", part, PATIENCE)
        return PartHealth(part=part, ok=False, latency_ms=int(PATIENCE.total_seconds() * 1000))
    error = future.exception()
    if error is not None:
        logger.warning("%s does not answer", part, exc_info=error)
        return PartHealth(part=part, ok=False, latency_ms=0)
    return PartHealth(part=part, ok=True, latency_ms=round(future.result() * 1000))

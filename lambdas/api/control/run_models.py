"""What callers send to start a run."""

from __future__ import annotations

from lambdas.api.control.requests import Reason
from lambdas.domain.control.running import RunNow


class StartRun(RunNow):
    """A run of what is active. With `during_pause` it goes ahead in spite of pauses, which its row in the run log says."""

    reason: Reason

    @property
    def wanted(self) -> RunNow:
        """What is asked for, without why."""
        return RunNow(period=self.period, entities=self.entities, scd_view=self.scd_view, during_pause=self.during_pause)

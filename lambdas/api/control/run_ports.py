"""What starting runs needs of the world."""

from __future__ import annotations

from typing import Protocol

from lambdas.domain.model import RunRequest


class RunStarter(Protocol):
    """Starts executions of the run machine."""

    def start(self, name: str, request: RunRequest) -> bool:
        """Start an execution; False when the name has been used already."""
        ...

"""What AWS does and the emulator does not: runs Fargate tasks as processes, makes metrics of logs, evaluates alarms.

One process, `python -m local.agent`, whose whole memory is `.local/agent/`; it may be killed at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.processes import Service
    from local.settings import LocalSettings

__all__ = ["service"]


def service(settings: LocalSettings) -> Service:
    """How to run the agent in the background."""
    from local.agent.status import is_alive
    from local.processes import Service

    return Service(
        name="agent",
        command=(str(settings.python), "-m", "local.agent"),
        ready=lambda: is_alive(settings),
        cwd=settings.root,
        stop_seconds=20,
    )

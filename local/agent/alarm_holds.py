"""What holds back the actions of an alarm: a mute rule, or the suppressor of a composite. Pure.

Source: "How alarm mute rules work" and "Suppressing composite alarm actions" in the CloudWatch user guide, as `alerts.simulator.actions`
has it for a whole history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.simulator import MuteWindow, State
from alerts.simulator.composite import alarm_name


@dataclass(frozen=True)
class Surroundings:
    """What is known besides the alarm itself: open mute windows, the states of all alarms, and when each last left ALARM."""

    windows: Sequence[MuteWindow]
    states: Mapping[str, State]
    left_alarm: Mapping[str, float]


def held_by(definition: Mapping[str, Any], around: Surroundings, wait_until: float, now: float) -> str | None:
    """What keeps an alarm from acting now; None when nothing does. Times are in seconds since the epoch.

    `definition` is the Put…Alarm request, `wait_until` the end of `wait_of` its latest change to ALARM.
    """
    name = definition["AlarmName"]
    muted = next((window.name for window in around.windows if name in window.alarms), None)
    return f"mute rule {muted}" if muted is not None else _suppressed(definition, around, wait_until, now)


def wait_of(definition: Mapping[str, Any]) -> float:
    """How many seconds a composite that goes to ALARM waits for its suppressor; 0 without one."""
    return float(definition.get("ActionsSuppressorWaitPeriod") or 0) if definition.get("ActionsSuppressor") else 0.0


def _suppressed(definition: Mapping[str, Any], around: Surroundings, wait_until: float, now: float) -> str | None:
    if not definition.get("ActionsSuppressor"):
        return None
    name = alarm_name(definition["ActionsSuppressor"])
    extended = around.left_alarm.get(name, float("-inf")) + float(definition.get("ActionsSuppressorExtensionPeriod") or 0)
    return f"suppressor {name}" if around.states.get(name) is State.ALARM or now < extended or now < wait_until else None

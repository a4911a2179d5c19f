"""How many states a run enters: what Step Functions charges for (a state transition is counted each time a step is executed)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import orjson

from kpis.common import Lane


class MachineError(ValueError):
    """The definition has a form this cannot follow."""


def states_of_a_run(definition: str, lane: Lane) -> int:
    """The states that an attempt without errors enters, from the first to the end.

    Choices are followed by the lane where they ask for it (`StringEquals`), else by their default.

    Raises:
        MachineError: when a state is missing, or the path never ends.
    """
    document = cast("dict[str, Any]", orjson.loads(definition))
    states = cast("dict[str, dict[str, Any]]", document["States"])
    name: str | None = document["StartAt"]
    entered: list[str] = []
    while name is not None:
        if name not in states or name in entered:
            path = " -> ".join((*entered, name))
            raise MachineError(f"the state machine goes {path}, which {'is a loop' if name in entered else 'does not exist'}")
        entered.append(name)
        name = _next(states[name], lane)
    return len(entered)


def _next(state: Mapping[str, Any], lane: Lane) -> str | None:
    if state["Type"] != "Choice":
        following: str | None = state.get("Next")
        return following
    for choice in state["Choices"]:
        if choice.get("StringEquals") == lane.value:
            return str(choice["Next"])
    return str(state["Default"])

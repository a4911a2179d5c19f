"""From an ECS task and its definition to the process that stands for its container. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

TOKEN_VARIABLE = "KPI_TASK_TOKEN"  # noqa: S105 - the name of a variable
_PYTHON = ("python", "python3")


class UnsupportedTaskError(ValueError):
    """This task cannot stand as a local process."""


@dataclass(frozen=True)
class ContainerProcess:
    """What to run: arguments after the interpreter, environment of the container, the log it writes and its token."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    token: str | None
    log_group: str | None
    log_stream: str | None


def container_process(task: Mapping[str, Any], definition: Mapping[str, Any]) -> ContainerProcess:
    """The process of a task's essential container, overrides applied.

    Raises:
        UnsupportedTaskError: when it does not run Python, which is all the agent has for an image.
    """
    container = _essential(definition)
    override = _override(task, str(container["name"]))
    command = cast("Sequence[str]", override.get("command") or container.get("command") or [])
    if len(command) < 2 or command[0] not in _PYTHON:  # noqa: PLR2004
        family = definition.get("family", "?")
        raise UnsupportedTaskError(
            f"task definition {family}, container {container['name']}: command {list(command)} cannot run here; "
            "expected python and its arguments, such as ['python', '-m', 'lambdas.run_heavy']"
        )
    environment = {**_environment(container), **_environment(override)}
    group, stream = _log(container, str(task["taskArn"]).rpartition("/")[2])
    return ContainerProcess(tuple(command[1:]), environment, environment.get(TOKEN_VARIABLE), group, stream)


def _essential(definition: Mapping[str, Any]) -> dict[str, Any]:
    containers = cast("list[dict[str, Any]]", definition["containerDefinitions"])
    return next((each for each in containers if each.get("essential", True)), containers[0])


def _override(task: Mapping[str, Any], name: str) -> dict[str, Any]:
    overrides = cast("dict[str, list[dict[str, Any]]]", task.get("overrides") or {}).get("containerOverrides", [])
    nothing: dict[str, Any] = {}
    return next((each for each in overrides if each.get("name") == name), nothing)


def _environment(source: Mapping[str, Any]) -> dict[str, str]:
    pairs = cast("Sequence[Mapping[str, str]]", source.get("environment", []))
    return {pair["name"]: pair["value"] for pair in pairs}


def _log(container: Mapping[str, Any], task_id: str) -> tuple[str | None, str | None]:
    configuration = cast("dict[str, Any]", container.get("logConfiguration") or {})
    options = cast("dict[str, str]", configuration.get("options") or {})
    if configuration.get("logDriver") != "awslogs" or "awslogs-group" not in options:
        return None, None
    prefix = options.get("awslogs-stream-prefix")
    return options["awslogs-group"], "/".join([prefix, str(container["name"]), task_id] if prefix else [task_id])

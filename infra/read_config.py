"""Reads a stack's config into its model, or reports every problem at once: file, key and expected form."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args

import pulumi
from pulumi.runtime import config as engine_config
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from infra.config import Common
from infra.stack import PROJECT, StackInfo

Model = TypeVar("Model", bound=Common)
_OPENERS = ("{", "[")


class ConfigError(pulumi.RunError):
    """The stack's config is not usable; the message lists every problem."""


def engine_values() -> dict[str, str]:
    """Every config value the engine gave to this program, by full key; both of Pulumi's language hosts are covered."""
    return {**engine_config.get_config_env(), **engine_config.CONFIG.get()}


def read(info: StackInfo, model: type[Model], values: Mapping[str, str]) -> Model:
    """The config of a stack.

    Raises:
        ConfigError: with one line a problem.
    """
    prefix = f"{PROJECT}:"
    mine = {key.removeprefix(prefix): _parsed(value) for key, value in values.items() if key.startswith(prefix)}
    try:
        return model.model_validate(mine)
    except ValidationError as error:
        lines = [f"  {prefix}{line}" for line in _lines(error, model)]
        raise ConfigError(f"{info.config_file}: {len(lines)} problem(s) in the config of stack {info.name}\n" + "\n".join(lines)) from error


def region(info: StackInfo, values: Mapping[str, str]) -> str:
    """The AWS region of a stack.

    Raises:
        ConfigError: when `aws:region` is missing.
    """
    found = values.get("aws:region")
    if not found:
        raise ConfigError(f"{info.config_file}: aws:region is missing; expected an AWS region, such as us-east-1")
    return found


def _parsed(value: str) -> Any:
    """Nested values arrive as JSON text, scalars as plain text."""
    if value.lstrip().startswith(_OPENERS):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def _lines(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        place = problem["loc"]
        holder, description = _walk(model, place)
        # A default that is refused goes by the field's own name, which is not the key's.
        root = model.model_fields.get(str(place[0])) if place else None
        key = ".".join(str(part) for part in ((root.alias or place[0], *place[1:]) if root else place))
        if problem["type"] == "extra_forbidden":
            yield f"{key}: unknown key{_nearest(str(place[-1]), holder)}"
        elif problem["type"] == "missing":
            yield f"{key}: missing; expected {description}"
        else:
            yield f"{key}: is {_shown(problem)}; expected {description or problem['msg']}"


def _shown(problem: ErrorDetails) -> str:
    text = json.dumps(problem["input"], default=str)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - keeps a problem on one line


def _nearest(name: str, holder: type[BaseModel] | None) -> str:
    known = [field.alias or key for key, field in holder.model_fields.items()] if holder else []
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return (f"; did you mean '{near[0]}'?" if near else "") + f" (known keys: {', '.join(sorted(known))})"


def _walk(model: type[BaseModel], place: Sequence[int | str]) -> tuple[type[BaseModel] | None, str]:
    """The model that holds a place and the description of the field there."""
    holder: type[BaseModel] | None = model
    description = ""
    for depth, part in enumerate(place):
        if holder is None or isinstance(part, int):
            continue
        field = next((each for key, each in holder.model_fields.items() if part in (each.alias, key)), None)
        if field is None:
            return holder, ""
        description = field.description or ""
        if depth < len(place) - 1:
            holder = _section(field.annotation)
    return holder, description


def _section(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation such as `Section`, `Section | None` or `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = _section(inner)
        if found is not None:
            return found
    return None

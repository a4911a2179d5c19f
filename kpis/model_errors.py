"""Pydantic's errors put into the dictionary's words: a stable code, the line and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from kpis import rules, schema
from kpis.diagnostics import Diagnostic, nearest
from kpis.documents import Place, Step

_CODES = {
    "extra_forbidden": "unknown-field",
    "missing": "missing-field",
    "union_tag_not_found": "missing-field",
    "union_tag_invalid": "invalid-value",
    "value_error": "invalid-value",
    "enum": "invalid-value",
    "literal_error": "invalid-value",
    "string_pattern_mismatch": "invalid-value",
    "string_too_long": "invalid-value",
    "string_too_short": "invalid-value",
    "too_short": "invalid-value",
    "greater_than": "invalid-value",
    "greater_than_equal": "invalid-value",
    "less_than": "invalid-value",
    "less_than_equal": "invalid-value",
    "finite_number": "invalid-value",
}
_MISSING = {"sla": "missing-sla", "runbook": "missing-runbook", "verdict": "verdict-missing"}
_SHOWN = 60


def model_problems(error: ValidationError, value: Any, place: Place) -> Iterator[Diagnostic]:
    """One diagnostic for each error; of a union only the choice that fits the value best is reported."""
    for item in _best_choices(error.errors(include_url=False), value):
        path = _real_path(item["loc"], value)
        yield _problem(item, path, place)


def _problem(item: Any, path: tuple[Step, ...], place: Place) -> Diagnostic:
    kind, where = str(item["type"]), ".".join(str(step) for step in path)
    code = _CODES.get(kind, "wrong-type")
    if kind == "missing":
        code = _MISSING.get(where, code)
        return place.problem(code, f"'{where}' is missing; {_wanted(path)}", *path)
    if kind == "extra_forbidden":
        return place.problem(code, f"'{where}' is not a field{nearest(str(path[-1]), _known_fields())}", *path)
    if kind.startswith("union_tag"):
        tag = str(item.get("ctx", {}).get("discriminator", "type")).strip("'")
        if kind == "union_tag_not_found":
            return place.problem(code, f"'{where}.{tag}' is missing; it says which kind of entry this is", *path)
        found, expected = item["ctx"]["tag"], item["ctx"]["expected_tags"]
        return place.problem(code, f"'{where}.{tag}' is '{found}'; expected one of {expected}", *path, tag)
    message = str(item["msg"]).removeprefix("Value error, ")
    if kind == "value_error":
        return place.problem("weights-sum" if "add up" in message else code, f"'{where or 'entry'}': {message}", *path)
    shown = repr(item.get("input"))
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return place.problem(code, f"'{where}' is {shown}: {message[:1].lower()}{message[1:]}", *path)


def _wanted(path: tuple[Step, ...]) -> str:
    if path == ("verdict",):
        return "write its bands: direction, adequate and low"
    if path == ("runbook",):
        return "name the runbook's file, such as docs/runbooks/missing-data.md"
    return "write it here, in the parent or in the pack's defaults"


def _best_choices(errors: Sequence[Any], value: Any) -> Iterator[Any]:
    """Drop the errors of the choices of an untagged union that fit worse: more errors, or fewer of the written keys known."""
    groups: dict[tuple[Step, ...], dict[Step, list[Any]]] = {}
    for item in errors:
        split = _choice_at(item["loc"])
        if split is None:
            yield item
        else:
            prefix, choice = item["loc"][:split], item["loc"][split]
            groups.setdefault(prefix, {}).setdefault(choice, []).append(item)
    for prefix, choices in groups.items():
        keys = _keys_at(_real_path(prefix, value), value)
        best = min(choices, key=lambda choice: (-len(keys & _fields_of(str(choice))), len(choices[choice])))
        yield from choices[best]


def _choice_at(loc: Sequence[Step]) -> int | None:
    return next((index for index, step in enumerate(loc) if isinstance(step, str) and step in _choices()), None)


@cache
def _choices() -> Mapping[str, frozenset[str]]:
    models: tuple[type[BaseModel], ...] = (schema.GdpRef, schema.KpiRef, *get_args(schema.Expression))
    return {model.__name__: frozenset(_names(model)) for model in models}


def _fields_of(choice: str) -> frozenset[str]:
    return _choices().get(choice, frozenset())


def _names(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@cache
def _known_fields() -> frozenset[str]:
    found: set[str] = set()
    for module in (schema, rules):
        for item in vars(module).values():
            if isinstance(item, type) and issubclass(item, BaseModel):
                found |= _names(item)
    return frozenset(found)


def _keys_at(path: Sequence[Step], value: Any) -> set[str]:
    for step in path:
        value = value[step]
    return set(cast("dict[str, Any]", value)) if isinstance(value, dict) else set()


def _real_path(loc: Sequence[Step], value: Any) -> tuple[Step, ...]:
    """The error's path without the names of models and choices, which are not in the document."""
    path: list[Step] = []
    for index, step in enumerate(loc):
        found, inner = _inside(value, step)
        if found:
            value = inner
            path.append(step)
        elif index == len(loc) - 1 and step not in _choices():
            path.append(step)
    return tuple(path)


def _inside(value: Any, step: Step) -> tuple[bool, Any]:
    if isinstance(value, dict):
        fields = cast("dict[Step, Any]", value)
        return step in fields, fields.get(step)
    if isinstance(value, list) and isinstance(step, int):
        items = cast("list[Any]", value)
        return step < len(items), items[step] if step < len(items) else None
    return False, None

"""Check: turns what the program wrote into complete, typed inputs, or says exactly what is wrong with them."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.schema import Kind, Property

LONGEST_SHOWN = 60
"""Characters of a wrong value in an error line."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one input."""

    path: str
    reason: str


class Wrong(Exception):  # noqa: N818 - carries a problem up to its path, never leaves this module
    """A value that does not fit its property."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: ` (did you mean 'x'?)`, or nothing when nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""


def checked(values: Mapping[str, Any], fields: Mapping[str, Property], path: str = "") -> tuple[wire.Values, list[Problem]]:
    """The values normalised and with defaults, and every problem found (not only the first)."""
    problems = list(_strangers(values, fields, path))
    result: wire.Values = {}
    for name, prop in fields.items():
        where = f"{path}.{name}" if path else name
        value = values.get(name)
        if value is None and prop.default is not None:
            value = prop.default
        if value is None:
            if prop.required:
                problems.append(Problem(where, f"is required and missing: expected {prop.kind.value}"))
            continue
        normal, found = _value(value, prop, where)
        problems += found
        result[name] = normal
    return result, problems


def _strangers(values: Mapping[str, Any], fields: Mapping[str, Property], path: str) -> Iterator[Problem]:
    for name in values:
        if name in fields or name == "__defaults" or values[name] is None:
            continue
        where = f"{path}.{name}" if path else name
        known = ", ".join(sorted(fields)) or "none"
        yield Problem(where, f"is not an input the local provider knows{nearest(name, fields)}; known inputs: {known}")


def _value(value: Any, prop: Property, path: str) -> tuple[Any, list[Problem]]:
    if value == wire.UNKNOWN:
        return value, []
    match prop.kind, value:
        case Kind.RECORD, dict() if not wire.is_file(value):
            return checked(cast("wire.Values", value), prop.fields, path)
        case Kind.MAP, dict() if prop.item is not None and not wire.is_file(value):
            pairs = {key: _value(each, prop.item, f"{path}.{key}") for key, each in cast("wire.Values", value).items() if each is not None}
            return {key: pair[0] for key, pair in pairs.items()}, [found for pair in pairs.values() for found in pair[1]]
        case Kind.LIST, list() if prop.item is not None:
            rows = [_value(each, prop.item, f"{path}[{place}]") for place, each in enumerate(cast("list[Any]", value))]
            return [row[0] for row in rows], [found for row in rows for found in row[1]]
        case _:
            try:
                return _scalar(value, prop), []
            except Wrong as wrong:
                return value, [Problem(path, str(wrong))]


def _scalar(value: Any, prop: Property) -> Any:  # noqa: PLR0911 - one return per kind reads best
    match prop.kind, value:
        case Kind.TEXT, str():
            return _allowed(value, prop)
        case Kind.BOOLEAN, bool():
            return value
        case (Kind.BOOLEAN, "true" | "false"):
            return value == "true"
        case ((Kind.INTEGER | Kind.NUMBER), bool()):
            raise Wrong(f"is {value!r}: expected {prop.kind.value}")
        case ((Kind.INTEGER | Kind.NUMBER), (int() | float() | str())):
            return _numeric(value, prop)
        case Kind.TEXT, (bool() | int() | float()):
            # The official provider coerces scalars to strings (maps of numbers as environment variables are common).
            return _allowed(_scalar_text(value), prop)
        case Kind.JSON, (str() | dict() | list()):
            return _json(value)
        case Kind.FILE, dict() if wire.is_file(value):
            return cast("wire.Values", value)
        case _:
            raise Wrong(f"is {_shown(value)}: expected {prop.kind.value}")


def _scalar_text(value: bool | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if float(value).is_integer() else str(value)


def _allowed(value: str, prop: Property) -> str:
    if prop.enum and value not in prop.enum:
        raise Wrong(f"is '{value}': expected one of {', '.join(prop.enum)}{nearest(value, prop.enum)}")
    return value


def _numeric(value: float | str, prop: Property) -> float:
    try:
        number = float(value)
    except ValueError:
        raise Wrong(f"is '{value}': expected {prop.kind.value}") from None
    if number.is_integer():
        return int(number)
    if prop.kind is Kind.INTEGER:
        raise Wrong(f"is {number}: expected a whole number")
    return number


def _json(value: Any) -> Any:
    if isinstance(value, str) and wire.UNKNOWN not in value:
        try:
            json.loads(value)
        except ValueError as error:
            raise Wrong(f"is not valid JSON: {error}") from None
    return value


def _shown(value: Any) -> str:
    if wire.is_file(value):
        return "an asset or archive"
    shown = json.dumps(value)
    return shown if len(shown) <= LONGEST_SHOWN else shown[:LONGEST_SHOWN] + "..."

"""Python values as DynamoDB attributes and back; without boto3's own serialiser, which would load the resource layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def to_attribute(value: Any) -> dict[str, Any]:
    """One value as a typed attribute: text, whole numbers, booleans, lists and maps.

    Raises:
        TypeError: for anything else, floats included (the logs hold none).
    """
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, Mapping):
        return {"M": to_item(value)}  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return {"L": [to_attribute(each) for each in value]}  # pyright: ignore[reportUnknownVariableType]
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be stored; expected text, a whole number, a boolean, a list or a map")


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """A map as an item; absent values are left out."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """The value of a typed attribute; whole numbers as int, others as float."""
    kind, value = next(iter(attribute.items()))
    match kind:
        case "N":
            return int(value) if value.lstrip("-").isdigit() else float(value)
        case "M":
            return from_item(value)
        case "L" | "SS" | "NS":
            return [from_attribute(each) if kind == "L" else each for each in value]
        case "NULL":
            return None
        case _:
            return value


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as a plain map."""
    return {name: from_attribute(attribute) for name, attribute in item.items()}


def projection(attributes: Sequence[str]) -> dict[str, Any]:
    """The arguments of a read that answers only these attributes, whose names may be reserved words; all when there are none."""
    names = {f"#a{position}": attribute for position, attribute in enumerate(attributes)}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}

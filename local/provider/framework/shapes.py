"""Between the SDK's camelCase shapes and boto3's PascalCase ones, guided by the schema so that nothing unknown slips through."""

from collections.abc import Mapping
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.resource import Inputs
from local.provider.framework.schema import Kind, Property

Names = Mapping[str, str]
"""Exceptions to the rule camelCase -> PascalCase, by the SDK's name at any depth: `{"okActions": "OKActions"}`."""


def aws_name(name: str, names: Names) -> str:
    """The boto3 name of an input."""
    return names.get(name) or name[0].upper() + name[1:]


def to_aws(inputs: Inputs, fields: Mapping[str, Property], names: Names | None = None) -> dict[str, Any]:
    """The given inputs among `fields` as boto3 keyword arguments."""
    known = names or {}
    return {
        aws_name(name, known): _sent(inputs[name], prop, known)
        for name, prop in fields.items()
        if inputs.get(name) is not None
    }  # fmt: skip


def from_aws(answer: Mapping[str, Any], fields: Mapping[str, Property], names: Names | None = None) -> Inputs:
    """AWS's answer as inputs: every field, None where AWS has nothing, so that a removal shows. Write-only fields are left out."""
    known = names or {}
    return {
        name: _told(answer.get(aws_name(name, known)), prop, known)
        for name, prop in fields.items()
        if not prop.write_only
    }  # fmt: skip


def pick(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """Some of the fields."""
    return {name: fields[name] for name in names}


def omit(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """The fields but some."""
    return {name: prop for name, prop in fields.items() if name not in names}


def _sent(value: Any, prop: Property, names: Names) -> Any:
    match prop.kind:
        case Kind.RECORD:
            return to_aws(cast("Inputs", value), prop.fields, names)
        case Kind.LIST if prop.item is not None:
            return [_sent(each, prop.item, names) for each in cast("list[Any]", value)]
        case Kind.JSON:
            return wire.json_text(value)
        case _:
            return value


def _told(value: Any, prop: Property, names: Names) -> Any:
    if value is None:
        return None
    match prop.kind:
        case Kind.RECORD:
            return {key: each for key, each in from_aws(cast("Inputs", value), prop.fields, names).items() if each is not None}
        case Kind.LIST if prop.item is not None:
            return [_told(each, prop.item, names) for each in cast("list[Any]", value)]
        case _:
            return value

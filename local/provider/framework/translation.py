"""Translates between the SDK's camelCase shapes and AWS request and response shapes, driven by the declared properties.

Most services differ from the SDK only by the first letter (`roleArn`, `RoleArn`); the rest is an `aliases` table, applied at every depth.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.resource import Inputs
from local.provider.framework.schema import Kind, Property

Aliases = Mapping[str, str]
NO_ALIASES: Aliases = {}


def pascal(name: str) -> str:
    """`roleArn` as `RoleArn`."""
    return name[:1].upper() + name[1:]


def same_name(name: str) -> str:
    """For services that use camelCase themselves."""
    return name


def to_aws(
    values: Mapping[str, Any], fields: Mapping[str, Property], aliases: Aliases = NO_ALIASES, rename: Callable[[str], str] = pascal
) -> dict[str, Any]:
    """The declared fields of `values` under AWS's names; absent ones are left out."""
    return {
        aliases.get(name) or rename(name): _out(values[name], prop, aliases, rename)
        for name, prop in fields.items()
        if values.get(name) is not None
    }


def from_aws(
    document: Mapping[str, Any], fields: Mapping[str, Property], aliases: Aliases = NO_ALIASES, rename: Callable[[str], str] = pascal
) -> Inputs:
    """The declared fields out of an AWS answer, under the SDK's names: None where AWS has nothing, so that a removal shows.

    Write-only fields are left out.
    """
    told: Inputs = {}
    for name, prop in fields.items():
        if not prop.write_only:
            value = document.get(aliases.get(name) or rename(name))
            told[name] = None if value is None else _in(value, prop, aliases, rename)
    return told


def _out(value: Any, prop: Property, aliases: Aliases, rename: Callable[[str], str]) -> Any:
    match prop.kind:
        case Kind.RECORD:
            return to_aws(value, prop.fields, aliases, rename)
        case Kind.LIST if prop.item is not None:
            return [_out(each, prop.item, aliases, rename) for each in value]
        case Kind.JSON:
            return wire.json_text(value)
        case _:
            return value


def _in(value: Any, prop: Property, aliases: Aliases, rename: Callable[[str], str]) -> Any:
    match prop.kind:
        case Kind.RECORD if isinstance(value, Mapping):
            inner = from_aws(cast("Mapping[str, Any]", value), prop.fields, aliases, rename)
            return {name: each for name, each in inner.items() if each is not None}
        case Kind.LIST if prop.item is not None:
            return [_in(each, prop.item, aliases, rename) for each in value]
        case _:
            return value


def attribute_text(value: Any) -> str:
    """A value as SQS and SNS attributes carry it: everything is text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return wire.json_text(value) if isinstance(value, dict | list) else str(value)


def from_attributes(attributes: Mapping[str, str], fields: Mapping[str, Property], names: Mapping[str, str]) -> Inputs:
    """Text attributes as typed inputs, None where AWS has nothing; `names` maps input names to attribute names."""
    told: Inputs = {}
    for name, attribute in names.items():
        raw = attributes.get(attribute)
        if raw is None or raw == "":
            told[name] = None
            continue
        match fields[name].kind:
            case Kind.BOOLEAN:
                told[name] = raw == "true"
            case Kind.INTEGER:
                told[name] = int(raw)
            case _:
                told[name] = raw
    return told


def changed_names(old: Mapping[str, Any], new: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The inputs among `names` whose value differs by meaning (JSON text is compared parsed)."""
    return [name for name in names if wire.json_meaning(old.get(name)) != wire.json_meaning(new.get(name))]


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as the list of pairs most services take."""
    return [{key: name, value: text} for name, text in tags.items()]


def tag_map(pairs: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """The list of pairs most services give, as a map."""
    return {pair[key]: pair.get(value, "") for pair in pairs or []}


def parsed(text: str | None) -> Any:
    """A JSON text parsed, or None."""
    return json.loads(text) if text else None


def many(values: Mapping[str, Any], name: str) -> list[Any]:
    """A list out of a document, empty when it is absent."""
    return list(values.get(name) or ())


def rows(document: Mapping[str, Any] | None, key: str) -> list[dict[str, Any]]:
    """The objects listed under a key; none when the key or the document is absent."""
    return list((document or {}).get(key) or [])


def part(document: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    """The object under a key; empty when absent."""
    return dict((document or {}).get(key) or {})


def texts(document: Mapping[str, Any] | None, key: str) -> list[str]:
    """The strings listed under a key; none when absent."""
    return list((document or {}).get(key) or [])


def pick(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """Some of the fields."""
    return {name: fields[name] for name in names}


def omit(fields: Mapping[str, Property], *names: str) -> dict[str, Property]:
    """The fields but some."""
    return {name: prop for name, prop in fields.items() if name not in names}

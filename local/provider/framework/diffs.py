"""Diff: which properties differ in meaning, and whether that needs a new resource."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from local.provider.framework import wire
from local.provider.framework.schema import Kind, Property


class Change(Enum):
    """How one property differs."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Difference:
    """One property that differs, by its path in Pulumi's notation (`a.b[0]`)."""

    path: str
    change: Change
    replace: bool

    @property
    def root(self) -> str:
        """The top-level property it belongs to."""
        return self.path.split(".")[0].split("[")[0]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], fields: Mapping[str, Property]) -> list[Difference]:
    """Every property that differs in meaning."""
    return list(_of_record(old, new, fields, "", replace=False))


def same(old: Any, new: Any, prop: Property) -> bool:
    """Whether two values of a property mean the same to AWS."""
    return not list(_of_value(old, new, prop, "x", replace=False))


def is_blank(value: Any) -> bool:
    """Whether a value says nothing: AWS answers these for what was never set."""
    return value is None or value is False or value in ("", [], {}) or (isinstance(value, dict) and _all_blank(cast("wire.Values", value)))


def _all_blank(value: Mapping[str, Any]) -> bool:
    return all(is_blank(each) for each in value.values())


def _of_record(
    old: Mapping[str, Any], new: Mapping[str, Any], fields: Mapping[str, Property], path: str, *, replace: bool
) -> Iterator[Difference]:
    for name, prop in fields.items():
        where = f"{path}.{name}" if path else name
        yield from _of_value(old.get(name), new.get(name), prop, where, replace=replace or prop.replace)


def _of_value(old: Any, new: Any, prop: Property, path: str, *, replace: bool) -> Iterator[Difference]:
    if new is None and (old is None or prop.computed or (is_blank(old) and not prop.presence)):
        return
    if old is None and is_blank(new) and not prop.presence:
        return
    if old is None:
        yield Difference(path, Change.ADD, replace)
    elif new is None:
        yield Difference(path, Change.DELETE, replace)
    elif wire.UNKNOWN in (old, new):
        if old != new:
            yield Difference(path, Change.UPDATE, replace)
    else:
        yield from _of_both(old, new, prop, path, replace=replace)


def _of_both(old: Any, new: Any, prop: Property, path: str, *, replace: bool) -> Iterator[Difference]:
    match prop.kind, old, new:
        case Kind.RECORD, dict(), dict():
            yield from _of_record(cast("wire.Values", old), cast("wire.Values", new), prop.fields, path, replace=replace)
        case Kind.MAP, dict(), dict() if prop.item is not None:
            before, after = cast("wire.Values", old), cast("wire.Values", new)
            for key in sorted(before.keys() | after.keys()):
                yield from _of_entry(before, after, key, prop.item, f"{path}[{json.dumps(key)}]", replace=replace)
        case Kind.LIST, list(), list() if prop.item is not None:
            yield from _of_lists(cast("list[Any]", old), cast("list[Any]", new), prop, path, replace=replace)
        case Kind.JSON, _, _:
            meaning = wire.json_parsed if prop.ordered else wire.json_meaning
            if meaning(old) != meaning(new):
                yield Difference(path, Change.UPDATE, replace)
        case Kind.FILE, dict(), dict():
            if wire.file_hash(cast("wire.Values", old)) != wire.file_hash(cast("wire.Values", new)):
                yield Difference(path, Change.UPDATE, replace)
        case _:
            if old != new:
                yield Difference(path, Change.UPDATE, replace)


def _of_entry(old: wire.Values, new: wire.Values, key: str, item: Property, path: str, *, replace: bool) -> Iterator[Difference]:
    # A map's blank entry is an entry: a tag with an empty value is not a missing tag.
    if key not in old:
        yield Difference(path, Change.ADD, replace)
    elif key not in new:
        yield Difference(path, Change.DELETE, replace)
    else:
        yield from _of_value(old[key], new[key], item, path, replace=replace)


def _of_lists(old: list[Any], new: list[Any], prop: Property, path: str, *, replace: bool) -> Iterator[Difference]:
    item = prop.item
    if item is None:
        return
    if prop.unordered:
        missing = [each for each in old if not any(same(each, other, item) for other in new)]
        added = [each for each in new if not any(same(other, each, item) for other in old)]
        if missing or added or len(old) != len(new):
            yield Difference(path, Change.UPDATE, replace)
        return
    for place in range(max(len(old), len(new))):
        where = f"{path}[{place}]"
        if place >= len(old):
            yield Difference(where, Change.ADD, replace)
        elif place >= len(new):
            yield Difference(where, Change.DELETE, replace)
        else:
            yield from _of_value(old[place], new[place], item, where, replace=replace)

"""Whether values that fitted an old JSON schema still fit a new one, place by place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

Json = dict[str, Any]
Problem = tuple[str, str]
"""The place inside the value, such as `definition.sla[].target`, and what is wrong there."""
Compare = Callable[["Shapes", Any, Any], Iterator[Problem]]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems")


@dataclass(frozen=True)
class Shapes:
    """Both documents, and the pairs of named schemas that are being compared already: schemas may contain themselves."""

    old: Json
    new: Json
    inside: frozenset[tuple[str, str]] = field(default_factory=frozenset[tuple[str, str]])


def sent(shapes: Shapes, old: Any, new: Any) -> Iterator[Problem]:
    """Where something that callers could send would be refused: each old alternative must fit a new one."""
    for before in _alternatives(shapes.old, old):
        yield from _fits(shapes, before, _alternatives(shapes.new, new), _sent_as)


def told(shapes: Shapes, old: Any, new: Any) -> Iterator[Problem]:
    """Where answers could lack or change something that clients read: each new alternative must be like an old one."""
    for after in _alternatives(shapes.new, new):
        yield from _fits(shapes, after, _alternatives(shapes.old, old), _told_as)


def _alternatives(document: Json, schema: Any) -> list[Json]:
    """A schema as its alternatives, each of at most one type, with references to named schemas kept."""
    if schema is True or not schema:
        return [{}]
    given = cast("Json", schema)
    members: list[Any] | None = given.get("anyOf") or given.get("oneOf")
    if members is not None:
        return [each for member in members for each in _alternatives(document, member)]
    if "$ref" in given:
        target = _named(document, str(given["$ref"]))
        return _alternatives(document, target) if "anyOf" in target or "oneOf" in target else [given]
    if isinstance(given.get("type"), list):
        return [given | {"type": each} for each in given["type"]]
    return [given]


def _named(document: Json, ref: str) -> Json:
    found: Any = document
    for step in ref.removeprefix("#/").split("/"):
        found = found[step]
    return cast("Json", found)


def _fits(shapes: Shapes, one: Json, others: list[Json], compare: Compare) -> Iterator[Problem]:
    """No problem when one of the others takes it; otherwise the problems with the most similar one."""
    best: list[Problem] | None = None
    for other in others:
        problems = list(_same_name(shapes, one, other, compare))
        if not problems:
            return
        if _alike(one, other) and (best is None or len(problems) < len(best)):
            best = problems
    if best is not None:
        yield from best
    elif compare is _sent_as:
        yield "", f"{_label(one)} is no longer accepted, only {', '.join(map(_label, others))}"
    else:
        yield "", f"it may be {_label(one)} now"


def _alike(one: Json, other: Json) -> bool:
    """Whether both are about the same thing, so that what differs can be told place by place."""
    return _tag(one) == _tag(other) and ("$ref" in one or "$ref" in other or one.get("type") == other.get("type"))


def _tag(schema: Json) -> str:
    return str(schema.get("$ref", ""))


def _label(schema: Json) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    return str(schema.get("type") or "anything")


def _same_name(shapes: Shapes, one: Json, other: Json, compare: Compare) -> Iterator[Problem]:
    """Follow references, each pair once."""
    asks = compare is _sent_as
    old, new = (one, other) if asks else (other, one)
    pair = str(old.get("$ref", "")), str(new.get("$ref", ""))
    if all(pair) and pair in shapes.inside:
        return
    deeper = Shapes(shapes.old, shapes.new, shapes.inside | {pair}) if any(pair) else shapes
    yield from compare(deeper, _open(shapes.old, old), _open(shapes.new, new))


def _open(document: Json, schema: Json) -> Json:
    return _named(document, str(schema["$ref"])) if "$ref" in schema else schema


def _sent_as(shapes: Shapes, old: Json, new: Json) -> Iterator[Problem]:
    """One alternative that callers could send, under one that is accepted now."""
    widened = old.get("type") == "integer" and new.get("type") == "number"
    if "type" in new and old.get("type") != new["type"] and not widened:
        yield "", f"it was {_label(old)} and must be {_label(new)} now"
        return
    yield from _values(old, new)
    yield from _bounds(old, new)
    yield from _members_sent(shapes, old, new)
    yield from _inner(shapes, old, new, sent)


def _values(old: Json, new: Json) -> Iterator[Problem]:
    before, after = _enumerated(old), _enumerated(new)
    if after is None:
        return
    if before is None:
        yield "", f"only {', '.join(sorted(after))} are accepted now"
    elif before - after:
        yield "", f"{', '.join(sorted(before - after))} is no longer accepted"


def _enumerated(schema: Json) -> set[str] | None:
    values: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    # JSON numbers compare by value, and lists and objects cannot be members of a set: all are compared as they are written.
    return None if values is None else {json.dumps(value, sort_keys=True) for value in values}


def _bounds(old: Json, new: Json) -> Iterator[Problem]:
    for name in (*_LOWER, *_UPPER):
        before, after = old.get(name), new.get(name)
        if after is None or before == after:
            continue
        if before is None or (after > before if name in _LOWER else after < before):
            yield "", f"{name} was {'not limited' if before is None else before} and is {after}"
    for name in _EXACT:
        if new.get(name) not in (None, False, old.get(name)):
            yield "", f"{name} was {old.get(name, 'not limited')} and is {new[name]}"


def _members_sent(shapes: Shapes, old: Json, new: Json) -> Iterator[Problem]:
    before: Json = old.get("properties", {})
    after: Json = new.get("properties", {})
    closed = new.get("additionalProperties") is False
    for name, schema in before.items():
        if name in after:
            yield from _at(name, sent(shapes, schema, after[name]))
        elif closed:
            yield name, "it is gone, and what is not known is refused"
    for name in sorted(set(new.get("required", [])) - set(old.get("required", []))):
        yield name, "it is required now" if name in before else "it is new and required"
    if closed and old.get("type") == "object" and old.get("additionalProperties") is not False:
        yield "", "members that are not known are refused now"


def _told_as(shapes: Shapes, old: Json, new: Json) -> Iterator[Problem]:
    """One alternative that answers may have now, against one that clients read."""
    narrowed = old.get("type") == "number" and new.get("type") == "integer"
    if "type" in old and old["type"] != new.get("type") and not narrowed:
        yield "", f"it was {_label(old)} and is {_label(new)} now"
        return
    before: Json = old.get("properties", {})
    after: Json = new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield name, "it is gone"
            continue
        yield from _at(name, told(shapes, schema, after[name]))
        if name in old.get("required", []) and name not in new.get("required", []):
            yield name, "it may be left out now"
    yield from _inner(shapes, old, new, told)


def _inner(shapes: Shapes, old: Json, new: Json, compare: Compare) -> Iterator[Problem]:
    """Items of lists and values of maps."""
    if "items" in old or "items" in new:
        yield from _at("[]", compare(shapes, old.get("items", {}), new.get("items", {})))
    first, second = old.get("prefixItems", []), new.get("prefixItems", [])
    for number, (before, after) in enumerate(zip(first, second, strict=False)):
        yield from _at(f"[{number}]", compare(shapes, before, after))
    if isinstance(old.get("additionalProperties"), dict) and isinstance(new.get("additionalProperties"), dict):
        yield from _at("{}", compare(shapes, old["additionalProperties"], new["additionalProperties"]))


def _at(place: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    for inner, problem in problems:
        dot = "." if inner and inner[0] not in "[{" else ""
        yield f"{place}{dot}{inner}", problem

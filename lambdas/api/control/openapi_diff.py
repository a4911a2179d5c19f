"""What a new OpenAPI document takes away from clients of an older one, and the version it must then have.

Callers and answers are judged in opposite directions: what callers could send must still be accepted, what answers had must still
be there. Answers may gain members and values, and callers may be offered more: clients pass over what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from lambdas.api.control.openapi_shapes import Json, Shapes, sent, told

METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options", "trace"})
_GOOD = "2"


@dataclass(frozen=True, order=True)
class Break:
    """One thing a client may rely on that is gone: `where` names the operation and the part of it, `problem` says what happened."""

    where: str
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


def breaks(old: Json, new: Json) -> tuple[Break, ...]:
    """Everything that breaks a client of the old document, in order. Both are valid OpenAPI 3.1 documents."""
    found: set[Break] = set()
    after = dict(_operations(new))
    for name, operation in _operations(old):
        if name not in after:
            found.add(Break(name, "it is gone"))
            continue
        found.update(_operation(name, operation, after[name], Shapes(old, new)))
    return tuple(sorted(found))


def unannounced(old: Json, new: Json) -> tuple[str, ...]:
    """The breaks as sentences, and the version that would announce them; nothing when the major version was raised."""
    found = breaks(old, new)
    before, after = _major(old), _major(new)
    if not found or after > before:
        return ()
    told_by = f"info.version is {new['info']['version']}; {len(found)} breaking changes need {before + 1}.0.0"
    return (*map(str, found), told_by)


def _major(document: Json) -> int:
    return int(str(document["info"]["version"]).split(".")[0])


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", operation


def _operation(name: str, old: Json, new: Json, shapes: Shapes) -> Iterator[Break]:
    if old.get("operationId") != new.get("operationId"):
        yield Break(
            name, f"operationId was {old.get('operationId')} and is {new.get('operationId')}: generated clients call it by that name"
        )
    if old.get("security") == [] and new.get("security") != []:
        yield Break(name, "it needs a token now")
    yield from _parameters(name, old, new, shapes)
    yield from _body(name, old.get("requestBody"), new.get("requestBody"), shapes)
    yield from _answers(name, old["responses"], new["responses"], shapes)


def _parameters(name: str, old: Json, new: Json, shapes: Shapes) -> Iterator[Break]:
    before, after = _by_place(old), _by_place(new)
    for place, parameter in before.items():
        where = f"{name} {place}"
        if place not in after:
            yield Break(where, "it is gone, and what is not known is refused")
            continue
        if after[place].get("required") and not parameter.get("required"):
            yield Break(where, "it is required now")
        yield from _told(where, sent(shapes, parameter["schema"], after[place]["schema"]))
    for place in sorted(set(after) - set(before)):
        if after[place].get("required"):
            yield Break(f"{name} {place}", "it is new and required")


def _by_place(operation: Json) -> dict[str, Json]:
    return {f"{each['in']} {each['name']}": each for each in operation.get("parameters", [])}


def _body(name: str, old: Json | None, new: Json | None, shapes: Shapes) -> Iterator[Break]:
    where = f"{name} body"
    if old is None or new is None:
        if new is not None and new.get("required"):
            yield Break(where, "it is new and required")
        if old is not None:
            yield Break(where, "it is gone")
        return
    if new.get("required") and not old.get("required"):
        yield Break(where, "it is required now")
    for kind, media in old["content"].items():
        if kind not in new["content"]:
            yield Break(where, f"{kind} is no longer accepted")
            continue
        yield from _told(where, sent(shapes, media.get("schema", {}), new["content"][kind].get("schema", {})))


def _answers(name: str, old: Json, new: Json, shapes: Shapes) -> Iterator[Break]:
    """Only successes: which refusals there are is told by their codes, and a refusal may come for a new reason."""
    for status in sorted(old):
        if not status.startswith(_GOOD):
            continue
        where = f"{name} answer {status}"
        if status not in new:
            yield Break(where, "it is gone")
            continue
        before: Mapping[str, Json] = old[status].get("content", {})
        after: Mapping[str, Json] = new[status].get("content", {})
        for kind, media in before.items():
            if kind not in after:
                yield Break(where, f"{kind} is no longer given")
                continue
            yield from _told(where, told(shapes, media.get("schema", {}), after[kind].get("schema", {})))


def _told(where: str, problems: Iterator[tuple[str, str]]) -> Iterator[Break]:
    for at, problem in problems:
        yield Break(f"{where}{at and ' ' + at}", problem)


def parsed(text: str) -> Json:
    """A document as JSON.

    Raises:
        ValueError: when it is none.
    """
    import json

    found: Any = json.loads(text)
    if not isinstance(found, dict) or "paths" not in found or "info" not in found:
        raise ValueError("this is no OpenAPI document: it has no info or no paths")
    return cast("Json", found)

"""The shape of a resource's inputs: small, frozen, and compared with the official SDK by a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a value of a property looks like once it has left the wire."""

    TEXT = "a string"
    INTEGER = "an integer"
    NUMBER = "a number"
    BOOLEAN = "a boolean"
    LIST = "a list"
    MAP = "a map"
    RECORD = "an object"
    JSON = "a JSON document (text or object)"
    FILE = "an asset or archive"


@dataclass(frozen=True)
class Property:
    """One input. Build it with the functions below (`text()`, `listing(...)`), which read like the schema they make."""

    kind: Kind
    required: bool = False
    replace: bool = False
    """A change needs a new resource."""
    enum: tuple[str, ...] = ()
    default: Any = None
    """Filled in by Check when the program says nothing."""
    write_only: bool = False
    """AWS never gives it back: refresh keeps the value of the state."""
    computed: bool = False
    """AWS chooses a value when the program says nothing: silence is then not a difference."""
    unordered: bool = False
    """A list that AWS treats as a set: order is not a difference."""
    presence: bool = False
    """An object whose being there says something even when empty (a firewall's `block: {}`)."""
    ordered: bool = False
    """A JSON document whose lists of strings have an order (a container's command); IAM's and event patterns' have none."""
    item: "Property | None" = None
    fields: Mapping[str, "Property"] = field(default_factory=dict[str, "Property"])

    def must(self) -> "Property":
        """The same property, required."""
        return replace(self, required=True)

    def fixed(self) -> "Property":
        """The same property, where a change replaces the resource."""
        return replace(self, replace=True)


def text(
    *enum: str, required: bool = False, replace: bool = False, default: str | None = None, write_only: bool = False, computed: bool = False
) -> Property:
    """A string; the positional arguments are the only values allowed."""
    return Property(Kind.TEXT, required, replace, enum, default, write_only, computed)


def integer(
    *, required: bool = False, replace: bool = False, default: int | None = None, write_only: bool = False, computed: bool = False
) -> Property:
    """A whole number (the wire brings floats, Check makes integers)."""
    return Property(Kind.INTEGER, required, replace, (), default, write_only, computed)


def number(*, required: bool = False, replace: bool = False, default: float | None = None, computed: bool = False) -> Property:
    """Any number."""
    return Property(Kind.NUMBER, required, replace, (), default, computed=computed)


def boolean(
    *, required: bool = False, replace: bool = False, default: bool | None = None, write_only: bool = False, computed: bool = False
) -> Property:
    """True or false."""
    return Property(Kind.BOOLEAN, required, replace, (), default, write_only, computed)


def json_document(
    *, required: bool = False, replace: bool = False, write_only: bool = False, computed: bool = False, ordered: bool = False
) -> Property:
    """A JSON document, compared by meaning: spacing, key order, and (unless `ordered`) one string against a list of one do not differ."""
    return Property(Kind.JSON, required, replace, write_only=write_only, computed=computed, ordered=ordered)


def listing(
    item: Property,
    *,
    required: bool = False,
    replace: bool = False,
    unordered: bool = False,
    write_only: bool = False,
    computed: bool = False,
) -> Property:
    """A list of `item`; `unordered` where AWS treats it as a set."""
    return Property(Kind.LIST, required, replace, write_only=write_only, computed=computed, unordered=unordered, item=item)


def mapping(item: Property, *, required: bool = False, replace: bool = False, write_only: bool = False, computed: bool = False) -> Property:
    """Free keys, values of one shape."""
    return Property(Kind.MAP, required, replace, write_only=write_only, computed=computed, item=item)


def record(
    fields: Mapping[str, Property],
    *,
    required: bool = False,
    replace: bool = False,
    write_only: bool = False,
    computed: bool = False,
    presence: bool = False,
) -> Property:
    """An object with known fields; anything else in it is an error. `presence`: an empty one differs from none."""
    return Property(Kind.RECORD, required, replace, write_only=write_only, computed=computed, presence=presence, fields=dict(fields))


def file(*, required: bool = False, replace: bool = False) -> Property:
    """An asset or an archive, compared by the hash of its content; AWS never gives it back."""
    return Property(Kind.FILE, required, replace, write_only=True)


TAGS = mapping(text())
"""The `tags` input. The framework adds it to resources that declare tag functions; modules never list it."""

"""Ids of the dictionary from names of others: the same name gives the same id, and no two names share one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from kpis.exchange.texts import short_hash

_PARTS = 3
_PART = 10
_ID = re.compile(r"[A-Z][A-Z0-9]{1,9}(-[A-Z0-9]{1,10}){1,3}\Z")


def kpi_prefix(pack: str) -> str:
    """The first part of the ids of a pack's KPIs."""
    letters = re.sub(r"[^A-Z0-9]", "", pack.upper()).lstrip("0123456789")[:_PART]
    return letters if len(letters) > 1 else f"{letters or 'K'}PI"


def kpi_ids(names: Iterable[str], pack: str) -> dict[str, str]:
    """An id for each name. A name that is an id already keeps it; one that does not fit, or falls together with another, ends in a hash."""
    unique = sorted(set(names))
    plain = {name: name if _ID.match(name) else _plain(name, pack) for name in unique}
    count = Counter(plain.values())
    return {
        name: kpi_id if count[kpi_id] == 1 and kpi_id and _fits(name, kpi_id) else _hashed(name, pack) for name, kpi_id in plain.items()
    }


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^A-Z0-9]+", name.upper()) if word]


def _plain(name: str, pack: str) -> str:
    words = _words(name)
    return "-".join([kpi_prefix(pack), *words]) if words and len(words) <= _PARTS else ""


def _fits(name: str, kpi_id: str) -> bool:
    return name == kpi_id or all(len(word) <= _PART for word in _words(name))


def _hashed(name: str, pack: str) -> str:
    words = [word[:_PART] for word in _words(name)[: _PARTS - 1]]
    return "-".join([kpi_prefix(pack), *words, short_hash(name).upper()])


def identifier(text: str, prefix: str = "") -> str:
    """A text as an identifier of at most 63 characters; one that had to change ends in a hash."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", prefix + text) and len(prefix + text) <= 63:  # noqa: PLR2004 - the length of an Identifier
        return prefix + text
    words = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:40]
    return f"{prefix or 'x_'}{words}_{short_hash(text)}"


def slug(text: str) -> str:
    """A text as a slug (lower case, digits, `-` and `_`); one that had to change ends in a hash."""
    if re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", text):
        return text
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789")[:50]
    return f"{words or 'x'}-{short_hash(text)}"

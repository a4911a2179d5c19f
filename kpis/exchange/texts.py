"""Foreign text put into YAML and into names: intact, or changed in a way that says so."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, cast

import orjson

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
_NAME_MAX = 63
_HASH = 8
# JSON writes these as they are; YAML reads them as line ends or refuses them (YAML 1.2, 5.1 character set and 5.4 line breaks).
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def yaml_text(text: str) -> str:
    """A text as one double-quoted YAML scalar, which is JSON with a few more escapes.

    Raises:
        ValueError: for half of a surrogate pair, which is not text in any file.
    """
    try:
        quoted = orjson.dumps(text).decode()
    except TypeError as error:
        raise ValueError(f"{json.dumps(text)[:80]} has half of a surrogate pair, which no file can hold; remove it") from error
    return _NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def clip(text: str, length: int) -> str:
    """The text, or its beginning with an ellipsis when it is longer than `length` characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def short_hash(text: str) -> str:
    """Eight hex digits that tell equal beginnings apart."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH]


def dns_label(text: str, *, limit: int = _NAME_MAX) -> str:
    """A text as an RFC 1123 label of at most `limit` characters; one that had to change ends in a hash, so no two texts share a name."""
    if len(text) <= limit and _DNS_LABEL.match(text):
        return text
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[: limit - _HASH - 1].strip("-")
    return f"{words}-{short_hash(text)}" if words else f"x-{short_hash(text)}"


_JINJA = re.compile(r"\{\{|\{%|\{#")
_ESCAPED = re.compile(r"\{\{ '(\{\{|\{%|\{#)' \}\}")


def jinja_escaped(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """Texts as dbt's YAML must have them, since dbt renders them: `{{` as an expression that gives `{{`. Fields in `keep` stay."""
    if isinstance(value, str):
        return _JINJA.sub(lambda match: f"{{{{ '{match[0]}' }}}}", value)
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: each if key in keep else jinja_escaped(each, keep) for key, each in items}
    return [jinja_escaped(each, keep) for each in cast("list[Any]", value)] if isinstance(value, list) else value


def jinja_unescaped(value: Any) -> Any:
    """The inverse of `jinja_escaped`; any other Jinja stays as it is."""
    if isinstance(value, str):
        return _ESCAPED.sub(lambda match: match[1], value)
    if isinstance(value, dict):
        return {key: jinja_unescaped(each) for key, each in cast("dict[str, Any]", value).items()}
    return [jinja_unescaped(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value

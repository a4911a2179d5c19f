"""Text of the dictionary in Markdown: it reads as it was written and never becomes markup, a link, code or HTML."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2

from kpis.templating import text_environment

# An underscore inside of a word is no emphasis; marks of headings and lists count at the start of a line only.
_SPECIAL = re.compile(r"[\\`*\[\]|~$<>&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[#+=-]+|!(?=\[)|(?<=^\d)[.)]|(?<=^\d\d)[.)]")
# What a forge turns into a link or a message to somebody, although nothing marks it.
_LIVE = re.compile(r"(?i)(\b(?:https?|ftp|mailto|www)(?=[:.])|(?<!\w)@(?=\w))")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_TEMPLATES = Path(__file__).parent / "templates"


def escape(text: str) -> str:
    """One line of text, every character of it shown as it is; line breaks and other white space become one blank."""
    line = " ".join(str(text).split())
    return _LIVE.sub(r"\1&#8203;", _SPECIAL.sub(_escaped, line)) if line else "-"


def _escaped(match: re.Match[str]) -> str:
    return "".join(_ENTITIES.get(character, f"\\{character}") for character in match[0])


def fenced(text: str, language: str) -> str:
    """A code block whose fence is longer than any run of backticks in the text, so that the text cannot close it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def code(text: str) -> str:
    """Text inside of one pair of backticks; a backtick itself becomes an apostrophe, and a pipe would end a table's cell."""
    return " ".join(text.split()).replace("`", "'").replace("|", "\\|")


@cache
def environment() -> jinja2.Environment:
    """The templates of the pages."""
    # Texts go through md, fenced or code, which escape for Markdown.
    made = text_environment(_TEMPLATES, keep_trailing_newline=True)
    filters = cast("dict[str, Any]", made.filters)
    filters.update(md=escape, fenced=fenced, code=code)
    return made

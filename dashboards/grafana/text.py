"""Dictionary text where Grafana replaces variables, or renders Markdown and HTML."""

from __future__ import annotations

import re

_VARIABLE = re.compile(r"\$(?=\{|\w)|\[(?=\[)")
_JOINER = "\u2060"
"""Has no width and is no part of a name, so what follows it is not a variable."""


def literal(text: str) -> str:
    """A text that looks as it was written where Grafana would replace `$name`, `${name}` and `[[name]]`."""
    return _VARIABLE.sub(lambda match: match[0] + _JOINER, text)


def markdown(text: str) -> str:
    """A text that reads as it was written: every sign Grafana or Markdown might act upon is written by its number.

    Line ends become spaces, since a panel's heading is one line.
    """
    flat = " ".join(text.split())
    return "".join(each if each.isalnum() or each == " " or not each.isascii() else f"&#{ord(each)};" for each in flat)

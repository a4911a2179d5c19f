"""What counts as a reason: words somebody can read (K32)."""

from __future__ import annotations

import unicodedata


def readable(text: str) -> str:
    """A text without what nobody sees: control and format characters, and space beyond single blanks; empty when nothing is left.

    The categories are Unicode's (Unicode Standard, table 4-4): those that begin with C are not shown.
    """
    shown = "".join(each for each in text if each.isspace() or not unicodedata.category(each).startswith("C"))
    return " ".join(shown.split())

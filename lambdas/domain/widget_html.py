"""HTML of custom widgets: every text escaped, links only to https, no script.

CloudWatch takes HTML without JavaScript, and its own element `cwdb-action` for a click that calls a function.
Source: "Details about custom widgets" and "Interactivity in the custom widget" in the CloudWatch user guide.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MAX_CELL = 300
_URL = re.compile(r"https://[^\s<>\"'`\\]+\Z")


class Html(str):
    """Text that is HTML already. Everything else is escaped where it is put."""

    __slots__ = ()


def escape(value: object) -> Html:
    """A value as HTML that shows it; long ones are cut and carry the rest as a hint."""
    if isinstance(value, Html):
        return value
    text = "" if value is None else str(value)
    if len(text) <= MAX_CELL:
        return Html(html.escape(text))
    return Html(f'<span title="{html.escape(text[: 10 * MAX_CELL])}">{html.escape(text[:MAX_CELL])}…</span>')


def link(text: object, url: str | None) -> Html:
    """A link that opens beside the dashboard; only the text where the address is none of ours."""
    if url is None or not _URL.match(url):
        return escape(text)
    return Html(f'<a href="{html.escape(url)}" target="_blank" rel="noopener noreferrer">{escape(text)}</a>')


def action(text: object, endpoint: str, params: Mapping[str, Any]) -> Html:
    """Text that shows in a window what the function `endpoint` answers to these parameters."""
    # Escaped within JSON, so that the content has no markup whether or not it is read as HTML.
    content = json.dumps(params, sort_keys=True)
    for mark in "<>&":
        content = content.replace(mark, f"\\u{ord(mark):04x}")
    return Html(
        f'<a title="details">{escape(text)}</a><cwdb-action action="call" display="popup" endpoint="{html.escape(endpoint)}">'
        f"{content}</cwdb-action>"
    )


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table; cells are escaped unless they are HTML."""
    head = "".join(f"<th>{escape(each)}</th>" for each in headers)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def heading(text: str) -> Html:
    return Html(f"<h3>{escape(text)}</h3>")


def note(text: str) -> Html:
    return Html(f"<p>{escape(text)}</p>")


def preformatted(text: str) -> Html:
    """Text with its lines and blanks; not cut."""
    return Html(f"<pre>{html.escape(text)}</pre>")


def together(*parts: Html) -> Html:
    return Html("".join(parts))

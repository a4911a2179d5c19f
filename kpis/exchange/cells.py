"""Cells of a table: values as text and back, and safe to open in a spreadsheet.

A cell that begins like a formula gets an apostrophe in front, as OWASP advises (https://owasp.org/www-community/attacks/CSV_Injection);
so does one that begins with an apostrophe, so that reading can always take one away. An empty cell is an absent value, `""` an empty text.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

EMPTY = '""'
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001 - spreadsheets read the wide ones too


class CellKind(StrEnum):
    """What a cell holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    LIST = "list"
    JSON = "json"


@dataclass(frozen=True)
class Column:
    """One column: `path` is the field in the dictionary, its parts by dots."""

    name: str
    path: str
    kind: CellKind = CellKind.TEXT


class CellError(ValueError):
    """The cell is not what the column holds; the message says what was expected."""


def guarded(text: str) -> str:
    """A text as a cell that no spreadsheet runs."""
    if not text:
        return EMPTY
    return f"'{text}" if text.startswith(_FORMULA) or text == EMPTY else text


def plain(cell: str) -> str:
    """The text in a guarded cell."""
    if cell == EMPTY:
        return ""
    return cell.removeprefix("'")


def write_cell(value: Any, kind: CellKind) -> str:
    """A value as a cell; None is empty."""
    if value is None:
        return ""
    if kind is CellKind.JSON:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if kind is CellKind.LIST:
        return guarded(" ".join(cast("Sequence[str]", value)))
    return guarded(value) if kind is CellKind.TEXT else json.dumps(value)


def read_cell(cell: str, kind: CellKind, *, separator: str | None = None, decimal: str = ".") -> Any:
    """The value of a cell; None when it is empty.

    Raises:
        CellError: when it is not of the kind.
    """
    if not cell.strip() and kind is not CellKind.TEXT:
        return None
    if cell == "":
        return None
    if kind is CellKind.TEXT:
        return plain(cell)
    if kind is CellKind.LIST:
        return [part.strip() for part in plain(cell).split(separator) if part.strip()]
    if kind is CellKind.JSON:
        try:
            return json.loads(cell)
        except ValueError as error:
            raise CellError(f"'{_shown(cell)}' is not JSON: {error}") from error
    return _number(plain(cell.strip()), kind, decimal)


def _number(text: str, kind: CellKind, decimal: str) -> float | int:
    written = text.replace(decimal, ".") if decimal != "." and "." not in text else text
    try:
        number = int(written) if kind is CellKind.INTEGER else float(written)
    except ValueError as error:
        what = "a whole number" if kind is CellKind.INTEGER else f"a number with '{decimal}' before its fraction"
        raise CellError(f"'{_shown(text)}' is not {what}; take units and thousands separators out") from error
    if not math.isfinite(number) or "_" in text:
        raise CellError(f"'{_shown(text)}' is not a finite number")
    return number


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - a line of a report


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """A CSV file (RFC 4180, UTF-8, comma, quotes where needed, CRLF)."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()

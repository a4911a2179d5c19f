"""Rows of CSV and JSON files with their lines; everything wrong with the file is told at once."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from kpis.diagnostics import Diagnostic
from kpis.exchange.trees import read_documents

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FIELD_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One row: its cells by column, and the line it begins on (for JSON, its number in the list)."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Rows:
    """The rows of one file."""

    file: str
    header: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    problems: tuple[Diagnostic, ...] = field(default=())


def read_rows(file: str, content: bytes, *, encoding: str = "utf-8", delimiter: str = ",") -> Rows:
    """The rows of a `.csv` file, or of a `.json` file that is a list of maps."""
    if file.endswith(".json"):
        return _json_rows(file, content)
    if content.startswith(_UTF_16):
        encoding = "utf-16"
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"byte {error.start} is not {encoding} text; save the file as UTF-8 or name its encoding"
        return Rows(file, problems=(Diagnostic(file, line, "encoding", message),))
    return _csv_rows(file, text, delimiter)


def _csv_rows(file: str, text: str, delimiter: str) -> Rows:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    problems: list[Diagnostic] = []
    rows: list[Row] = []
    header: list[str] = []
    try:
        header = [name.strip() for name in next(reader, list[str]())]
        for name, count in Counter(header).items():
            if count > 1 or not name:
                what = f"'{name}' is the name of {count} columns" if name else f"{count} column without a name"
                problems.append(Diagnostic(file, 1, "duplicate-column", f"{what}; every column needs its own"))
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                message = f"{len(cells)} cells where the header has {len(header)}; quote cells that hold '{delimiter}'"
                problems.append(Diagnostic(file, line, "row-length", message))
                continue
            rows.append(Row(line, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        problems.append(Diagnostic(file, reader.line_num, "csv-syntax", str(error)))
    if not header:
        problems.append(Diagnostic(file, 1, "no-rows", "the file is empty; expected a header and rows"))
    return Rows(file, tuple(header), tuple(rows), tuple(problems))


def _json_rows(file: str, content: bytes) -> Rows:
    documents, problems = read_documents(file, content)
    if problems:
        return Rows(file, problems=tuple(problems))
    value = documents[0].value
    items = cast("list[Any]", value) if isinstance(value, list) else []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in items):
        return Rows(file, problems=(Diagnostic(file, 1, "wrong-type", "expected a list of maps, one for each metric"),))
    flat = [dict(_flat(cast("dict[str, Any]", item))) for item in items]
    header = tuple(dict.fromkeys(name for item in flat for name in item))
    rows = tuple(Row(number, item) for number, item in enumerate(flat, start=1))
    return Rows(file, header, rows)


def _flat(item: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Cells of a map: nested maps by dotted names, lists as JSON."""
    for key, value in item.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(cast("dict[str, Any]", value), f"{name}.")
        elif value is not None:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""YAML read into nodes that know their line, safely: text from a stranger cannot crash, alias or execute anything.

Composed from libyaml's events with an own stack, because libyaml's composer recurses in C and deep nesting ends the process. Scalars follow
the YAML 1.2 core schema, so `06:00`, `no` and `2013-10-29` stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from kpis.diagnostics import Diagnostic

MAX_DEPTH = 40
MAX_BYTES = 32 * 1024 * 1024
_INT = re.compile(r"[-+]?[0-9]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None} | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT_DIGITS_MAX = 400
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class Node:
    """A YAML value and the line it starts on. Exactly one of scalar, items and entries is meaningful, by `kind`."""

    kind: str
    line: int
    scalar: Any = None
    literal: bool = False
    items: list[Node] = field(default_factory=list["Node"])
    entries: dict[str, Node] = field(default_factory=dict[str, "Node"])
    key_lines: dict[str, int] = field(default_factory=dict[str, int])

    def plain(self) -> Any:
        """The value without lines: dict, list, str, int, float, bool or None."""
        if self.kind == "mapping":
            return {key: node.plain() for key, node in self.entries.items()}
        if self.kind == "sequence":
            return [node.plain() for node in self.items]
        return self.scalar

    def child(self, step: str | int) -> Node | None:
        """The value under a key or index, or None."""
        if isinstance(step, int):
            return self.items[step] if self.kind == "sequence" and step < len(self.items) else None
        return self.entries.get(step)


@dataclass
class _Open:
    node: Node
    key: str | None = None
    key_line: int = 0


class _NodesReader:
    """One pass over the events of one file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.stack: list[_Open] = []
        self.done: list[Node] = []
        self.problems: list[Diagnostic] = []

    def problem(self, line: int, code: str, message: str) -> None:
        self.problems.append(Diagnostic(self.file, line, code, message))

    def read(self, data: bytes) -> None:
        events = cast("Iterator[Any]", yaml.parse(data, Loader=_Loader))
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent):
                self.problem(line, "yaml-alias", f"alias '*{event.anchor}' is not allowed; use the pack's defaults or a parent KPI")
                self._place(Node("scalar", line))
            elif isinstance(event, yaml.ScalarEvent):
                self._tags(event, line)
                self._scalar(event, line)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._tags(event, line)
                self._open(Node("mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence", line))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._place(self.stack.pop().node)

    def _tags(self, event: Any, line: int) -> None:
        if event.anchor is not None:
            self.problem(line, "yaml-alias", f"anchor '&{event.anchor}' is not allowed; use the pack's defaults or a parent KPI")
        if event.tag is not None and event.tag != "!":
            self.problem(line, "yaml-tag", f"tag '{event.tag}' is not allowed; write a plain value")

    def _open(self, node: Node) -> None:
        if self.stack and self.stack[-1].node.kind == "mapping" and self.stack[-1].key is None:
            raise _RefusedError(node.line, "a key is a list or a map; keys are plain words")
        if len(self.stack) >= MAX_DEPTH:
            raise _RefusedError(node.line, f"nested deeper than {MAX_DEPTH} levels; flatten the document")
        self.stack.append(_Open(node))

    def _scalar(self, event: Any, line: int) -> None:
        frame = self.stack[-1] if self.stack else None
        if frame is not None and frame.node.kind == "mapping" and frame.key is None:
            if event.value in frame.node.entries:
                self.problem(
                    line, "duplicate-key", f"'{event.value}' is written twice; the first is on line {frame.node.key_lines[event.value]}"
                )
            frame.key, frame.key_line = event.value, line
            return
        value = _resolve(event.value) if not event.style and event.implicit[0] else event.value
        self._place(Node("scalar", line, scalar=value, literal=event.style in ("|", ">")))

    def _place(self, node: Node) -> None:
        if not self.stack:
            self.done.append(node)
            return
        frame = self.stack[-1]
        if frame.node.kind == "sequence":
            frame.node.items.append(node)
        elif frame.key is None:
            raise _RefusedError(node.line, "a key is an alias; keys are plain words")
        else:
            frame.node.entries[frame.key] = node
            frame.node.key_lines[frame.key] = frame.key_line
            frame.key = None


class _RefusedError(Exception):
    """Stops reading a file at a construct that has no meaning in a pack."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def _resolve(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text) and len(text) < _INT_DIGITS_MAX:
        return int(text)
    number = float(text) if _FLOAT.match(text) else math.nan
    return number if math.isfinite(number) else text


def read_nodes(file: str, data: bytes) -> tuple[list[Node], list[Diagnostic]]:
    """Read every document of one file.

    Returns:
        The documents read before the first syntax error, and what is wrong. Never raises for any bytes.
    """
    if len(data) > MAX_BYTES:
        return [], [Diagnostic(file, 1, "file-too-large", f"{len(data)} bytes; at most {MAX_BYTES}; split the pack into more files")]
    reader = _NodesReader(file)
    try:
        data.decode("utf-8")
        reader.read(data)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        reader.problem(line, "yaml-syntax", "the file is not UTF-8 text; save it as UTF-8")
    except _RefusedError as error:
        reader.problem(error.line, "yaml-syntax", str(error))
    except yaml.reader.ReaderError as error:
        line = data[: max(0, error.position)].count(b"\n") + 1
        reader.problem(line, "yaml-syntax", f"character {error.character!r} is not allowed: {error.reason}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        context = getattr(error, "context", None)
        text = f"{context}, {getattr(error, 'problem', None)}" if context else str(getattr(error, "problem", None) or error)
        reader.problem((mark.line if mark else 0) + 1, "yaml-syntax", text)
    return reader.done, reader.problems

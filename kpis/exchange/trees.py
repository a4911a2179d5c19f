"""Foreign documents as trees whose every leaf has a path, and where possible a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from kpis.diagnostics import Diagnostic
from kpis.yaml_nodes import MAX_BYTES, Node, read_nodes

Step = str | int
Path = tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Document:
    """One document of one file. `node` is there for YAML, and `lines` for a table's rows: their lines are known."""

    file: str
    number: int
    value: Any
    node: Node | None = None
    lines: tuple[int, ...] = ()

    def line(self, path: Path) -> int | None:
        """The line of the row, or of the deepest part of the path that is written there; None for JSON."""
        if self.lines and path and isinstance(path[0], int):
            return self.lines[path[0]]
        if self.node is None:
            return None
        node, line = self.node, self.node.line
        for step in path:
            child = node.child(step)
            if child is None:
                break
            line = node.key_lines.get(step, child.line) if isinstance(step, str) else child.line
            node = child
        return line

    def problem(self, path: Path, code: str, message: str) -> Diagnostic:
        """A diagnostic about one place of the document."""
        where = f"'{path_text(path)}': " if path else ""
        return Diagnostic(self.file, self.line(path) or 1, code, f"{where}{message}")


def path_text(path: Path) -> str:
    """A path as people write it: `metrics[0].type_params.measure`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every scalar, and every empty list or map, with its path."""
    if isinstance(value, dict) and value:
        for key, child in cast("dict[str, Any]", value).items():
            yield from leaves(child, (*path, key))
    elif isinstance(value, list) and value:
        for index, child in enumerate(cast("list[Any]", value)):
            yield from leaves(child, (*path, index))
    else:
        yield path, value


def at(value: Any, path: Path) -> Any:
    """What stands at a path; None when nothing does."""
    for step in path:
        if isinstance(value, dict):
            value = cast("dict[Step, Any]", value).get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[Any]", value)):
            value = cast("list[Any]", value)[step]
        else:
            return None
    return value


def read_documents(file: str, content: bytes) -> tuple[list[Document], list[Diagnostic]]:
    """The documents of a `.json`, `.yaml` or `.yml` file (a byte order mark is ignored) and what is wrong with its syntax."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    if file.endswith(".json"):
        return _read_json(file, content)
    nodes, problems = read_nodes(file, content)
    written = [node for node in nodes if node.kind != "scalar" or node.scalar is not None]
    return [Document(file, number, node.plain(), node) for number, node in enumerate(written)], problems


def _read_json(file: str, content: bytes) -> tuple[list[Document], list[Diagnostic]]:
    if len(content) > MAX_BYTES:
        return [], [Diagnostic(file, 1, "file-too-large", f"{len(content)} bytes; at most {MAX_BYTES}")]
    try:
        value = json.loads(content, parse_constant=_refuse, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        return [], [Diagnostic(file, error.lineno, "json-syntax", f"{error.msg} at column {error.colno}")]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return [], [Diagnostic(file, line, "json-syntax", "the file is not UTF-8 text; save it as UTF-8")]
    except RecursionError:
        return [], [Diagnostic(file, 1, "json-syntax", "nested too deeply; flatten the document")]
    except ValueError as error:
        return [], [Diagnostic(file, 1, "json-syntax", str(error))]
    return [Document(file, 0, value)], []


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON; remove it")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key '{twice}' is written twice in one map; readers differ in which one they take")
    return found

"""The documents of the packs, each with its place: which file and line every field came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpis.diagnostics import Diagnostic
from kpis.yaml_nodes import Node, read_nodes

SUFFIXES = (".yaml", ".yml")
Step = str | int


@dataclass(frozen=True)
class Layer:
    """One document a merged entry takes fields from. `prefix` is where in the document they lie (`defaults` of a pack)."""

    file: str
    node: Node
    prefix: tuple[Step, ...] = ()

    def find(self, path: Sequence[Step]) -> tuple[int, Node, int]:
        """The deepest node along the path, how many steps were found, and the line the last step is written on.

        Steps that name no key are skipped: a validator's path also names its choices.
        """
        node, found, line = self.node, 0, self.node.line
        for step in (*self.prefix, *path):
            child = node.child(step)
            if child is not None:
                line = node.key_lines.get(step, child.line) if isinstance(step, str) else child.line
                node, found = child, found + 1
        return found - len(self.prefix), node, line


@dataclass(frozen=True)
class Place:
    """Where an entry is written: its own document first, then those it inherits from."""

    layers: tuple[Layer, ...]

    @property
    def file(self) -> str:
        return self.layers[0].file

    @property
    def line(self) -> int:
        return self.layers[0].node.line

    def at(self, *path: Step) -> tuple[str, int]:
        """File and line of a field: the layer in which most of the path exists, the own document on a tie."""
        best = max(self.layers, key=lambda layer: layer.find(path)[0])
        found, _, line = best.find(path)
        return (best.file, line) if found > 0 else (self.file, self.line)

    def text_line(self, path: Sequence[Step], line_in_text: int) -> tuple[str, int]:
        """File and line of the n-th line (from 1) of a text field; exact for literal blocks."""
        best = max(self.layers, key=lambda layer: layer.find(path)[0])
        _, node, line = best.find(path)
        if node.literal:
            return best.file, node.line + line_in_text
        return best.file, line

    def problem(self, code: str, message: str, *path: Step) -> Diagnostic:
        """A diagnostic about one field of this entry."""
        file, line = self.at(*path)
        return Diagnostic(file, line, code, message)


@dataclass
class PackFiles:
    """The documents of one pack folder."""

    folder: str
    documents: list[Layer] = field(default_factory=list["Layer"])


def find_files(roots: Iterable[Path]) -> list[Path]:
    """Every pack file below the roots, sorted; a root that is a file stands for itself."""
    found: set[Path] = set()
    for root in roots:
        candidates = (root,) if root.is_file() else root.rglob("*")
        found.update(path for path in candidates if path.suffix in SUFFIXES and path.is_file())
    return sorted(found)


def shown(path: Path) -> str:
    """The path as a person in the current folder writes it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def read_packs(roots: Iterable[Path]) -> tuple[list[PackFiles], list[Diagnostic]]:
    """Read every document of every file; a broken file costs only itself.

    Returns:
        The packs by folder, in order, and what could not be read.
    """
    packs: dict[str, PackFiles] = {}
    problems: list[Diagnostic] = []
    folders = list(roots)
    files = find_files(folders)
    if not files:
        names = ", ".join(shown(folder) for folder in folders) or "nowhere"
        problems.append(Diagnostic(names, 1, "no-packs", "no pack file (*.yaml) is below it; nothing was checked"))
    for path in files:
        name = shown(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            problems.append(Diagnostic(name, 1, "unreadable-file", f"{error.strerror or error}; check that it exists and its permissions"))
            continue
        nodes, syntax = read_nodes(name, data)
        problems.extend(syntax)
        folder = Path(name).parent.as_posix()
        pack = packs.setdefault(folder, PackFiles(folder))
        pack.documents.extend(Layer(name, node) for node in nodes if node.kind != "scalar" or node.scalar is not None)
    return list(packs.values()), problems

"""Which files of the artifact set a change of the dictionary changes, both sides rendered with the present code."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from artifacts.definition_changes import Kind, kind_of
from artifacts.keys import code_digest, kpi_key
from artifacts.registry import dictionary_renderers, kpi_renderers
from kpis.artifact import Artifact, Surroundings
from kpis.schema import Dictionary, Kpi


@dataclass(frozen=True)
class FileChange:
    """A file that is not what it was; `added` and `removed` count lines."""

    path: str
    kind: Kind
    added: int
    removed: int


def file_changes(
    before: Dictionary, after: Dictionary, *, progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
) -> tuple[FileChange, ...]:
    """Every file that differs, by path. A KPI whose definition and neighbours are what they were is not rendered."""
    old, new = Surroundings(before), Surroundings(after)
    pairs = _affected(old, new)
    found: list[FileChange] = []
    for done, (first, second) in enumerate(pairs, start=1):
        found.extend(_compared(_rendered(first, old), _rendered(second, new)))
        progress(_id(first, second), done, len(pairs))
    found.extend(_compared(_whole(old), _whole(new)))
    return tuple(sorted(found, key=lambda change: change.path))


def _affected(old: Surroundings, new: Surroundings) -> list[tuple[Kpi | None, Kpi | None]]:
    code = code_digest()
    first, second = ({kpi.id: kpi for kpi in side.dictionary.kpis} for side in (old, new))
    pairs = ((first.get(kpi_id), second.get(kpi_id)) for kpi_id in sorted(first | second))
    return [(a, b) for a, b in pairs if a is None or b is None or kpi_key(a, old, code) != kpi_key(b, new, code)]


def _id(first: Kpi | None, second: Kpi | None) -> str:
    shown = second or first
    return shown.id if shown else ""


def _rendered(kpi: Kpi | None, around: Surroundings) -> dict[str, bytes]:
    if kpi is None:
        return {}
    return _by_path(artifact for renderer in kpi_renderers() for artifact in renderer(kpi, around))


def _whole(around: Surroundings) -> dict[str, bytes]:
    return _by_path(artifact for renderer in dictionary_renderers() for artifact in renderer(around))


def _by_path(artifacts: Iterator[Artifact]) -> dict[str, bytes]:
    return {artifact.path: artifact.content for artifact in artifacts}


def _compared(before: dict[str, bytes], after: dict[str, bytes]) -> Iterator[FileChange]:
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        yield FileChange(path, kind_of(old, new), *_counts(_lines(old), _lines(new)))


def _lines(content: bytes | None) -> list[str]:
    return content.decode(errors="replace").splitlines() if content is not None else []


def _counts(before: list[str], after: list[str]) -> tuple[int, int]:
    added = removed = 0
    for line in difflib.unified_diff(before, after, lineterm="", n=0):
        added += line.startswith("+") and not line.startswith("+++")
        removed += line.startswith("-") and not line.startswith("---")
    return added, removed

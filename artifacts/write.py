"""Writes an artifact set to disk: only what changed, never half a file, and nothing stale stays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from artifacts.manifest import NAME, Manifest, read_manifest, sha256
from kpis.artifact import Artifact

PAGES = "docs/"
"""Files below this go to the documentation folder, which is part of the repository; all others to the output folder."""


@dataclass(frozen=True)
class Place:
    """Where a set lives: `out` for everything but the pages, `docs` for the pages (which begin with `docs/`)."""

    out: Path
    docs: Path

    def path(self, name: str) -> Path:
        """Where one artifact lives."""
        return self.docs / name.removeprefix(PAGES) if name.startswith(PAGES) else self.out / name

    def manifest(self) -> Manifest | None:
        """The manifest of what is there."""
        return read_manifest(self.out / NAME)

    def intact(self, files: Mapping[str, str]) -> bool:
        """Whether each file is there with the bytes its SHA-256 says."""
        return all(self.holds(name, digest) for name, digest in files.items())

    def holds(self, name: str, digest: str) -> bool:
        """Whether one file is there with the bytes its SHA-256 says."""
        try:
            return sha256(self.path(name).read_bytes()) == digest
        except OSError:
            return False


@dataclass
class Written:
    """What writing did, by path."""

    new: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    unchanged: int = 0
    removed: list[str] = field(default_factory=list[str])


def write_artifacts(place: Place, artifacts: Iterable[Artifact]) -> Written:
    """Write what differs from the disk; a reader never sees half a file."""
    written = Written()
    for artifact in artifacts:
        path = place.path(artifact.path)
        present = path.read_bytes() if path.is_file() else None
        if present == artifact.content:
            written.unchanged += 1
            continue
        _replace(path, artifact.content)
        (written.changed if present is not None else written.new).append(artifact.path)
    return written


def finish(place: Place, previous: Manifest | None, manifest: Manifest, written: Written) -> None:
    """Remove what the previous manifest listed and this one does not, then write the manifest, last."""
    kept = manifest.files()
    for name in sorted(previous.files() if previous else ()):
        path = place.path(name)
        if name not in kept and path.is_file():
            path.unlink()
            written.removed.append(name)
            _drop_empty(path.parent, {place.out, place.docs})
    _replace(place.out / NAME, manifest.dumps())


def stale(place: Place, manifest: Manifest, *, prefix: str = "") -> list[str]:
    """The files of a manifest, below a prefix, that are missing on disk or differ."""
    return [name for name, digest in sorted(manifest.files().items()) if name.startswith(prefix) and not place.holds(name, digest)]


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def _drop_empty(folder: Path, roots: set[Path]) -> None:
    while folder not in roots and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent

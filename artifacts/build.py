"""Brings an artifact set on disk up to date with the packs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from artifacts.keys import code_digest
from artifacts.manifest import Manifest
from artifacts.pages import FOLDERS
from artifacts.registry import DictionaryRenderer
from artifacts.render import Progress, Rendering
from artifacts.write import PAGES, Place, Written, finish, stale, write_artifacts
from kpis.bundle import build_bundle, raw_digest, read_bundle


@dataclass(frozen=True)
class Extra:
    """Renderers besides those of the registry, such as of the deployed stacks; `digest` stands for all they are made of."""

    digest: str = ""
    renderers: tuple[DictionaryRenderer, ...] = ()


@dataclass(frozen=True)
class Built:
    """The set as it is now, what writing did, and how many KPIs had to be rendered."""

    manifest: Manifest
    written: Written
    rendered: int = 0
    kept: int = 0


@dataclass(frozen=True)
class Sources:
    """What a set is built from: pack folders, a cache folder for the parsed dictionary, and more renderers."""

    packs: Sequence[Path]
    cache: Path
    extra: Extra = field(default_factory=Extra)

    def digest(self) -> str:
        """SHA-256 of all that decides the set: while it stays, nothing has to be rendered."""
        return hashlib.sha256(f"{raw_digest(self.packs)}\n{code_digest()}\n{self.extra.digest}".encode()).hexdigest()


def build(sources: Sources, place: Place, *, progress: Progress = lambda _what, _done, _total: None) -> Built:
    """Render what is out of date and write what differs. Equal inputs and intact files cost a digest and no rendering.

    Raises:
        DictionaryError: with every problem of the packs; nothing is written then.
        RenderError: when a KPI cannot be rendered.
    """
    previous, inputs = place.manifest(), sources.digest()
    if previous is not None and previous.inputs == inputs and not stale(place, previous) and not orphans(place, previous):
        return Built(previous, Written(unchanged=len(previous.files())), kept=len(previous.kpis))
    rendering = _rendering(sources, inputs, place, previous, progress)
    written = write_artifacts(place, rendering.artifacts())
    manifest = rendering.manifest()
    for path in orphans(place, manifest):
        place.path(path).unlink()
        written.removed.append(path)
    finish(place, previous, manifest, written)
    written.unchanged = len(manifest.files()) - len(written.new) - len(written.changed)
    return Built(manifest, written, rendered=len(manifest.kpis) - len(rendering.kept), kept=len(rendering.kept))


def check(sources: Sources, place: Place, *, progress: Progress = lambda _what, _done, _total: None) -> list[str]:
    """The generated pages of the repository that are missing, differ or belong to no KPI; nothing is written.

    Raises:
        DictionaryError, RenderError: as `build`.
    """
    rendering = _rendering(sources, sources.digest(), place, None, progress)
    for _ in rendering.artifacts():
        pass  # only their digests are wanted, and the rendering keeps those
    manifest = rendering.manifest()
    return sorted({*stale(place, manifest, prefix=PAGES), *orphans(place, manifest)})


def _rendering(sources: Sources, inputs: str, place: Place, previous: Manifest | None, progress: Progress) -> Rendering:
    dictionary = read_bundle(build_bundle(sources.packs, sources.cache).path.read_bytes())
    return Rendering(dictionary, inputs, previous, place.intact, sources.extra.renderers, progress)


def orphans(place: Place, manifest: Manifest) -> list[str]:
    """Pages in the folders of generated pages that the manifest does not list: of KPIs that are gone."""
    known = manifest.files()
    return sorted(name for name in _pages(place) if name not in known)


def _pages(place: Place) -> Iterator[str]:
    for folder in FOLDERS:
        for path in place.path(folder).glob("*.md"):
            yield f"{folder}/{path.name}"

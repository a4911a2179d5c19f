"""Renders the artifact set: every file of every renderer, but only what is out of date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from artifacts.keys import code_digest, kpi_key
from artifacts.manifest import Made, Manifest, sha256
from artifacts.registry import DictionaryRenderer, KpiRenderer, dictionary_renderers, kpi_renderers
from kpis.artifact import Artifact, Surroundings
from kpis.schema import Dictionary, Kpi

Progress = Callable[[str, int, int], None]
"""Told what was rendered, how many are done and of how many."""


class RenderError(ValueError):
    """An artifact could not be made, or two renderers claim the same file."""


@dataclass
class Rendering:
    """A rendering under way; iterate `artifacts`, then ask for `manifest`.

    `kept` are the KPIs whose files are as they were, so nothing is rendered for them.
    """

    dictionary: Dictionary
    inputs: str
    previous: Manifest | None = None
    intact: Callable[[Mapping[str, str]], bool] = lambda _files: True
    extra: tuple[DictionaryRenderer, ...] = ()
    progress: Progress = lambda _what, _done, _total: None
    kept: list[str] = field(default_factory=list[str])
    _made: dict[str, Made] = field(default_factory=dict[str, Made])
    _shared: dict[str, str] = field(default_factory=dict[str, str])
    _paths: set[str] = field(default_factory=set[str])

    def artifacts(self) -> Iterator[Artifact]:
        """What has to be written, KPI by KPI, then the files of the whole dictionary.

        Raises:
            RenderError: naming the KPI and the renderer that failed, or the file that two renderers claim.
        """
        around = Surroundings(self.dictionary)
        code = code_digest()
        kpis = sorted(self.dictionary.kpis, key=lambda kpi: kpi.id)
        renderers = kpi_renderers()
        for done, kpi in enumerate(kpis, start=1):
            yield from self._of_kpi(kpi, around, kpi_key(kpi, around, code), renderers)
            self.progress(kpi.id, done, len(kpis))
        for renderer in (*dictionary_renderers(), *self.extra):
            for artifact in renderer(around):
                self._claim([artifact.path])
                self._shared[artifact.path] = sha256(artifact.content)
                yield artifact

    def manifest(self) -> Manifest:
        """What is there once every artifact was written."""
        return Manifest(inputs=self.inputs, kpis=dict(sorted(self._made.items())), shared=dict(sorted(self._shared.items())))

    def _of_kpi(self, kpi: Kpi, around: Surroundings, key: str, renderers: Iterable[KpiRenderer]) -> Iterator[Artifact]:
        known = self.previous.kpis.get(kpi.id) if self.previous else None
        if known is not None and known.key == key and self.intact(known.files):
            self.kept.append(kpi.id)
            self._claim(known.files)
            self._made[kpi.id] = known
            return
        files: dict[str, str] = {}
        for renderer in renderers:
            for artifact in _attributed(renderer, kpi, around):
                self._claim([artifact.path])
                files[artifact.path] = sha256(artifact.content)
                yield artifact
        self._made[kpi.id] = Made(definition=around.hash_of(kpi), version=kpi.contract_version, key=key, files=dict(sorted(files.items())))

    def _claim(self, paths: Iterable[str]) -> None:
        for path in paths:
            if path in self._paths:
                raise RenderError(f"{path}: two renderers write this file; expected one artifact a path; see artifacts/registry.py")
            self._paths.add(path)


def _attributed(renderer: KpiRenderer, kpi: Kpi, around: Surroundings) -> Iterator[Artifact]:
    try:
        yield from renderer(kpi, around)
    except ValueError as error:
        raise RenderError(f"{kpi.id} ({kpi.pack}): {renderer.__module__} cannot render it: {error}") from error

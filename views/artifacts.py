"""The views as files of the artifact set, the same that are checked in below `views/rendered`."""

from __future__ import annotations

from collections.abc import Iterator

from kpis.artifact import Artifact, Surroundings
from views.render import rendered_files


def render_all(around: Surroundings) -> Iterator[Artifact]:
    """`views/<dialect>/<view>.sql`, and the log tables' DDL; they depend on no KPI."""
    del around
    for name, text in sorted(rendered_files().items()):
        yield Artifact(f"views/{name}", text.encode())

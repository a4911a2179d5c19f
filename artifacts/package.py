"""The artifact set as one file: a tar whose bytes depend on its content alone."""

from __future__ import annotations

import gzip
import io
import tarfile

from artifacts.manifest import NAME, Manifest
from artifacts.write import Place


def pack(place: Place, manifest: Manifest) -> bytes:
    """Every file of the set and its manifest as a gzipped tar, sorted by path, without owners and times.

    Raises:
        OSError: when a file of the manifest is not there; render first.
    """
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=6, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        contents = {name: place.path(name).read_bytes() for name in manifest.files()} | {NAME: manifest.dumps()}
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()

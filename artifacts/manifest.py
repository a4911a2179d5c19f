"""The manifest of an artifact set: which definition, by its SHA-256, became which files, by theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
from pydantic import ValidationError

from kpis.common import Frozen

NAME = "manifest.json"
FORMAT = 1


class Made(Frozen):
    """What was made of one KPI: the definition's hash, the key of all it was made of, and each file's SHA-256 by its path."""

    definition: str
    version: str
    key: str
    files: dict[str, str]


class Manifest(Frozen):
    """An artifact set.

    `inputs` is the digest of all that decides it (the packs' bytes, the code, the stacks): while it stays, nothing has to be rendered.
    `shared` are the files of the whole dictionary.
    """

    format: int = FORMAT
    inputs: str
    kpis: dict[str, Made]
    shared: dict[str, str]

    def files(self) -> dict[str, str]:
        """Every file's SHA-256 by its path."""
        found = dict(self.shared)
        for made in self.kpis.values():
            found.update(made.files)
        return found

    def dumps(self) -> bytes:
        """The manifest as JSON, one entry a line as far as people read it; equal manifests give equal bytes."""
        return orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def sha256(content: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(path: Path) -> Manifest | None:
    """The manifest in a file; None where there is none that this version understands, so that everything is rendered."""
    try:
        found = Manifest.model_validate(orjson.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None
    return found if found.format == FORMAT else None

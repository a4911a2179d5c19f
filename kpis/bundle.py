"""The dictionary as one file: deterministic gzip of JSON lines, named by its digest, built once for each content of the packs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from kpis.hashing import canonical_json
from kpis.schema import Dictionary, Kpi, Pack, Signal, Source
from kpis.summary import DictionarySummary, summarize

FORMAT = 1
REPOSITORY = Path(__file__).parent.parent
_MODELS: dict[str, type[BaseModel]] = {"pack": Pack, "source": Source, "signal": Signal, "kpi": Kpi}
_PRESET = 6


class BundleError(ValueError):
    """The bytes are not a dictionary bundle this version can read."""


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk: its file, the SHA-256 of its bytes and what is in it."""

    path: Path
    sha256: str
    summary: DictionarySummary


def build_bundle(packs_dir: Path | Iterable[Path], cache_dir: Path) -> Bundle:
    """The bundle of the packs below a folder (or several).

    The cache is keyed by the packs' raw bytes and this package's own code, so an unchanged dictionary never parses YAML.

    Raises:
        DictionaryError: with every problem of every file, found by reading and by the checks; nothing is written then.
    """
    roots = [packs_dir] if isinstance(packs_dir, Path) else list(packs_dir)
    index = cache_dir / f"dictionary-{raw_digest(roots)}.json"
    return _cached(index, cache_dir) or _build(roots, index, cache_dir)


def raw_digest(roots: Iterable[Path]) -> str:
    """SHA-256 over the names and bytes of all pack files and of the code that reads them."""
    from kpis.documents import find_files

    digest = hashlib.sha256(str(FORMAT).encode())
    code = sorted(Path(__file__).parent.glob("*.py"))
    for root in (*roots, None):
        for path in code if root is None else find_files([root]):
            name = path.name if root is None else path.relative_to(root if root.is_dir() else root.parent).as_posix()
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _cached(index: Path, cache_dir: Path) -> Bundle | None:
    try:
        head, _, body = index.read_bytes().partition(b"\n")
        known = json.loads(head)
        path = cache_dir / str(known["file"])
        if hashlib.sha256(path.read_bytes()).hexdigest() != known["sha256"]:
            return None
        summary = DictionarySummary.model_validate_json(body)
        # Runbooks are not part of the digest; one that is gone must be found as if nothing were cached.
        gone = [name for name in {row.runbook for row in summary.rows} if not (REPOSITORY / name.partition("#")[0]).is_file()]
        return None if gone else Bundle(path, str(known["sha256"]), summary)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # an absent or damaged cache is rebuilt


def _build(roots: list[Path], index: Path, cache_dir: Path) -> Bundle:
    # Whoever only reads bundles, such as a function, needs neither YAML nor SQL.
    from kpis.checks import check_packs

    bundle = store_bundle(check_packs(*roots, root=REPOSITORY).dictionary, cache_dir)
    head = json.dumps({"file": bundle.path.name, "sha256": bundle.sha256})
    _write(index, head.encode() + b"\n" + bundle.summary.model_dump_json().encode())
    return bundle


def store_bundle(dictionary: Dictionary, folder: Path) -> Bundle:
    """Write a dictionary's bundle into a folder, named by its digest."""
    content = bundle_bytes(dictionary)
    sha256 = hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"dictionary-{sha256}.jsonl.gz"
    _write(path, content)
    return Bundle(path, sha256, summarize(dictionary))


def _write(path: Path, content: bytes) -> None:
    """Write so that nobody ever sees half a file."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)


def bundle_bytes(dictionary: Dictionary) -> bytes:
    """The bundle's bytes; equal dictionaries give equal bytes."""
    lines = "".join(f"{line}\n" for line in _lines(dictionary)).encode()
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=_PRESET, mtime=0) as stream:
        stream.write(lines)
    return buffer.getvalue()


def _lines(dictionary: Dictionary) -> Iterator[str]:
    yield json.dumps({"format": FORMAT, "kind": "dictionary"}, sort_keys=True, separators=(",", ":"))
    for entries in (dictionary.packs, dictionary.sources, dictionary.signals, dictionary.kpis):
        for entry in sorted(entries, key=lambda entry: entry.id):
            yield canonical_json(entry)


def read_bundle(content: bytes) -> Dictionary:
    """The dictionary in a bundle.

    Raises:
        BundleError: when the bytes are not a bundle of this format.
    """
    try:
        lines = gzip.decompress(content).decode().rstrip("\n").split("\n")
        head: Any = json.loads(lines[0])
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise BundleError(f"not a dictionary bundle: {error}; expected gzip of JSON lines; build it again with build_bundle") from error
    if not isinstance(head, dict) or cast("dict[str, Any]", head).get("format") != FORMAT:
        raise BundleError(f"the bundle's first line is {lines[:1]}; expected format {FORMAT}; build it again with build_bundle")
    found: dict[str, list[Any]] = {kind: [] for kind in _MODELS}
    for number, line in enumerate(lines[1:], start=2):
        try:
            kind = json.loads(line)["kind"]
            found[kind].append(_MODELS[kind].model_validate_json(line))
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"line {number} of the bundle is not a dictionary entry: {error}") from error
    return Dictionary(packs=tuple(found["pack"]), sources=tuple(found["source"]), signals=tuple(found["signal"]), kpis=tuple(found["kpi"]))

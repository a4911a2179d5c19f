"""Compiled modules for a package that runs on the building interpreter: without them every cold start compiles its libraries again.

The bytes depend on the sources and the interpreter alone: an interpreter of their own without hash randomisation, paths relative to
the package, and unchecked hashes instead of times (PEP 552).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

# compileall skips what cannot be compiled (sources for other versions) and says so by its exit code, which is no failure here.
_COMMAND = ("-m", "compileall", "-q", "-q", "-f", "-j", "1", "--invalidation-mode", "unchecked-hash")


def compile_folder(folder: Path) -> None:
    """Compile every module below a folder, into `__pycache__` beside it."""
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-s", "-P", *_COMMAND, "-s", str(folder), str(folder)]
    subprocess.run(command, env=environment, capture_output=True, check=False)


def compile_sources(root: Path, sources: Iterable[Path], cache: Path) -> Mapping[str, bytes]:
    """Compiled modules of sources below `root`, by their path in the package."""
    with tempfile.TemporaryDirectory(prefix="compile-", dir=cache) as place:
        folder = Path(place)
        for source in sources:
            if source.suffix == ".py":
                copy = folder / source.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(source.read_bytes())
        compile_folder(folder)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.pyc"))}

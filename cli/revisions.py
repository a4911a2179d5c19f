"""What the packs said at a git revision."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cli.errors import ExitCode, KpiError
from kpis.loader import Loaded, read_dictionary


def dictionary_at(revision: str, roots: Sequence[Path], *, option: str = "--against") -> Loaded:
    """The packs below the folders as they were at a revision, as far as they were valid there.

    Raises:
        KpiError: when git is missing, or the revision is none.
    """
    with tempfile.TemporaryDirectory(prefix="kpi-revision-") as scratch:
        for root in roots:
            folder = root if root.is_dir() else root.parent
            target = Path(scratch) / folder.resolve().name
            target.mkdir(parents=True, exist_ok=True)
            with tarfile.open(fileobj=io.BytesIO(_archive(revision, folder, option))) as archive:
                archive.extractall(target, filter="data")
        return read_dictionary(Path(scratch))


def changed_files(revision: str, folder: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """Files below some paths of a checkout that differ from a revision, in the index or not; untracked ones are not among them."""
    found = _git(folder, "diff", "--name-only", revision, "--", *paths)
    return tuple(found.stdout.decode().split("\n")[:-1]) if found.returncode == 0 else ()


def _archive(revision: str, folder: Path, option: str) -> bytes:
    """The folder at the revision as a tar file; empty when the revision does not have it."""
    known = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if known.returncode != 0:
        raise KpiError(
            f"{option} {revision}".strip(), "is not a revision of this git repository", "a branch, tag or commit", code=ExitCode.USAGE
        )
    commit = known.stdout.decode().strip()
    archived = _git(folder, "archive", "--format=tar", commit, ".")
    if archived.returncode == 0:
        return archived.stdout
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    return empty.getvalue()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise KpiError("git", "is not installed", "git on PATH to compare with a revision") from error

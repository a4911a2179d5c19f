"""Where the embedded system of this checkout lives: ports, paths and environment.

Everything it writes is under `.local/` of the checkout (and the shared engine cache), so two checkouts run side by side.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

REGION = "us-east-1"
ACCOUNT_ID = "123456789012"
DEFAULT_GATEWAY_PORT = 4566
# Below the ports that systems give to outgoing connections (Linux from 32768, others from 49152): none of those can sit on it.
DEFAULT_WAREHOUSE_PORT = 25432
ENGINE_VERSION = "3.250.0"
GATEWAY_PORT_VARIABLE = "KPI_GATEWAY_PORT"
WAREHOUSE_PORT_VARIABLE = "KPI_WAREHOUSE_PORT"
# Embedded stacks hold no secrets (connection strings are set out of band), so a fixed passphrase hides nothing and asks nothing.
# It is not the person's own: the salts in the committed stack files belong to this one.
EMBEDDED_PASSPHRASE = "embedded"  # noqa: S105
# A profile or session token of the person's real account must never win over the embedded credentials.
UNSET_VARIABLES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
)
_PORT_MIN = 1024
_PORT_MAX = 65535


class SettingsError(ValueError):
    """A port or the saved settings file is not usable; the message says what was expected and what to do."""


@dataclass(frozen=True)
class LocalSettings:
    """The embedded system of one checkout. Ports are TCP ports on 127.0.0.1."""

    root: Path
    gateway_port: int = DEFAULT_GATEWAY_PORT
    warehouse_port: int = DEFAULT_WAREHOUSE_PORT

    @property
    def local_dir(self) -> Path:
        return self.root / ".local"

    @property
    def settings_file(self) -> Path:
        return self.local_dir / "settings.json"

    @property
    def bin_dir(self) -> Path:
        """Holds `pulumi` and the launchers of its plugins; first on PATH."""
        return self.local_dir / "bin"

    @property
    def run_dir(self) -> Path:
        """Process records of background services."""
        return self.local_dir / "run"

    @property
    def log_dir(self) -> Path:
        return self.local_dir / "log"

    @property
    def state_dir(self) -> Path:
        """Pulumi's file backend."""
        return self.local_dir / "state"

    @property
    def pulumi_home(self) -> Path:
        return self.local_dir / "pulumi-home"

    @property
    def emulator_dir(self) -> Path:
        return self.local_dir / "emulator"

    @property
    def emulator_python(self) -> Path:
        return self.local_dir / "emulator-venv" / "bin" / "python"

    @property
    def warehouse_dir(self) -> Path:
        return self.local_dir / "warehouse"

    @property
    def agent_dir(self) -> Path:
        return self.local_dir / "agent"

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    def aws_env(self) -> dict[str, str]:
        """What any AWS client needs to talk to the emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            # boto would otherwise read the person's real profiles.
            "AWS_CONFIG_FILE": str(self.local_dir / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.local_dir / "aws-credentials"),
        }

    def pulumi_env(self) -> dict[str, str]:
        """What the literal `pulumi` command needs."""
        return {
            "PULUMI_BACKEND_URL": f"file://{self.state_dir}",
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_CONFIG_PASSPHRASE": EMBEDDED_PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def env(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables `kpi env` exports: PATH, Pulumi's and AWS's."""
        base = os.environ if environ is None else environ
        own = [str(self.bin_dir), str(self.root / "bin")]
        rest = [entry for entry in base.get("PATH", os.defpath).split(os.pathsep) if entry and entry not in own]
        return {
            "PATH": os.pathsep.join([*own, *rest]),
            **self.pulumi_env(),
            **self.aws_env(),
        }

    def python_env(self) -> dict[str, str]:
        """Compiled modules are kept, and under `.local/`: a program that imports the AWS SDK starts several times faster with them."""
        return {"PYTHONPYCACHEPREFIX": str(self.local_dir / "pycache"), "PYTHONDONTWRITEBYTECODE": ""}

    def process_env(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """A complete environment for a child process: the caller's, minus what would reach a real account, plus `env()`."""
        base = dict(os.environ if environ is None else environ)
        for name in UNSET_VARIABLES:
            base.pop(name, None)
        return {**base, **self.env(base), **self.python_env()}


def repository_root() -> Path:
    """The checkout this code runs from."""
    return Path(__file__).resolve().parent.parent


def read_port(text: object, *, source: str) -> int:
    """A TCP port from a setting.

    Raises:
        SettingsError: naming `source` when the value is not a whole number from 1024 to 65535.
    """
    try:
        port = int(str(text))
    except ValueError:
        port = -1
    if not _PORT_MIN <= port <= _PORT_MAX:
        raise SettingsError(f"{source}: {text!r} is not a port; expected a whole number from {_PORT_MIN} to {_PORT_MAX}")
    return port


def saved_ports(root: Path) -> dict[str, int]:
    """The ports saved by an earlier `kpi up`, empty before the first one."""
    path = LocalSettings(root).settings_file
    if not path.exists():
        return {}
    try:
        document: Any = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}: not valid JSON ({error}); delete the file and run `make up`") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected an object with gateway_port and warehouse_port; delete the file and run `make up`")
    values = cast("dict[str, object]", document)
    return {name: read_port(values[name], source=f"{path}: {name}") for name in ("gateway_port", "warehouse_port") if name in values}


def requested_ports(environ: Mapping[str, str]) -> dict[str, int]:
    """The ports a person asked for by KPI_GATEWAY_PORT and KPI_WAREHOUSE_PORT."""
    names = {"gateway_port": GATEWAY_PORT_VARIABLE, "warehouse_port": WAREHOUSE_PORT_VARIABLE}
    return {field: read_port(environ[name], source=name) for field, name in names.items() if environ.get(name)}


def load_settings(root: Path | None = None, environ: Mapping[str, str] | None = None) -> LocalSettings:
    """The settings in force: the environment over the saved file over the defaults. Changes nothing and checks no port.

    Raises:
        SettingsError: for a malformed port or settings file.
    """
    where = repository_root() if root is None else root
    ports = {**saved_ports(where), **requested_ports(os.environ if environ is None else environ)}
    return replace(LocalSettings(where), **ports)


def save_settings(settings: LocalSettings) -> None:
    """Keep the ports for the next command of this checkout (atomic)."""
    settings.local_dir.mkdir(parents=True, exist_ok=True)
    document = {"gateway_port": settings.gateway_port, "warehouse_port": settings.warehouse_port}
    draft = settings.settings_file.with_suffix(".tmp")
    draft.write_text(json.dumps(document, indent=2) + "\n")
    draft.replace(settings.settings_file)

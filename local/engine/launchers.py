"""What the engine needs to find in a checkout: the command, the language host and the AWS provider. Standard library only.

The engine warns about every plugin it takes from PATH. So each launcher lies where the engine looks first: the language host
beside the command itself, the provider in the plugin folder of PULUMI_HOME under the version that the SDK asks for.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from local.engine.build import Engine
from local.settings import LocalSettings
from local.steps import StepError

PROVIDER_MODULE = "local.provider"
LANGUAGE_HOST_MODULE = "local.engine.language_host"


def write_launchers(settings: LocalSettings, engine: Engine) -> None:
    """Fill `.local/bin` and the plugin folder; does nothing where they are right already.

    Raises:
        StepError: when the environment does not hold the AWS SDK.
    """
    settings.bin_dir.mkdir(parents=True, exist_ok=True)
    command = settings.bin_dir / "pulumi"
    language_host = settings.bin_dir / "pulumi-language-python"
    if engine.vendor_language_host:
        _symlink(command, engine.path.resolve())
        language_host.unlink(missing_ok=True)
    else:
        _hard_link(command, engine.path.resolve())
        _script(language_host, settings, LANGUAGE_HOST_MODULE)
    plugin = settings.pulumi_home / "plugins" / f"resource-aws-v{sdk_version(settings)}"
    plugin.mkdir(parents=True, exist_ok=True)
    _script(plugin / "pulumi-resource-aws", settings, PROVIDER_MODULE)


def sdk_version(settings: LocalSettings) -> str:
    """The version of pulumi-aws in the environment, which is the provider version that programs ask for."""
    found = sorted((settings.root / ".venv").glob("lib/python3.*/site-packages/pulumi_aws-*.dist-info"))
    if not found:
        raise StepError(f"engine: pulumi-aws is not installed in {settings.root / '.venv'}; run `make up`")
    return found[-1].name.removeprefix("pulumi_aws-").removesuffix(".dist-info")


def _symlink(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _hard_link(path: Path, target: Path) -> None:
    # Not a symbolic link: the engine follows those before it looks for the language host beside itself.
    if path.exists() and not path.is_symlink():
        ours, theirs = path.stat(), target.stat()
        if (ours.st_size, int(ours.st_mtime)) == (theirs.st_size, int(theirs.st_mtime)):
            return
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    try:
        os.link(target, draft)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(target, draft)
    draft.replace(path)
    draft.unlink(missing_ok=True)  # renaming onto a link to the same file leaves the draft


def _script(path: Path, settings: LocalSettings, module: str) -> None:
    # -P: the engine's working directory must not decide what `import` finds; the environment's .pth file adds the checkout.
    variables = " ".join(f'{name}="{value}"' for name, value in settings.python_env().items())
    text = f'#!/bin/sh\n{variables} exec "{settings.python}" -P -m {module} "$@"\n'
    if path.exists() and path.read_text() == text:
        return
    path.write_text(text)
    path.chmod(0o755)

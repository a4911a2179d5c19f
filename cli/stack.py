"""The stacks of the embedded system and the literal `pulumi` commands on them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from cli.errors import KpiError
from local.settings import LocalSettings
from local.steps import StepError, Steps

PLATFORM_STACK = "platform.local"
TENANT_STACKS = ("skyway.prod", "discco.prod", "acme.prod")
DEMO_STACKS = (PLATFORM_STACK, *TENANT_STACKS)
_PROJECT = "kpi-observatory"


def state_file(settings: LocalSettings, stack: str) -> Path:
    """Where the file backend keeps a stack."""
    return settings.state_dir / ".pulumi" / "stacks" / _PROJECT / f"{stack}.json"


def exists(settings: LocalSettings, stack: str) -> bool:
    return state_file(settings, stack).exists()


def deployed(settings: LocalSettings) -> list[str]:
    """The stacks that exist in the file backend, by name."""
    return sorted(path.stem for path in state_file(settings, "any").parent.glob("*.json"))


def pulumi(settings: LocalSettings, arguments: Sequence[str]) -> int:
    """Run the literal command with this terminal as its own; returns its exit code."""
    print(f"$ pulumi {' '.join(arguments)}", flush=True)
    return subprocess.run([str(_command(settings)), *arguments], cwd=settings.root, env=settings.process_env(), check=False).returncode


def pulumi_step(settings: LocalSettings, steps: Steps, arguments: Sequence[str]) -> list[str]:
    """Run the literal command as part of a step: its latest line is shown, its whole output goes to a log.

    Raises:
        StepError: with the diagnostics when it fails.
    """
    steps.say(f"    $ pulumi {' '.join(arguments)}")
    log = settings.log_dir / f"pulumi-{'-'.join(word for word in arguments[:3] if not word.startswith('-'))}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(_command(settings)), *arguments, "--non-interactive", "--color", "never"]
    with log.open("w", buffering=1) as output:

        def keep(line: str) -> str | None:
            output.write(f"{line}\n")
            return line if line.strip().strip("@.") else None

        try:
            return steps.run(command, cwd=settings.root, env=settings.process_env(), progress=keep)
        except StepError as error:
            told = diagnostics(log.read_text()) or str(error)
            raise StepError(f"`pulumi {' '.join(arguments)}` failed:\n{told}\n(the whole output is in {log})") from error


def diagnostics(output: str) -> str:
    """The engine's own summary of what went wrong, without its progress lines; empty when it has none."""
    _, found, rest = output.partition("\nDiagnostics:\n")
    return re.split(r"^(?:Outputs|Resources):$", rest, maxsplit=1, flags=re.MULTILINE)[0].strip("\n") if found else ""


def outputs(settings: LocalSettings, stack: str) -> dict[str, Any]:
    """The outputs of a deployed stack.

    Raises:
        KpiError: when it is not deployed here.
    """
    if not exists(settings, stack):
        raise KpiError(stack, "this stack is not deployed here", next="run `make up`")
    command = [str(_command(settings)), "stack", "output", "--json", "--show-secrets", "-s", stack]
    done = subprocess.run(command, cwd=settings.root, env=settings.process_env(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise KpiError(stack, f"`pulumi stack output` failed: {done.stderr.strip()}")
    return cast("dict[str, Any]", json.loads(done.stdout))


def _command(settings: LocalSettings) -> Path:
    path = settings.bin_dir / "pulumi"
    if not path.exists():
        raise KpiError("pulumi", f"there is no engine at {path}", next="run `make up`")
    return path

"""The `kpi` command from outside: help, exit codes, the environment it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.app import COMMANDS
from cli.errors import ExitCode, KpiError

ROOT = Path(__file__).resolve().parents[3]


def kpi(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "COLUMNS": "140", **environ}, capture_output=True, text=True, check=False)


def test_help_lists_every_command_that_there_is_and_the_exit_codes() -> None:
    done = kpi("--help")
    assert done.returncode == ExitCode.OK
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
    assert "Exit codes: 0 done, 1 a check or run did not pass, 2 wrong arguments, 3" in " ".join(done.stdout.split())


@pytest.mark.parametrize("arguments", [("no-such-command",), ("up", "--no-such-option")])
def test_wrong_arguments_exit_with_2(arguments: tuple[str, ...]) -> None:
    done = kpi(*arguments)
    assert done.returncode == ExitCode.USAGE
    assert arguments[-1] in done.stderr


def test_a_wrong_port_exits_with_3_and_names_the_variable() -> None:
    done = kpi("env", KPI_GATEWAY_PORT="http")
    assert done.returncode == ExitCode.ENVIRONMENT
    assert done.stderr.startswith("error: KPI_GATEWAY_PORT: 'http' is not a port")


def test_the_printed_environment_can_be_evaluated_by_a_shell() -> None:
    script = f'eval "$({sys.executable} -m cli env)"; echo "$AWS_ENDPOINT_URL $PULUMI_BACKEND_URL ${{AWS_PROFILE-none}}"'
    environ = {**os.environ, "AWS_PROFILE": "production", "KPI_GATEWAY_PORT": "4999"}
    done = subprocess.run(["sh", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["http://127.0.0.1:4999", f"file://{ROOT}/.local/state", "none"]


def test_the_environment_as_json_is_the_same() -> None:
    variables = json.loads(kpi("env", "--json", KPI_GATEWAY_PORT="4999").stdout)
    assert variables["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4999"
    assert variables["PATH"].startswith(f"{ROOT}/.local/bin:{ROOT}/bin:")


def test_an_error_says_what_was_expected_and_what_to_do() -> None:
    error = KpiError("port 4566", "taken", "a free port", "choose another")
    assert str(error) == "port 4566: taken\n  expected: a free port\n  next: choose another"


def test_the_makefile_explains_itself() -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True)
    targets = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("  make")}
    assert targets >= {"up", "down", "status", "test", "check", "bench"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("acme/prod", "nonsense", "not a connection string"), ("acme", "postgresql://u:p@h:5432/d", "not the name of a secret")],
)
def test_a_secret_that_cannot_be_one_is_refused_without_being_shown(name: str, value: str, words: str) -> None:
    command = [sys.executable, "-m", "cli", "secret", "set", name]
    done = subprocess.run(command, cwd=ROOT, input=f"{value}\n", capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.USAGE
    assert words in done.stdout + done.stderr
    assert value not in done.stdout + done.stderr

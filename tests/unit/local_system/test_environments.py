"""`--env` of a command takes an environment and says which there are, before anything is asked or started."""

from __future__ import annotations

from importlib import import_module

import pytest
import typer
from typer.testing import CliRunner

from cli.errors import ExitCode


@pytest.mark.parametrize("command", [("run", "acme", "CFO-EF-02"), ("runs", "acme"), ("drift",)], ids=lambda words: words[0])
def test_an_environment_that_is_none_is_a_wrong_argument(command: tuple[str, ...]) -> None:
    name, *arguments = command
    app = typer.Typer(rich_markup_mode=None)
    app.command()(import_module(f"cli.{name}").command)
    answer = CliRunner().invoke(app, [*arguments, "--env", "production"])
    assert answer.exit_code == ExitCode.USAGE
    assert all(word in answer.output for word in ("--env", "production", "'dev', 'stg', 'prod'"))

"""What the documentation tells people to type exists, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_INLINE = re.compile(r"`((?:bin/)?kpi [a-z][^`\n]*)`")
_BLOCK = re.compile(r"^```(?:sh|bash)?\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def commands_in(text: str) -> list[str]:
    blocks = [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines()]
    told = [line for line in blocks if re.match(r"(?:bin/)?kpi [a-z]", line)] + _INLINE.findall(text)
    return [line.partition(" #")[0].split("|")[0].split(" > ")[0].strip() for line in told]


def problem(told: str) -> str | None:
    """What is wrong with a command a page tells: an unknown command or option, or more arguments than it takes."""
    try:
        words = shlex.split(re.sub(r"<[^>]*>", "X", told))[1:]
    except ValueError:
        return None  # a sentence with an apostrophe, not a command
    command: Any = typer.main.get_command(app)
    while hasattr(command, "get_command") and words:
        name = words.pop(0)
        found = command.get_command(None, name)
        if found is None:
            return f"there is no command {name}"
        command = found
    options = {
        name: parameter for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts) if name.startswith("-")
    }
    taken, positional = (
        0,
        sum(parameter.nargs if parameter.nargs > 0 else 99 for parameter in command.params if parameter.param_type_name == "argument"),
    )
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            taken += 1
            continue
        name = word.partition("=")[0]
        if name not in options and name != "--help":
            return f"{command.name} has no option {name}"
        if name in options and not getattr(options[name], "is_flag", False) and "=" not in word and words:
            words.pop(0)
    return f"{command.name} takes {positional} arguments" if taken > positional else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_a_page_tells_exists_with_its_options(page: Path):
    wrong = {told: found for told in commands_in(page.read_text()) if (found := problem(told))}
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path):
    links = [link.partition("#")[0] for link in _LINK.findall(page.read_text()) if "://" not in link and not link.startswith("#")]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("told", "words"),
    [("kpi fly", "no command fly"), ("kpi run acme CFO-EF-02 --day x", "no option --day"), ("kpi show a b c", "takes 2 arguments")],
)
def test_a_wrong_command_is_found(told: str, words: str):
    assert words in str(problem(told))

"""`kpi openapi`: whether the API's document is the one its routes give, and whether it breaks what an earlier one promised."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import ExitCode, KpiError

DOCUMENT = Path("docs/openapi.json")
ROOT = Path(__file__).resolve().parents[1]
LOOKED_AT = 50
"""Commits of the document that are looked at for one that differs."""


def command(
    *,
    against: Annotated[
        str | None, typer.Option(help="A git revision to compare with. Default: the last committed document that differs.")
    ] = None,
) -> None:
    """Check the API's OpenAPI document. Exit code 1 when it is stale, or breaks clients and its major version does not say so."""
    from lambdas.api.control import openapi

    text = (ROOT / DOCUMENT).read_text("utf-8")
    problems: list[str] = []
    if text != openapi.text():
        problems.append(f"{DOCUMENT}: it is not what the routes give; run: python -m lambdas.api.control.openapi > {DOCUMENT}")
    revision = against or last_other(ROOT, text)
    problems += broken_since(ROOT, revision, text) if revision else []
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problem{'' if len(problems) == 1 else 's'}, compared with {revision[:12] if revision else 'nothing'}")
    if problems:
        raise typer.Exit(ExitCode.FAILED)


def broken_since(root: Path, revision: str, text: str) -> list[str]:
    """What the document breaks of the one at a revision without saying so in its version.

    Raises:
        KpiError: when the revision is none or has no document.
    """
    from lambdas.api.control.openapi_diff import parsed, unannounced

    found = _git(root, "show", "--end-of-options", f"{revision}:{DOCUMENT}")
    if found.returncode != 0:
        raise KpiError(
            f"--against {revision}", f"there is no {DOCUMENT} at this revision", "a branch, tag or commit that has it", code=ExitCode.USAGE
        )
    return [f"{DOCUMENT}: {each}" for each in unannounced(parsed(found.stdout), parsed(text))]


def last_other(root: Path, text: str) -> str | None:
    """The newest commit whose document differs from this one: HEAD before a commit, the one before it after. None: there is none.

    Raises:
        KpiError: when git is missing or this is no repository: then nothing could be compared and nothing was checked.
    """
    listed = _git(root, "log", f"-{LOOKED_AT}", "--format=%H", "--", str(DOCUMENT))
    if listed.returncode != 0:
        raise KpiError(str(root), "is not a git repository", "a clone with its history, to compare the API with what it was")
    for commit in listed.stdout.split():
        if _git(root, "show", f"{commit}:{DOCUMENT}").stdout != text:
            return commit
    return None


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False, encoding="utf-8")
    except FileNotFoundError as error:
        raise KpiError("git", "is not installed", "git on PATH to compare with a revision") from error

"""`kpi diff <git-ref>`: what the present packs change, for a reviewer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from artifacts.definition_changes import kpi_changes, source_changes
from artifacts.diff import Diff
from artifacts.diff_report import to_json, to_markdown, to_text
from artifacts.file_changes import file_changes
from artifacts.keys import ROOMS
from cli.errors import ExitCode
from cli.packs import chosen, invalid
from cli.render import CACHE, with_progress
from cli.revisions import changed_files, dictionary_at
from cli.stack_diff import stack_changes
from kpis.bundle import REPOSITORY, build_bundle, bundle_bytes, read_bundle
from kpis.diagnostics import DictionaryError


class Format(StrEnum):
    """For a terminal, a machine or a pull request."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def command(
    revision: Annotated[str, typer.Argument(help="A branch, tag or commit, such as main or HEAD~1.")],
    packs: Annotated[
        list[Path] | None, typer.Argument(help="Pack folders, or a folder of packs. Default: the packs of this repository.")
    ] = None,
    *,
    style: Annotated[Format, typer.Option("--format", help="text, json, or markdown for a pull request.")] = Format.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when something changed.")] = False,
) -> None:
    """Tell a reviewer what changed since a git revision: definitions, alarms, cost, quotas, artifacts, and who is affected downstream."""
    roots = chosen(packs)
    loaded = dictionary_at(revision, roots, option="")
    # Both sides in the bundle's canonical order, so that nothing but meaning differs.
    before = read_bundle(bundle_bytes(loaded.dictionary))
    try:
        after = read_bundle(build_bundle(roots, CACHE).path.read_bytes())
    except DictionaryError as error:
        raise invalid(error) from error
    deployed = stack_changes(before, after, REPOSITORY)
    diff = Diff(
        revision=revision,
        kpis=kpi_changes(before, after),
        sources=source_changes(before, after),
        alarms=deployed.alarms,
        files=with_progress(lambda progress: file_changes(before, after, progress=progress)),
        costs=deployed.costs,
        limits=deployed.limits,
        # Packs of another repository have other revisions than the code.
        renderers=() if packs else tuple(name for name in changed_files(revision, REPOSITORY, ROOMS) if "/packs/" not in name),
        invalid=len(loaded.diagnostics),
    )
    match style:
        case Format.JSON:
            typer.echo(to_json(diff).decode(), nl=False)
        case Format.MARKDOWN:
            typer.echo(to_markdown(diff), nl=False)
        case Format.TEXT:
            typer.echo(to_text(diff), nl=False)
    if exit_code and not diff.empty:
        raise typer.Exit(ExitCode.FAILED)

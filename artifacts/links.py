"""Runbooks that artifacts link to: a dead link is worse than none, since it is followed at night."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_RUNBOOK = re.compile(rb"docs/runbooks/[A-Za-z0-9_./-]+?\.md")


def runbook_links(content: bytes) -> tuple[str, ...]:
    """The runbooks an artifact names, sorted."""
    return tuple(sorted({match.decode() for match in _RUNBOOK.findall(content)}))


def dead_runbooks(artifacts: Iterable[tuple[str, bytes]], known: Iterable[str], root: Path) -> list[str]:
    """Links to runbooks that are neither among the known files of the set nor in the repository: `<artifact>: <link> does not exist`.

    Args:
        artifacts: path and content of each.
        known: the paths of the set.
        root: the repository.
    """
    there = set(known)
    dead: list[str] = []
    for path, content in artifacts:
        for link in runbook_links(content):
            if link not in there and not (root / link).is_file():
                dead.append(f"{path}: {link} does not exist")
            else:
                there.add(link)
    return dead

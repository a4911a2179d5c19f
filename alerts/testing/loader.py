"""Reads files of alarm tests: every problem of every file at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from alerts.testing import model
from alerts.testing.model import CaseSpec, TestFile
from kpis.diagnostics import Diagnostic, nearest
from kpis.documents import Layer, Place, Step, find_files, shown
from kpis.yaml_nodes import read_nodes

OWN_TESTS = Path(__file__).parents[1] / "tests"
"""The tests of the product's own alarms."""
_SHOWN = 60


class AlarmTestsError(ValueError):
    """The tests cannot be run; carries every problem found, sorted by file and line."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(set(diagnostics)))
        super().__init__("\n".join(str(diagnostic) for diagnostic in self.diagnostics))


@dataclass(frozen=True)
class ReadFile:
    """A document of a test file and where each part of it is written."""

    name: str
    spec: TestFile
    place: Place

    def line(self, *path: Step) -> int:
        """The line of a field."""
        return self.place.at(*path)[1]

    def problem(self, code: str, message: str, *path: Step) -> Diagnostic:
        """A problem of a field."""
        return self.place.problem(code, message, *path)


def read_tests(paths: Sequence[Path]) -> list[ReadFile]:
    """The test files among these files and below these folders, sorted.

    Raises:
        AlarmTestsError: with all problems; also when there is no test file at all, since zero checks are no success.
    """
    files = find_files(paths)
    if not files:
        wanted = ", ".join(shown(path) for path in paths)
        raise AlarmTestsError([Diagnostic(wanted, 1, "no-tests", "there is no .yaml file here; zero tests are no success")])
    found: list[ReadFile] = []
    problems: list[Diagnostic] = []
    for path in files:
        read, wrong = read_file(shown(path), path.read_bytes())
        problems += wrong
        found += read
    if problems:
        raise AlarmTestsError(problems)
    return found


def read_file(name: str, data: bytes) -> tuple[list[ReadFile], list[Diagnostic]]:
    """The documents of one file (most have one), and what is wrong with them. Never raises for any bytes."""
    documents, problems = read_nodes(name, data)
    if not documents and not problems:
        problems.append(Diagnostic(name, 1, "no-tests", "the file is empty; expected 'alarms' and 'tests'"))
    found: list[ReadFile] = []
    for document in documents:
        place = Place((Layer(name, document),))
        try:
            read = ReadFile(name, TestFile.model_validate(document.plain()), place)
        except ValidationError as error:
            problems += [_problem(item, place) for item in error.errors(include_url=False) if not _follows(item)]
        else:
            found.append(read)
            problems += _twice(read)
    return found, problems


def _twice(read: ReadFile) -> Iterator[Diagnostic]:
    seen: dict[str, int] = {}
    for index, case in enumerate(read.spec.tests):
        if case.name in seen:
            line = read.line("tests", seen[case.name], "name")
            yield read.problem("duplicate-test", f"test '{case.name}' is there already, on line {line}", "tests", index, "name")
        seen.setdefault(case.name, index)


def _follows(item: Any) -> bool:
    """Whether an error only says that what had errors of its own is left out: a list too short that was not written empty."""
    return item["type"] == "too_short" and bool(item.get("input"))


def _problem(item: Any, place: Place) -> Diagnostic:
    path: tuple[Step, ...] = tuple(item["loc"])
    kind, where = str(item["type"]), ".".join(str(step) for step in path)
    message = str(item["msg"]).removeprefix("Value error, ")
    if kind == "missing":
        return place.problem("missing-field", f"'{where}' is missing", *path)
    if kind == "extra_forbidden":
        return place.problem("unknown-field", f"'{where}' is not a field{nearest(str(path[-1]), _fields())}", *path)
    if kind == "value_error":
        code = "no-expectations" if "expects nothing" in message else "invalid-value"
        return place.problem(code, f"'{where or 'file'}': {message}", *path)
    text = repr(cast("object", item.get("input")))
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return place.problem("invalid-value", f"'{where}' is {text}: {message[:1].lower()}{message[1:]}", *path)


@cache
def _fields() -> frozenset[str]:
    models = [each for each in vars(model).values() if isinstance(each, type) and issubclass(each, BaseModel)]
    return frozenset(field.alias or name for each in models for name, field in each.model_fields.items())


def selected(read: ReadFile, words: str | None) -> Iterator[tuple[int, CaseSpec]]:
    """Every test with its position; with `words` only those whose name, file or alarms contain them."""
    for index, case in enumerate(read.spec.tests):
        if words is None or any(words.lower() in text.lower() for text in (case.name, read.name, *case.alarms)):
            yield index, case

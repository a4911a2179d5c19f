"""What holds for every tracked file: short files, no machine's paths, no package registries, no unfinished work.

Which room may import which is in `test_import_arrows.py`.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
GENERATED = re.compile(r"(\.lock|\.sum|\.svg|\.csv|\.json|\.ambr)$|^views/rendered/|^docs/(dictionary|runbooks)/")
# Written in halves, so that this file does not contain what it looks for.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "npmjs" + ".com", "proxy.golang" + ".org", "index" + "-url")
MACHINE_PATHS = re.compile("|".join(["/work" + r"/\w+", "/ro" + "ot/", "/ho" + r"me/\w+/", "/Us" + r"ers/\w+/", r"[A-Z]:\\Us" + "ers"]))
UNFINISHED = re.compile(r"\b(TO" + "DO|FIX" + "ME|X" + r"XX)\b")


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(name for name in listed.split("\0") if name and (ROOT / name).is_file())


def text_of(name: str) -> str:
    return (ROOT / name).read_text(errors="replace")


def test_a_source_file_fits_into_four_hundred_lines() -> None:
    names = [name for name in tracked() if name.endswith((".py", ".yaml", ".j2", ".md", ".sql")) and not GENERATED.search(name)]
    assert {name: lines for name in names if (lines := len(text_of(name).splitlines())) > MAX_LINES} == {}


def test_a_function_fits_a_screen() -> None:
    long: dict[str, int] = {}
    for name in tracked():
        if not name.endswith(".py") or name.startswith("tests/"):
            continue
        for node in ast.walk(ast.parse(text_of(name), name)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long[f"{name}:{node.lineno} {node.name}"] = lines
    assert long == {}


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert [name for name in tracked() if host in text_of(name)] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = {name: match.group() for name in tracked() if (match := MACHINE_PATHS.search(text_of(name)))}
    assert found == {}


def test_no_source_file_announces_unfinished_work() -> None:
    names = [name for name in tracked() if name.endswith((".py", ".sql", ".yaml", ".j2", ".md")) and not GENERATED.search(name)]
    assert {name: match.group() for name in names if (match := UNFINISHED.search(text_of(name)))} == {}


def test_reading_the_dictionary_loads_no_yaml_no_sql_and_no_aws_library() -> None:
    """A cold start pays for what it uses."""
    code = "import sys, kpis.schema, kpis.bundle; print(sorted({'yaml', 'sqlglot', 'boto3', 'croniter'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Dependencies point one way; what may import what is DESIGN.md's table."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("kpis", "views", "dashboards", "alerts", "plans", "artifacts", "lambdas", "infra", "local", "cli", "tests")
ALLOWED: dict[str, set[str]] = {
    "kpis": set(),
    "views": {"kpis"},
    "dashboards": {"kpis"},
    "alerts": {"kpis"},
    "plans": {"kpis", "dashboards", "alerts"},
    "artifacts": {"kpis", "views", "dashboards", "alerts", "plans"},
    "lambdas": {"kpis", "views"},
    "infra": {"kpis", "views", "dashboards", "alerts", "plans", "artifacts"},
    "local": set(),
    "local.agent": {"kpis", "alerts"},
}


def imports(path: Path, packages: tuple[str, ...] = ROOMS) -> Iterator[str]:
    """Which of the given top-level packages a module imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[0] for name in names if name.split(".")[0] in packages)


def modules(room: str) -> list[Path]:
    return sorted(path for path in (ROOT / room.replace(".", "/")).rglob("*.py") if "source" not in path.parts)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    own = room.split(".", maxsplit=1)[0]
    nested = [ROOT / other.replace(".", "/") for other in ALLOWED if other.startswith(f"{room}.")]
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        if not any(path.is_relative_to(folder) for folder in nested)
        for name in imports(path)
        if name != own and name not in ALLOWED[room]
    ]
    assert wrong == []


def test_domain_code_of_the_functions_gets_its_clients_passed_in() -> None:
    """The domain imports no boto3: adapters do."""
    domain = [path for path in modules("lambdas") if "domain" in path.parts]
    assert domain
    assert [path.name for path in domain if list(imports(path, ("boto3", "botocore")))] == []


def test_the_check_sees_an_import_inside_a_function(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def later():\n    from infra.stack import StackInfo\n    return StackInfo\n")
    assert list(imports(module)) == ["infra"]

"""When an artifact is out of date: the digest of the code that makes it, and of every definition it may read."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from kpis.artifact import Surroundings
from kpis.schema import Kpi

ROOMS = ("kpis", "views", "dashboards", "alerts", "artifacts")
_LIBRARIES = ("jinja2", "orjson", "promql-parser", "pydantic", "pyyaml", "sqlglot")
"""What decides the bytes besides our own code."""
_CODE = frozenset({".py", ".j2", ".tmpl", ".sql", ".css", ".js", ".json"})
_REPOSITORY = Path(__file__).parent.parent


@cache
def code_digest() -> str:
    """SHA-256 of everything that decides how a definition becomes an artifact: our modules and templates, and the libraries' versions."""
    digest = hashlib.sha256("".join(f"{name} {version(name)}\n" for name in _LIBRARIES).encode())
    for room in ROOMS:
        for path in sorted((_REPOSITORY / room).rglob("*")):
            if path.suffix in _CODE and "packs" not in path.parts:
                content = path.read_bytes()
                digest.update(f"{path.relative_to(_REPOSITORY).as_posix()}\0{len(content)}\0".encode())
                digest.update(content)
    return digest.hexdigest()


def kpi_key(kpi: Kpi, around: Surroundings, code: str) -> str:
    """What one KPI's artifacts are made of: its definition, its direct neighbours' and the code. `Surroundings` shows no more than that."""
    parts = [code, around.hash_of(kpi)]
    parts += [f"source {around.hash_of(source)}" for source in around.sources_of(kpi)]
    parts += [f"upstream {around.hash_of(upstream)}" for upstream in around.upstream_of(kpi)]
    parts += [f"downstream {around.hash_of(reader)}" for reader in around.downstream_of(kpi)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

"""A connection that was replaced: runs of a process that is warm follow it, although what it had still opens."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from lambdas.adapters.aws import Secrets
from lambdas.adapters.warehouse import SqlWarehouses
from tests.unit.lambdas.memory import kpi, make_run


class Vault:
    """Secrets Manager with one value; `read` counts."""

    def __init__(self, url: str) -> None:
        self.url, self.read, self.now = url, 0, 0.0

    def __call__(self, _service: str) -> Vault:
        return self

    def get_secret_value(self, **_: Any) -> dict[str, str]:
        self.read += 1
        return {"SecretString": json.dumps({"url": self.url})}


def database(path: Path, answer: str) -> str:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE who (name text)"))
        connection.execute(text("INSERT INTO who VALUES (:name)"), {"name": answer})
    engine.dispose()
    return f"sqlite:///{path}"


def test_warm_runs_read_where_the_connection_leads_now(tmp_path: Path) -> None:
    old, new = database(tmp_path / "old", "old"), database(tmp_path / "new", "new")
    vault = Vault(old)
    secrets = Secrets(lambda: vault.now)
    run = make_run(kpi())
    warehouses = SqlWarehouses(lambda run: secrets.url(vault, run.warehouse_secret))  # type: ignore[arg-type]

    def who() -> str:
        with warehouses.open(run, timedelta(seconds=5)) as session:
            return str(session.query("SELECT name FROM who", {})[0]["name"])

    assert (who(), who(), vault.read) == ("old", "old", 1), "a warm process does not ask for each run"
    vault.url = new
    vault.now += 31.0
    assert (who(), who(), vault.read) == ("new", "new", 2)

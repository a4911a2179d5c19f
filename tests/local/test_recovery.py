"""`kill -9` of every part, and a database that goes away: `make up` recovers, a run fails in words, nothing is lost silently.

These tests stop parts of the shared stack and bring it back, so they come last (see conftest: order by marker).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.local.conftest import Stack, wait_until
from tests.local.test_append_only import a_removed_row_is_told
from tests.local.test_bad_input import kpi

pytestmark = [pytest.mark.local, pytest.mark.disruptive]


def services(stack: Stack) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(kpi(stack, "services", "--json").stdout)["services"]}


def kill(stack: Stack, name: str) -> None:
    pid = services(stack)[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: services(stack)[name]["state"] != "running", seconds=20, what=f"the end of {name}")


def up(stack: Stack) -> str:
    done = kpi(stack, "up")
    assert done.returncode == 0, f"kpi up did not recover:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    assert all(each["state"] == "running" for each in services(stack).values())
    return done.stdout


def a_run_succeeds(stack: Stack) -> None:
    done = kpi(stack, "run", "acme", "CFO-EF-02", "--from", "2025-11-19", "--to", "2025-11-20")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_killed_agent_is_started_again(stack: Stack) -> None:
    kill(stack, "agent")
    up(stack)
    a_run_succeeds(stack)


def test_a_killed_warehouse_comes_back_with_its_data(stack: Stack) -> None:
    kill(stack, "warehouse")
    up(stack)
    a_run_succeeds(stack)


def test_a_run_without_its_database_fails_in_words_and_is_logged(stack: Stack) -> None:
    kill(stack, "warehouse")
    started = time.time()
    try:
        done = kpi(stack, "run", "acme", "CFO-EF-02", "--from", "2025-11-18", "--to", "2025-11-19")
        assert done.returncode == 1
        assert "Traceback" not in done.stdout + done.stderr
        assert "postgresql+psycopg://" not in done.stdout + done.stderr, "a connection string is never shown"
        rows = [row for row in stack.log_rows("run", "acme", kpi_id="CFO-EF-02") if row["entry"] == "close"]
        last = max(rows, key=lambda row: row["run_id"])
        assert last["status"] in ("failed", "partial")
        assert last["error_code"] in ("SQL_ERROR", "INTERNAL")
        assert last["error_message"]
    finally:
        up(stack)
    assert time.time() - started < 240
    a_run_succeeds(stack)


def test_a_killed_emulator_is_repaired_by_up(stack: Stack) -> None:
    view = ("view", "vw_kpi_run_overview", "--tenant", "acme", "--limit", "1", "--json")
    before = kpi(stack, *view)
    assert json.loads(before.stdout), before.stderr
    kill(stack, "emulator")
    said = up(stack)
    assert "emulator" in said
    a_run_succeeds(stack)
    after = kpi(stack, *view)
    assert json.loads(after.stdout), f"the lake is lost: {after.stderr}"
    # The streams' records are gone with the process; what is written from now on must be read all the same.
    a_removed_row_is_told(stack)


def test_a_killed_engine_leaves_a_stack_that_up_can_finish(stack: Stack) -> None:
    command = ["pulumi", "refresh", "-s", "platform.local", "--yes", "--skip-preview", "--non-interactive"]
    engine = subprocess.Popen(command, cwd=stack.settings.root, env=stack.settings.process_env(), stdout=subprocess.DEVNULL)
    time.sleep(2)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    up(stack)
    done = subprocess.run(
        ["pulumi", "preview", "-s", "platform.local", "--expect-no-changes", "--non-interactive"],
        cwd=stack.settings.root,
        env=stack.settings.process_env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

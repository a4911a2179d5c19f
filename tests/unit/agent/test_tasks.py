"""Fargate tasks as processes: run once, answered for, never orphaned."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from local import watch
from local.agent.status import AgentStatus, StatusFile
from local.agent.store import Phase, Store
from local.agent.tasks import TaskRunner
from local.settings import LocalSettings
from tests.unit.agent.cloud import Cloud

SLEEP = "import time; time.sleep(60)"


class Rig:
    """An agent that can be killed and started again over the same memory."""

    def __init__(self, root: Path) -> None:
        self.settings = LocalSettings(root)
        (root / ".venv" / "bin").mkdir(parents=True)
        self.settings.python.symlink_to(sys.executable)
        self.cloud = Cloud()
        self.status = StatusFile(root / "status.json", AgentStatus(pid=os.getpid(), started_at=0, written_at=0))
        self.start()

    def start(self, limit: int = 4) -> None:
        self.store = Store(self.settings.agent_dir / "agent.sqlite")
        self.runner = TaskRunner(self.settings, self.cloud, self.store, self.status, limit=limit)  # type: ignore[arg-type]
        self.runner.recover()

    def crash(self) -> None:
        """The agent is gone at once: what it held in memory is lost, the processes stay."""
        self.store.close()

    def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.runner.step()
            time.sleep(0.02)

    def phases(self) -> list[Phase]:
        return [task.phase for task in self.store.tasks()]

    def pids(self) -> list[int]:
        return [task.pid for task in self.store.tasks() if task.pid]


@pytest.fixture
def rig(tmp_path: Path):
    made = Rig(tmp_path)
    yield made
    with suppress(Exception):
        for pid in made.pids():
            os.killpg(pid, signal.SIGKILL)


def test_a_task_runs_its_command_with_environment_and_overrides(rig: Rig):
    arn = rig.cloud.start("one", "import os; print(os.environ['COLOUR'], os.environ['SIZE'], os.environ['AWS_ENDPOINT_URL'], os.getcwd())")
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert rig.cloud.written == [f"run/runner/one: blue large http://127.0.0.1:4566 {rig.settings.root}"]
    assert rig.cloud.tasks[arn]["stoppedReason"] == "Essential container exited: exit code 0"
    assert rig.phases() == []


def test_a_task_that_answered_is_not_failed(rig: Rig):
    rig.cloud.answered.add("token")
    arn = rig.cloud.start("one", "pass", token="token")
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert rig.cloud.failures == []


def test_a_task_that_dies_without_an_answer_fails_its_execution(rig: Rig):
    arn = rig.cloud.start("one", "import os; os._exit(3)", token="token")
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert [failure["taskToken"] for failure in rig.cloud.failures] == ["token"]
    assert "exit code 3" in rig.cloud.failures[0]["cause"]


def test_no_more_tasks_run_at_once_than_allowed(rig: Rig):
    rig.start(limit=2)
    for number in range(4):
        rig.cloud.start(f"task-{number}", SLEEP)
    for _ in range(5):
        rig.runner.step()
    assert sorted(rig.phases()) == [Phase.RUNNING, Phase.RUNNING, Phase.WAITING, Phase.WAITING]
    rig.runner.close()


def test_a_task_stopped_in_ecs_is_ended(rig: Rig):
    arn = rig.cloud.start("one", SLEEP, token="token")
    rig.until(lambda: rig.phases() == [Phase.RUNNING])
    (pid,) = rig.pids()
    rig.cloud.stop_task(cluster="kpi-local", task=arn, reason="by hand")
    rig.until(lambda: rig.phases() == [])
    assert watch.start_time(pid) is None
    assert "the task was stopped" in rig.cloud.failures[0]["cause"]


def test_after_a_crash_a_running_task_is_adopted_and_not_run_again(rig: Rig):
    marker = rig.settings.root / "runs.txt"
    code = f"import time; open({str(marker)!r}, 'a').write('ran '); time.sleep(1.5)"
    rig.cloud.answered.add("token")
    arn = rig.cloud.start("one", code, token="token")
    rig.until(lambda: rig.phases() == [Phase.RUNNING] and marker.exists())
    rig.crash()
    rig.start()
    assert rig.phases() == [Phase.RUNNING]
    # The dead agent's children would be collected by init; here the test is still their parent.
    pid = rig.pids()[0]
    rig.until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid)
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert marker.read_text() == "ran "
    assert rig.cloud.failures == []


def test_after_a_crash_a_task_whose_process_is_gone_fails_its_execution(rig: Rig):
    arn = rig.cloud.start("one", SLEEP, token="token")
    rig.until(lambda: rig.phases() == [Phase.RUNNING])
    (pid,) = rig.pids()
    rig.crash()
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    rig.start()
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert [failure["taskToken"] for failure in rig.cloud.failures] == ["token"]


def test_a_crash_between_the_journal_and_the_process_does_not_start_it_twice(rig: Rig):
    arn = rig.cloud.start("one", "raise SystemExit('must not run')", token="token")
    rig.runner._take_on({arn})
    rig.store.update_task(arn, phase=Phase.STARTING)
    rig.crash()
    rig.start()
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert rig.cloud.written == []
    assert "died while it started" in rig.cloud.failures[0]["cause"]


def test_a_crash_just_after_the_process_started_finds_it_again(rig: Rig):
    rig.cloud.start("one", SLEEP, token="token")
    rig.until(lambda: rig.phases() == [Phase.RUNNING])
    (pid,) = rig.pids()
    rig.store.update_task(rig.store.tasks()[0].arn, phase=Phase.STARTING, pid=None, process_started=None)
    rig.crash()
    rig.start()
    assert rig.phases() == [Phase.RUNNING]
    assert rig.pids() == [pid]
    rig.runner.close()


def test_stopping_the_agent_leaves_no_process_and_answers_for_its_tasks(rig: Rig):
    rig.cloud.start("one", SLEEP, token="token")
    rig.until(lambda: rig.phases() == [Phase.RUNNING])
    (pid,) = rig.pids()
    rig.runner.close()
    assert watch.start_time(pid) is None
    assert "the agent was stopped" in rig.cloud.failures[0]["cause"]


def test_a_container_that_is_no_python_program_is_stopped_with_the_reason(rig: Rig):
    arn = rig.cloud.start("one", "", command=["nginx", "-g", "daemon off;"])
    rig.runner.step()
    assert "nginx" in rig.cloud.tasks[arn]["stoppedReason"]


def test_tasks_of_the_emulators_former_life_are_left_alone(rig: Rig):
    rig.cloud.start("one", "pass", status="STOPPED")
    for _ in range(3):
        rig.runner.step()
    assert rig.phases() == []
    assert rig.cloud.written == []


def test_output_without_a_line_end_is_not_lost(rig: Rig):
    arn = rig.cloud.start("one", "import sys; sys.stdout.write('first\\nlast')")
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert [line.partition(": ")[2] for line in rig.cloud.written] == ["first", "last"]


def test_long_output_arrives_complete_and_in_order(rig: Rig):
    arn = rig.cloud.start("one", "for n in range(60000): print('line', n)")
    rig.until(lambda: rig.cloud.tasks[arn]["desiredStatus"] == "STOPPED")
    assert [line.partition(": ")[2] for line in rig.cloud.written] == [f"line {number}" for number in range(60_000)]

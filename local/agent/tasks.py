"""Runs ECS tasks as local processes, once each, and tells Step Functions when one dies without an answer."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from local import watch
from local.agent import task_logs, task_process
from local.agent.clients import Clients
from local.agent.status import StatusFile
from local.agent.store import Phase, Store, TaskRow
from local.agent.task_definitions import UnsupportedTaskError, container_process
from local.settings import LocalSettings

log = logging.getLogger("kpi.agent.tasks")
_CLUSTERS_SECONDS = 5.0
_PAGE = 100
_STOP_SECONDS = 10.0
_LIVE_STATUSES = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING")
# The emulator lets a failure overwrite a success it has not read yet, so a process that ended well gets time for its answer to arrive.
_GRACE_SECONDS = {True: 1.0, False: 0.2}
_ANSWERED = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


def concurrency() -> int:
    """Tasks at once: a container is mostly waiting for its warehouse, so two a core."""
    return max(2, 2 * (os.cpu_count() or 1))


class TaskRunner:
    """Polls for tasks, runs them, and finishes them in ECS and Step Functions."""

    def __init__(self, settings: LocalSettings, clients: Clients, store: Store, status: StatusFile, *, limit: int | None = None) -> None:
        self._settings = settings
        self._clients = clients
        self._store = store
        self._status = status
        self._limit = limit or concurrency()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping: dict[str, float] = {}
        self._foreign: set[str] = set()
        self._clusters: tuple[float, list[str]] = (0.0, [])

    def recover(self) -> None:
        """After a crash: adopt the processes that still run, and mark the tasks whose process is gone as exited."""
        for task in self._store.tasks():
            if task.phase is Phase.STARTING:
                pid = task_process.find(task.arn)
                self._adopt(task, pid, watch.start_time(pid) if pid else None)
            elif task.phase is Phase.RUNNING and not task_process.is_same_process(task.pid, task.process_started):
                self._exited(task, None, "the process was gone when the agent started again")

    def step(self) -> None:
        """One round: ended processes first, since they need no network to be noticed."""
        self._notice_exits()
        wanted = set(self._wanted())
        self._take_on(wanted)
        self._start_waiting()
        self._forward_logs()
        self._stop_unwanted(wanted)
        self._finish()
        self._count()

    def close(self) -> None:
        """End the running processes and answer for them; the rest is left for the next start."""
        running = [task for task in self._store.tasks() if task.phase is Phase.RUNNING]
        for task in running:
            task_process.end(task.pid or 0, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS / 2
        while time.monotonic() < deadline and any(task_process.is_same_process(task.pid, task.process_started) for task in running):
            self._notice_exits("the agent was stopped")
            time.sleep(0.05)
        for task in running:
            if task_process.is_same_process(task.pid, task.process_started):
                task_process.end(task.pid or 0, signal.SIGKILL)
                self._exited(task, -signal.SIGKILL, "the agent was stopped")
        self._notice_exits("the agent was stopped")
        self._finish(hurry=True)
        self._store.close()

    def _wanted(self) -> Iterator[str]:
        """The ARNs of the tasks that ECS wants to run."""
        ecs = self._clients("ecs")
        for cluster in self._known_clusters():
            try:
                for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus="RUNNING"):
                    yield from page["taskArns"]
            except ecs.exceptions.ClusterNotFoundException:
                self._clusters = (0.0, [])

    def _known_clusters(self) -> list[str]:
        read_at, names = self._clusters
        if time.monotonic() - read_at > _CLUSTERS_SECONDS:
            pages = self._clients("ecs").get_paginator("list_clusters").paginate()
            names = [arn for page in pages for arn in page["clusterArns"]]
            self._clusters = (time.monotonic(), names)
        return names

    def _take_on(self, wanted: set[str]) -> None:
        self._foreign &= wanted
        known = {task.arn for task in self._store.tasks()}
        new = sorted(wanted - known - self._foreign)
        for start in range(0, len(new), _PAGE):
            page = new[start : start + _PAGE]
            by_cluster: dict[str, list[str]] = {}
            for arn in page:
                by_cluster.setdefault(arn.split("/")[1], []).append(arn)
            for cluster, arns in by_cluster.items():
                for task in self._clients("ecs").describe_tasks(cluster=cluster, tasks=arns)["tasks"]:
                    self._consider(cluster, task)

    def _consider(self, cluster: str, task: dict[str, Any]) -> None:
        arn: str = task["taskArn"]
        if task["lastStatus"] not in _LIVE_STATUSES:
            # The emulator, restarted, lists the tasks of its former life as wanted though stopped.
            self._foreign.add(arn)
            return
        definition = self._clients("ecs").describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
        try:
            process = container_process(task, definition)
        except UnsupportedTaskError as error:
            self._status.error(f"tasks: {error}")
            self._clients("ecs").stop_task(cluster=cluster, task=arn, reason=str(error)[:255])
            return
        self._store.add_task(
            TaskRow(
                arn=arn,
                cluster=cluster,
                phase=Phase.WAITING,
                command=process.arguments,
                environment=process.environment,
                token=process.token,
                log_group=process.log_group,
                log_stream=process.log_stream,
            )
        )

    def _start_waiting(self) -> None:
        tasks = self._store.tasks()
        free = self._limit - sum(task.phase is Phase.RUNNING for task in tasks)
        for task in [each for each in tasks if each.phase is Phase.WAITING][: max(0, free)]:
            self._store.update_task(task.arn, phase=Phase.STARTING)
            try:
                task_logs.open_stream(self._clients("logs"), task)
                child = task_process.start(self._settings, task)
            except OSError as error:
                self._exited(task, None, f"the process could not be started: {error}")
                continue
            except ClientError:
                # The emulator refused the log stream: nothing was started, so the next round may try again.
                self._store.update_task(task.arn, phase=Phase.WAITING)
                raise
            self._children[task.arn] = child
            self._adopt(task, child.pid, watch.start_time(child.pid))
            log.info("task %s: process %s runs %s", task.id, child.pid, " ".join(task.command[:2]))

    def _adopt(self, task: TaskRow, pid: int | None, started: str | None) -> None:
        if pid is None or (started is None and task.arn not in self._children):
            self._exited(task, None, "the agent died while it started the process")
            return
        self._store.update_task(task.arn, phase=Phase.RUNNING, pid=pid, process_started=started)

    def _notice_exits(self, cause: str | None = None) -> None:
        for task in self._store.tasks():
            if task.phase is not Phase.RUNNING:
                continue
            child = self._children.get(task.arn)
            if child is not None:
                code = child.poll()
                if code is not None:
                    del self._children[task.arn]
                    self._exited(task, code, cause or self._reason(task, code))
            elif not task_process.is_same_process(task.pid, task.process_started):
                self._exited(task, None, "the process ended while no agent watched it")

    def _reason(self, task: TaskRow, code: int) -> str:
        if task.arn in self._stopping:
            return "the task was stopped"
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def _exited(self, task: TaskRow, code: int | None, cause: str) -> None:
        self._store.update_task(task.arn, phase=Phase.EXITED, exit_code=code, exited_at=time.time(), cause=cause)

    def _forward_logs(self) -> None:
        for task in self._store.tasks():
            if task.phase in (Phase.RUNNING, Phase.EXITED):
                self._forward(task, final=False)

    def _forward(self, task: TaskRow, *, final: bool) -> bool:
        """Whether there was anything to send."""
        offset = task_logs.forward(self._clients("logs"), task, task_process.output_file(self._settings, task), final=final)
        if offset != task.log_offset:
            self._store.update_task(task.arn, log_offset=offset)
        return offset != task.log_offset

    def _stop_unwanted(self, wanted: set[str]) -> None:
        """SIGTERM to the tasks somebody stopped in ECS, SIGKILL to those that do not listen."""
        for task in self._store.tasks():
            if task.arn in wanted:
                continue
            if task.phase is Phase.WAITING:
                self._exited(task, None, "the task was stopped before it started")
            elif task.phase is Phase.RUNNING and task.pid is not None:
                if task.arn not in self._stopping:
                    self._stopping[task.arn] = time.monotonic()
                    task_process.end(task.pid, signal.SIGTERM)
                elif time.monotonic() - self._stopping[task.arn] > _STOP_SECONDS:
                    task_process.end(task.pid, signal.SIGKILL)

    def _finish(self, *, hurry: bool = False) -> None:
        for task in self._store.tasks():
            if task.phase is not Phase.EXITED:
                continue
            ended_well = task.exit_code == 0
            if not hurry and time.time() - (task.exited_at or 0) < _GRACE_SECONDS[ended_well]:
                continue
            while self._forward(task, final=True):
                task = next(each for each in self._store.tasks() if each.arn == task.arn)  # noqa: PLW2901 - the offset moved
            unanswered = self._fail_token(task)
            self._stop_in_ecs(task)
            task_process.output_file(self._settings, task).unlink(missing_ok=True)
            self._store.remove_task(task.arn)
            self._stopping.pop(task.arn, None)
            self._status.add(tasks_finished=1, tasks_failed=int(unanswered or task.exit_code not in (0, None)))
            log.info("task %s: %s%s", task.id, task.cause, ", its execution was told that it failed" if unanswered else "")

    def _fail_token(self, task: TaskRow) -> bool:
        """Whether the process died without answering, so that the execution had to be told."""
        if task.token is None:
            return False
        cause = f"The process of task {task.id} ended without an answer: {task.cause}"
        try:
            self._clients("stepfunctions").send_task_failure(taskToken=task.token, error="ECS.TaskStopped", cause=cause)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ANSWERED:
                return False
            raise
        return True

    def _stop_in_ecs(self, task: TaskRow) -> None:
        try:
            self._clients("ecs").stop_task(cluster=task.cluster, task=task.arn, reason=f"Essential container exited: {task.cause}"[:255])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in ("InvalidParameterException", "ClusterNotFoundException"):
                raise

    def _count(self) -> None:
        phases = [task.phase for task in self._store.tasks()]
        self._status.set(tasks_waiting=phases.count(Phase.WAITING), tasks_running=phases.count(Phase.RUNNING))

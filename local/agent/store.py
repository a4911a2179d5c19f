"""The agent's memory: one SQLite file that survives `kill -9`.

Every decision that must not be taken twice is written here before it takes effect: which task is ours, which log events became
metrics, which state an alarm is in.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_SCHEMA = """
create table if not exists task (
  arn text primary key, cluster text not null, phase text not null, token text, log_group text, log_stream text,
  command text not null, environment text not null, pid integer, process_started text, log_offset integer not null default 0,
  exit_code integer, exited_at real, cause text
);
create table if not exists log_group (name text primary key, watermark integer not null);
create table if not exists log_event (
  log_group text, stream text, timestamp integer, ordinal integer, primary key (log_group, stream, timestamp, ordinal)
);
create table if not exists sample (
  namespace text not null, metric text not null, dimensions text not null, timestamp real not null,
  value real not null, samples real not null, unit text not null
);
create index if not exists sample_by_series on sample (namespace, metric, dimensions, timestamp);
create table if not exists alarm (
  name text primary key, state text not null, reason text not null, reason_data text not null, changed_at real not null
);
create table if not exists left_alarm (name text primary key, at real not null);
create table if not exists held (name text primary key, by text not null, until real not null, deliveries text not null);
create table if not exists delivery (id integer primary key autoincrement, kind text not null, payload text not null);
"""
_KEPT_SECONDS = 15 * 24 * 3600.0


class Phase(StrEnum):
    """How far a task is."""

    WAITING = "waiting"
    STARTING = "starting"  # written before the process exists: a crash here must not start it twice
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True)
class TaskRow:
    """One ECS task that is ours. `exited_at` is in seconds since the epoch; `exit_code` is None when nobody saw it."""

    arn: str
    cluster: str
    phase: Phase
    command: tuple[str, ...]
    environment: dict[str, str]
    token: str | None = None
    log_group: str | None = None
    log_stream: str | None = None
    pid: int | None = None
    process_started: str | None = None
    log_offset: int = 0
    exit_code: int | None = None
    exited_at: float | None = None
    cause: str | None = None

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Sample:
    """One value of a metric seen `samples` times; `timestamp` in seconds since the epoch."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    timestamp: float
    value: float
    samples: float
    unit: str


@dataclass(frozen=True)
class EventKey:
    """A log event's identity: the n-th of its millisecond in its stream (the emulator gives no id)."""

    stream: str
    timestamp: int
    ordinal: int


@dataclass(frozen=True)
class AlarmRow:
    """The state of an alarm as the agent decided it; `changed_at` in seconds since the epoch."""

    name: str
    state: str
    reason: str
    reason_data: str
    changed_at: float


Delivery = tuple[str, dict[str, Any]]
"""A message: its kind and what it says."""


@dataclass(frozen=True)
class Held:
    """The messages of an alarm's latest change that a mute rule or a suppressor (`by`) holds back.

    Until `until` (seconds since the epoch) they are held back in any case: a composite waits for its suppressor.
    """

    by: str
    until: float
    deliveries: tuple[Delivery, ...]


class Store:
    """One connection; each thread of the agent opens its own."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, also across a crash."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def tasks(self) -> list[TaskRow]:
        """Every task that is not finished, oldest first."""
        return [_task(row) for row in self._connection.execute("select * from task order by rowid")]

    def add_task(self, task: TaskRow) -> None:
        """Remember a new task; one already known stays as it is."""
        self._connection.execute(
            "insert or ignore into task (arn, cluster, phase, token, log_group, log_stream, command, environment) values (?,?,?,?,?,?,?,?)",
            (
                task.arn, task.cluster, task.phase, task.token, task.log_group, task.log_stream,
                json.dumps(task.command), json.dumps(task.environment),
            ),
        )  # fmt: skip

    def update_task(self, arn: str, **values: Any) -> None:
        """Set columns of a task."""
        names = ", ".join(f"{name} = ?" for name in values)
        self._connection.execute(f"update task set {names} where arn = ?", (*values.values(), arn))  # noqa: S608 - names are our keywords

    def remove_task(self, arn: str) -> None:
        """Forget a finished task."""
        self._connection.execute("delete from task where arn = ?", (arn,))

    def watermark(self, group: str) -> int:
        """The newest event of a log group that was looked at, in milliseconds; 0 for a new group."""
        row = self._connection.execute("select watermark from log_group where name = ?", (group,)).fetchone()
        return int(row["watermark"]) if row else 0

    def known_events(self, group: str) -> set[EventKey]:
        """The events of a log group that became metrics and may be seen again."""
        rows = self._connection.execute("select stream, timestamp, ordinal from log_event where log_group = ?", (group,))
        return {EventKey(row["stream"], row["timestamp"], row["ordinal"]) for row in rows}

    def record_events(self, group: str, events: Iterable[EventKey], samples: Iterable[Sample], watermark: int, forget_before: int) -> None:
        """In one transaction: these events are done, these are their samples; events before `forget_before` are not asked for again."""
        with self.transaction():
            self._connection.executemany(
                "insert or ignore into log_event values (?,?,?,?)", [(group, each.stream, each.timestamp, each.ordinal) for each in events]
            )
            self._connection.executemany("insert into sample values (?,?,?,?,?,?,?)", [_sample_values(each) for each in samples])
            self._connection.execute("delete from log_event where log_group = ? and timestamp < ?", (group, forget_before))
            self._connection.execute(
                "insert into log_group values (?,?) on conflict (name) do update set watermark = excluded.watermark", (group, watermark)
            )

    def samples(self, namespace: str, metric: str, dimensions: tuple[tuple[str, str], ...], start: float, end: float) -> list[Sample]:
        """The samples of exactly this series in [start, end)."""
        rows = self._connection.execute(
            "select timestamp, value, samples, unit from sample"
            " where namespace = ? and metric = ? and dimensions = ? and timestamp >= ? and timestamp < ? order by timestamp",
            (namespace, metric, json.dumps(sorted(dimensions)), start, end),
        )
        return [Sample(namespace, metric, dimensions, row["timestamp"], row["value"], row["samples"], row["unit"]) for row in rows]

    def knows_metric(self, namespace: str, metric: str) -> bool:
        """Whether any sample of this metric, whatever its dimensions, came through the agent."""
        found = self._connection.execute("select 1 from sample where namespace = ? and metric = ? limit 1", (namespace, metric)).fetchone()
        return found is not None

    def forget_old_samples(self, now: float) -> None:
        """Drop what no alarm can ask for any more."""
        self._connection.execute("delete from sample where timestamp < ?", (now - _KEPT_SECONDS,))

    def alarms(self) -> dict[str, AlarmRow]:
        """The state of every alarm."""
        return {row["name"]: AlarmRow(**dict(row)) for row in self._connection.execute("select * from alarm")}

    def record_transition(self, alarm: AlarmRow, deliveries: Iterable[Delivery], held: Held | None = None) -> None:
        """In one transaction: the alarm is in this state now, and these messages must go out because of it, or once nothing holds them."""
        with self.transaction():
            self._connection.execute(
                "insert or replace into left_alarm select name, ? from alarm where name = ? and state = 'ALARM' and ? <> 'ALARM'",
                (alarm.changed_at, alarm.name, alarm.state),
            )
            self._connection.execute(
                "insert or replace into alarm values (?,?,?,?,?)",
                (alarm.name, alarm.state, alarm.reason, alarm.reason_data, alarm.changed_at),
            )
            self._connection.execute("delete from held where name = ?", (alarm.name,))
            if held is not None:
                self._connection.execute(
                    "insert into held values (?,?,?,?)", (alarm.name, held.by, held.until, json.dumps(held.deliveries))
                )
            self._add_deliveries(deliveries)

    def left_alarm(self) -> dict[str, float]:
        """When each alarm left ALARM the last time, in seconds since the epoch."""
        return {row["name"]: row["at"] for row in self._connection.execute("select name, at from left_alarm")}

    def held(self) -> dict[str, Held]:
        """The messages that are held back, by alarm."""
        rows = self._connection.execute("select * from held order by name")
        return {row["name"]: Held(row["by"], row["until"], tuple((kind, it) for kind, it in json.loads(row["deliveries"]))) for row in rows}

    def release(self, name: str) -> None:
        """In one transaction: what was held back for an alarm must go out now."""
        held = self.held().get(name)
        if held is not None:
            with self.transaction():
                self._connection.execute("delete from held where name = ?", (name,))
                self._add_deliveries(held.deliveries)

    def _add_deliveries(self, deliveries: Iterable[Delivery]) -> None:
        self._connection.executemany(
            "insert into delivery (kind, payload) values (?,?)", [(kind, json.dumps(payload)) for kind, payload in deliveries]
        )

    def keep_alarms(self, names: Iterable[str]) -> None:
        """Forget the alarms that no longer exist."""
        kept = set(names)
        gone = [(name,) for name in self.alarms() if name not in kept]
        for table in ("alarm", "left_alarm", "held"):
            self._connection.executemany(f"delete from {table} where name = ?", gone)  # noqa: S608 - our own names

    def deliveries(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Messages that still must go out, oldest first: id, kind, payload."""
        rows = self._connection.execute("select id, kind, payload from delivery order by id")
        return [(row["id"], row["kind"], json.loads(row["payload"])) for row in rows]

    def delivered(self, number: int) -> None:
        """A message went out."""
        self._connection.execute("delete from delivery where id = ?", (number,))


def _task(row: sqlite3.Row) -> TaskRow:
    values: dict[str, Any] = dict(row)
    values["phase"] = Phase(values["phase"])
    values["command"] = tuple(json.loads(values["command"]))
    values["environment"] = json.loads(values["environment"])
    return TaskRow(**values)


def _sample_values(sample: Sample) -> tuple[Any, ...]:
    dimensions = json.dumps(sorted(sample.dimensions))
    return (sample.namespace, sample.metric, dimensions, sample.timestamp, sample.value, sample.samples, sample.unit)

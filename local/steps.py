"""Steps a person watches: what happens, how far it is, how long it took. Standard library only (the bootstrap uses it)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TextIO

TIMINGS_VARIABLE = "KPI_STEP_TIMINGS"
_TERMINAL_SECONDS = 0.5
_PLAIN_SECONDS = 15.0
_TAIL_LINES = 25
_NO_SPACE = "No space left on device"


class StepError(RuntimeError):
    """A step could not do its work; the message says what was wrong and what to do next."""


@dataclass(frozen=True)
class Timing:
    """How long one step took, in seconds; `note` says when it had nothing to do."""

    name: str
    seconds: float
    note: str = ""


@dataclass
class Steps:
    """Prints steps as they happen and keeps their timings for the closing table."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    timings: list[Timing] = field(default_factory=list[Timing])
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def step(self, name: str, what: str) -> Generator[None]:
        """Announce a step, time its body, and record it also when it fails."""
        self.say(f"==> {name}: {what}")
        began = self.clock()
        note = "failed"
        try:
            yield
            note = ""
        finally:
            seconds = self.clock() - began
            self.timings.append(Timing(name, seconds, note))
            self.say(f"    {name} {'failed after' if note else 'took'} {seconds:.1f} s")

    def skip(self, name: str, why: str = "unchanged") -> None:
        self.timings.append(Timing(name, 0.0, why))

    def say(self, text: str) -> None:
        print(text, file=self.out, flush=True)

    def table(self) -> str:
        """The closing table: one row per step and the total."""
        width = max([len(timing.name) for timing in self.timings] + [5])
        rows = [f"  {timing.name:<{width}}  {timing.seconds:8.1f} s  {timing.note}".rstrip() for timing in self.timings]
        total = sum(timing.seconds for timing in self.timings)
        return "\n".join(["Time of each step:", *rows, f"  {'total':<{width}}  {total:8.1f} s"])

    def export(self) -> str:
        """The timings as text for TIMINGS_VARIABLE, so that the next process can continue the table."""
        return json.dumps([[timing.name, timing.seconds, timing.note] for timing in self.timings])

    def adopt(self, environ: Mapping[str, str]) -> None:
        """Take over the timings of the process before."""
        for name, seconds, note in json.loads(environ.get(TIMINGS_VARIABLE) or "[]"):
            self.timings.append(Timing(str(name), float(seconds), str(note)))

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        progress: Callable[[str], str | None] = lambda line: line,
        echo: bool = False,
    ) -> list[str]:
        """Run a command and show that it lives: its latest line on a terminal, a line every 15 s elsewhere.

        `progress` turns an output line into the text to show, or None to keep the one before. With `echo` every line is printed.

        Returns:
            The last lines of its output.

        Raises:
            StepError: with the end of the output when it fails, or with what to do when it cannot start or the disk is full.
        """
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise explain_os_error(error, doing=f"start {command[0]}") from error
        kept: deque[str] = deque(maxlen=400)
        shown = _Latest()
        reader = threading.Thread(target=self._read, args=(process, kept, shown, progress, echo), daemon=True)
        reader.start()
        try:
            self._show_until_end(process, shown, quiet=echo)
        except BaseException:
            process.terminate()
            raise
        reader.join(timeout=5)
        if process.returncode:
            raise command_failed(command, process.returncode, list(kept))
        return list(kept)

    def _read(
        self, process: subprocess.Popen[str], kept: deque[str], shown: _Latest, progress: Callable[[str], str | None], echo: bool
    ) -> None:
        for raw in process.stdout or ():
            line = raw.rstrip()
            kept.append(line)
            if echo:
                print(f"    {line}", file=self.out, flush=True)
            elif text := progress(line):
                shown.text = text

    def _show_until_end(self, process: subprocess.Popen[str], shown: _Latest, *, quiet: bool) -> None:
        terminal = self.out.isatty()
        began = self.clock()
        while True:
            try:
                process.wait(timeout=_TERMINAL_SECONDS if terminal else _PLAIN_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if quiet:
                    continue
                text = f"    {self.clock() - began:5.0f} s  {shown.text.strip()}"
                if terminal:
                    columns = shutil.get_terminal_size().columns - 1
                    print(f"\r\033[K{text[:columns]}", end="", file=self.out, flush=True)
                else:
                    print(text[:160], file=self.out, flush=True)
        if terminal and not quiet:
            print("\r\033[K", end="", file=self.out, flush=True)


@dataclass
class _Latest:
    text: str = ""


def command_failed(command: Sequence[str], code: int, output: Sequence[str]) -> StepError:
    """The error of a failed command: what to do when the disk is full, else the end of its output."""
    if any(_NO_SPACE in line for line in output):
        return disk_full(f"{Path(command[0]).name} could not write")
    words = " ".join(command[:4])
    return StepError(f"`{words}` ended with code {code}:\n" + "\n".join(output[-_TAIL_LINES:]))


def explain_os_error(error: OSError, *, doing: str) -> StepError:
    """An operating-system error in words, with the next step where there is a usual one."""
    if error.errno == errno.ENOSPC:
        return disk_full(f"could not {doing}")
    return StepError(f"could not {doing}: {error.strerror or error} ({error.filename or 'no file'})")


def disk_full(what: str) -> StepError:
    return StepError(f"{what}: {_NO_SPACE.lower()}. Free some space (`df -h` shows where) and run the same command again.")


def require_space(path: Path, megabytes: int, *, purpose: str, usage: Callable[[Path], int] | None = None) -> None:
    """Refuse to begin what would fill the disk.

    Raises:
        StepError: when fewer than `megabytes` are free on the file system of `path`.
    """
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    free = (usage or _free_bytes)(existing) // 1_000_000
    if free < megabytes:
        raise StepError(
            f"disk full: {purpose} needs {megabytes:,} MB free on the file system of {existing}, but only {free:,} MB are. "
            "Nothing was changed. Free some space and run the same command again."
        )


def _free_bytes(path: Path) -> int:
    return shutil.disk_usage(path).free


def digest(*parts: str | Path) -> str:
    """A hash over texts and the contents of files (a missing file counts as empty)."""
    total = sha256()
    for part in parts:
        content = (part.read_bytes() if part.exists() else b"") if isinstance(part, Path) else part.encode()
        total.update(len(content).to_bytes(8, "big") + content)
    return total.hexdigest()


def is_fresh(stamp: Path, value: str) -> bool:
    """Whether a step with these inputs has been completed before."""
    return stamp.exists() and stamp.read_text() == value


def write_stamp(stamp: Path, value: str) -> None:
    stamp.parent.mkdir(parents=True, exist_ok=True)
    draft = stamp.with_name(f"{stamp.name}.{os.getpid()}.tmp")
    draft.write_text(value)
    draft.replace(stamp)

"""Steps say what happens and how long it took; their errors say what to do."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from local.steps import TIMINGS_VARIABLE, StepError, Steps, digest, explain_os_error, is_fresh, require_space, write_stamp


@pytest.fixture
def steps() -> Steps:
    return Steps(out=io.StringIO())


def said(steps: Steps) -> str:
    assert isinstance(steps.out, io.StringIO)
    return steps.out.getvalue()


def test_the_closing_table_has_every_step_of_this_process_and_the_one_before(steps: Steps) -> None:
    before = Steps(out=io.StringIO())
    before.skip("packages")
    steps.adopt({TIMINGS_VARIABLE: before.export()})
    with steps.step("emulator", "start the embedded AWS"):
        pass
    table = steps.table().splitlines()
    assert [row.split()[0] for row in table] == ["Time", "packages", "emulator", "total"]
    assert "unchanged" in table[1]


def test_a_failed_step_is_in_the_table_too(steps: Steps) -> None:
    with pytest.raises(ValueError, match="broken"), steps.step("engine", "build"):
        raise ValueError("broken")
    assert "failed" in steps.table()


def test_a_failed_command_shows_the_end_of_its_output(steps: Steps) -> None:
    with pytest.raises(StepError, match=r"ended with code 4:\nfirst\nlast words"):
        steps.run([sys.executable, "-c", "print('first'); print('last words'); raise SystemExit(4)"])


def test_a_full_disk_is_told_as_such_however_it_shows(steps: Steps) -> None:
    with pytest.raises(StepError, match=r"no space left on device\. Free some space"):
        steps.run([sys.executable, "-c", "raise SystemExit('write: No space left on device')"])
    assert "Free some space" in str(explain_os_error(OSError(28, "No space left on device"), doing="write"))


def test_too_little_space_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"disk full: building the engine needs 5,000 MB .* only 300 MB are\. Nothing was changed"):
        require_space(tmp_path / "not" / "there" / "yet", 5_000, purpose="building the engine", usage=lambda _path: 300_000_000)
    assert not (tmp_path / "not").exists()


def test_a_command_that_is_missing_is_named(steps: Steps) -> None:
    with pytest.raises(StepError, match="could not start /no/such/command"):
        steps.run(["/no/such/command"])


def test_a_stamp_is_fresh_until_an_input_changes(tmp_path: Path) -> None:
    lock, stamp = tmp_path / "lock", tmp_path / "stamps" / "packages"
    lock.write_text("a==1")
    write_stamp(stamp, digest("3.11", lock))
    assert is_fresh(stamp, digest("3.11", lock))
    lock.write_text("a==2")
    assert not is_fresh(stamp, digest("3.11", lock))
    assert digest("ab", "c") != digest("a", "bc")

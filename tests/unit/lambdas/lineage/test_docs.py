"""What the documentation shows is what its code prints."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest


@pytest.mark.parametrize("page", ["search", "impact"])
def test_the_example_prints_what_the_page_says(page: str) -> None:
    text = Path(f"docs/{page}.md").read_text()
    code, shown = (re.search(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("python", "text"))
    assert code is not None
    assert shown is not None
    with redirect_stdout(StringIO()) as printed:
        exec(compile(code[1], page, "exec"), {})  # noqa: S102 - our own page
    assert printed.getvalue().strip() == shown[1].strip()

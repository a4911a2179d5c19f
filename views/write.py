"""`python -m views.write` brings `views/rendered` up to date with `views/sql`."""

from __future__ import annotations

from pathlib import Path

from views.render import write_rendered

if __name__ == "__main__":
    for path in write_rendered(Path(__file__).parent / "rendered"):
        print(path)

"""An emulator per test module, so that what one module makes cannot help or hinder another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local.provider.rig import Rig, emulator


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A configured provider with an emulator of its own."""
    folder = tmp_path_factory.mktemp("rig")
    with emulator(folder) as url:
        yield Rig(url, folder / "journal")

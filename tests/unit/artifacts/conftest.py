from __future__ import annotations

from pathlib import Path

import pytest

from artifacts.build import Sources
from artifacts.write import Place
from tests.unit.kpis.build import Shop


class Workshop:
    """A shop's packs and where their artifacts go."""

    def __init__(self, folder: Path) -> None:
        self.shop = Shop(folder)
        # The checks of a bundle look for runbooks in the repository.
        self.shop["shop"]["defaults"]["runbook"] = "README.md"
        self.place = Place(folder / "out", folder / "out" / "docs")
        self.cache = folder / "cache"

    def sources(self) -> Sources:
        return Sources([self.shop.write()], self.cache)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)

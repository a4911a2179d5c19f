from pathlib import Path

import pytest

from tests.unit.kpis.build import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)

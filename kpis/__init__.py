"""The KPI dictionary: what every dashboard, alert, run and document of the product is generated from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kpis.schema import Dictionary

PACKS_DIR = Path(__file__).parent / "packs"


def load(*packs_dirs: Path) -> Dictionary:
    """The dictionary of valid packs (default: the packs of this repository).

    Raises:
        kpis.diagnostics.DictionaryError: with every problem at once.
    """
    from kpis.loader import load_dictionary

    return load_dictionary(*(packs_dirs or (PACKS_DIR,)))

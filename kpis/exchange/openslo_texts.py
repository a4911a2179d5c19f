"""What OpenSLO objects say of themselves, told as the text of a KPI or a signal."""

from __future__ import annotations

from dataclasses import dataclass, field

from kpis.exchange.ledger import Ledger
from kpis.exchange.openslo_models import Metadata
from kpis.exchange.trees import Document, Path


@dataclass
class Told:
    """Lines of text, and the leaves they tell."""

    lines: list[str] = field(default_factory=list[str])
    places: list[tuple[Document, Path]] = field(default_factory=list[tuple[Document, Path]])

    def add(self, label: str, text: str | None, document: Document, path: Path) -> None:
        """A text, with what it is about in front; a text that is there already is told once."""
        if text is None:
            return
        line = f"{label}: {text}" if label else text
        if line and line not in self.lines:
            self.lines.append(line)
        self.places.append((document, path))

    def metadata(self, label: str, metadata: Metadata, document: Document, path: Path) -> None:
        """Name, display name, labels and annotations of an object."""
        prefix = f"{label} " if label else ""
        if label:
            self.add(f"{prefix}name".capitalize(), metadata.name, document, (*path, "name"))
            self.add(f"{prefix}display name".capitalize(), metadata.display_name, document, (*path, "displayName"))
        for key, value in sorted(metadata.labels.items()):
            shown = value if isinstance(value, str) else ", ".join(value)
            self.add(f"{prefix}label {key}".capitalize(), shown, document, (*path, "labels", key))
        for key, value in sorted(metadata.annotations.items()):
            self.add(f"{prefix}annotation {key}".capitalize(), value, document, (*path, "annotations", key))

    def text(self) -> str:
        """All of it, a line each."""
        return "\n".join(self.lines)

    def mark(self, ledger: Ledger, to: str) -> None:
        """Says of every leaf where it is told."""
        for document, path in self.places:
            ledger.carried(document, path, to)

"""What is asked of the index and what it answers."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search.documents import Facet, Part

MAX_LIMIT = 200
MAX_LISTED = 100
"""Alternatives of one facet in a list."""


@dataclass(frozen=True)
class Query:
    """What is looked for. No words: everything, by id.

    `facets` narrows: values of one facet are alternatives, different facets must all hold. `position` is the `next_position` of the page
    before, of the same words and facets. `count` asks for the numbers per facet.
    """

    text: str = ""
    facets: Mapping[Facet, frozenset[str]] = field(default_factory=dict[Facet, frozenset[str]])
    limit: int = 20
    position: str | None = None
    count: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise KpiError(ErrorCode.INVALID_INPUT, f"limit is {self.limit}; ask for 1 to {MAX_LIMIT}")


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `hit` when it is one of the words looked for. Text is plain: whoever shows it escapes it."""

    text: str
    hit: bool


@dataclass(frozen=True)
class Excerpt:
    """Where words were found, with what stands around them."""

    part: Part
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True)
class Hit:
    """One definition. `score` is the bm25 rank, higher is better; 0 without words."""

    kpi_id: str
    version: str
    environment: str
    name: str
    facets: Mapping[Facet, str]
    definition_hash: str
    updated_at: str
    score: float
    excerpts: tuple[Excerpt, ...]


@dataclass(frozen=True)
class Page:
    """Hits, best first. `total` counts all pages.

    `counts`: per facet and value, how many there would be with that value chosen, so a facet's own choice does not narrow its numbers.
    """

    hits: tuple[Hit, ...]
    total: int
    counts: Mapping[Facet, Mapping[str, int]]
    next_position: str | None


def listed_values(text: str, known: Container[str]) -> Iterator[str]:
    """The values in a list with commas, of which those that are known may have commas themselves."""
    parts = text.split(",")
    if len(parts) > MAX_LISTED:
        raise KpiError(ErrorCode.INVALID_INPUT, f"{len(parts)} alternatives are more than {MAX_LISTED}; choose fewer at once")
    at = 0
    while at < len(parts):
        ends = (end for end in range(len(parts), at, -1) if ",".join(parts[at:end]) in known)
        end = next(ends, at + 1)
        yield ",".join(parts[at:end])
        at = end

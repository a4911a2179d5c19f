"""Where in a definition's texts the words of a query stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice

from lambdas.domain.search.documents import WEIGHTS, Part
from lambdas.domain.search.queries import Excerpt, Piece
from lambdas.domain.search.words import Word, fold

BEFORE, AFTER = 40, 120
"""Characters shown before and after the first hit."""
MAX_EXCERPTS = 3
_LETTER = r"[^\W_]"


def excerpts(parts: Mapping[Part, str], words: tuple[Word, ...]) -> tuple[Excerpt, ...]:
    """The heaviest parts that have hits, each cut around its first one. The id and the name are always shown whole."""
    if not words:
        return ()
    pattern = _pattern(words)
    found = (_excerpt(part, parts[part], pattern) for part in sorted(parts, key=lambda part: (-WEIGHTS[part], part)))
    return tuple(islice((each for each in found if each is not None), MAX_EXCERPTS))


@lru_cache(maxsize=64)
def _pattern(words: tuple[Word, ...]) -> re.Pattern[str]:
    """All words as one pattern over folded text; the tokens of one word may have anything but letters and digits between them."""
    longest_first = sorted(words, key=lambda word: (-len(word.text), word.text))
    terms = (
        r"(?:\W|_)+".join(map(re.escape, word.tokens)) + (f"{_LETTER}*" if word.prefix else f"(?!{_LETTER})") for word in longest_first
    )
    return re.compile(rf"(?<!{_LETTER})(?:{'|'.join(terms)})")


def _excerpt(part: Part, text: str, pattern: re.Pattern[str]) -> Excerpt | None:
    folded = fold(text)
    first = pattern.search(folded)
    if first is None:
        return None
    if part in (Part.ID, Part.NAME):
        return Excerpt(part, tuple(_pieces(text, folded, pattern, 0, len(text))))
    start, end = _edge(text, first.start() - BEFORE, first.start()), _edge(text, first.start() + AFTER, first.end(), backward=True)
    return Excerpt(part, tuple(_pieces(text, folded, pattern, start, end)))


def _edge(text: str, wanted: int, hit: int, *, backward: bool = False) -> int:
    """The nearest place between words on the hit's side of `wanted`, so that no word is cut where that can be helped."""
    if backward:
        if wanted >= len(text):
            return len(text)
        space = text.rfind(" ", hit, wanted)
        return space if space > hit else max(wanted, hit)
    if wanted <= 0:
        return 0
    space = text.find(" ", wanted, hit)
    return space + 1 if space >= 0 else wanted


def _pieces(text: str, folded: str, pattern: re.Pattern[str], start: int, end: int) -> Iterator[Piece]:
    if start > 0:
        yield Piece("… ", hit=False)
    at = start
    for match in pattern.finditer(folded, start, end):
        if match.start() > at:
            yield Piece(text[at : match.start()], hit=False)
        if match.end() > match.start():
            yield Piece(text[match.start() : match.end()], hit=True)
        at = match.end()
    if at < end:
        yield Piece(text[at:end], hit=False)
    if end < len(text):
        yield Piece(" …", hit=False)

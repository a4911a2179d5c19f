"""What someone typed, as an expression of the index: always words, never syntax."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.search.documents import searchable

MAX_CHARACTERS = 400
MAX_WORDS = 16
PREFIX_FROM = 3
"""Length from which a word also finds longer ones: `receivable` finds `receivables`. The last word always does: it may be half of one."""


@dataclass(frozen=True)
class Word:
    """One word as typed. `tokens` are what the index makes of it: `CFO-EF-02` is `cfo`, `ef`, `02` in a row."""

    text: str
    tokens: tuple[str, ...]
    prefix: bool


def words_of(text: str) -> tuple[Word, ...]:
    """The words of a query; nothing of it is an operator, a column name or a quote.

    Raises:
        KpiError: INVALID_INPUT when it is too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the query has {len(text)} characters, at most {MAX_CHARACTERS} are searched; shorten it")
    typed = [(word, tokens_of(word)) for word in searchable(text).split()]
    found = list(dict.fromkeys((word, tokens) for word, tokens in typed if tokens))
    if len(found) > MAX_WORDS:
        raise KpiError(ErrorCode.INVALID_INPUT, f"the query has {len(found)} words, at most {MAX_WORDS} are searched; leave some out")
    last = len(found) - 1
    return tuple(
        Word(word, tokens, prefix=index == last or len(tokens[-1]) >= PREFIX_FROM or word.endswith("*"))
        for index, (word, tokens) in enumerate(found)
    )


def expression(words: tuple[Word, ...]) -> str:
    """The words as an FTS5 query: all must be there; an exact hit counts more than the beginning of a longer word.

    Each word is an FTS5 string, in which nothing is syntax but the quote, written twice (https://www.sqlite.org/fts5.html, 3.1). The index
    reads it as it reads documents; what it finds no token in, it leaves out.
    """
    return " AND ".join(_term(word) for word in words)


def _term(word: Word) -> str:
    doubled = word.text.replace('"', '""')
    quoted = f'"{doubled}"'
    return f"({quoted} OR {quoted} *)" if word.prefix else quoted


def tokens_of(text: str) -> tuple[str, ...]:
    """A text as the index reads it: runs of letters and digits, without case and accents."""
    return tuple("".join(each if is_word_character(each) else " " for each in fold(text)).split())


def fold(text: str) -> str:
    """The text without case and accents, character by character, so that positions stay."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0]
    return (base.lower() or base)[0]


@lru_cache(maxsize=4096)
def is_word_character(character: str) -> bool:
    """Letters, digits and marks, as the index's tokenizer has them."""
    return unicodedata.category(character)[0] in "LNM"

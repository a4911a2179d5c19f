"""Keeps credentials out of logs and error messages (O1, S10)."""

from __future__ import annotations

import re

MAX_MESSAGE = 1000
_MASK = "***"
_PATTERNS = (
    (re.compile(r"(?P<head>\b[\w+.-]+://[^\s:/@]*):[^\s/]*@"), rf"\g<head>:{_MASK}@"),
    (
        re.compile(
            r"(?i)(?P<head>\b(?:password|passwd|pwd|secret|token|api[_-]?key|authorization)\b[\"']?\s*[=:]\s*)(?:bearer\s+)?(?:\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"
        ),
        rf"\g<head>{_MASK}",
    ),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), _MASK),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+"), _MASK),
)


def redact(text: str) -> str:
    """The text without passwords of connection URLs, `password=` pairs, AWS key ids and JSON web tokens."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def message_of(error: BaseException) -> str:
    """The first paragraph of an error's text, redacted and at most `MAX_MESSAGE` characters: fit for the `error_message` column."""
    text = str(error).strip() or type(error).__name__
    return redact(text.split("\n\n")[0])[:MAX_MESSAGE]

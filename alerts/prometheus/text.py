"""Dictionary text in Prometheus's files: quoted for YAML, and never a template of Prometheus or Alertmanager."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2
import orjson

from kpis.prometheus_names import label_value
from kpis.templating import text_environment

TEMPLATES = Path(__file__).parents[1] / "templates" / "prometheus"
# Line ends and control characters of YAML 1.1 that JSON leaves as they are; Go's YAML refuses or folds them.
_YAML_SPECIAL = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BRACES = re.compile(r"\{+")


class Mark(str):
    """Stands for a text of a KPI in a template that is rendered once for many (see alerts.prometheus.stencil)."""

    __slots__ = ()
    PLAIN, LITERAL, PROMQL = "plain", "literal", "promql"
    PATTERN = r"@@([a-z_]+:[a-z]+)@@"

    @classmethod
    def of(cls, name: str, form: str = PLAIN) -> Mark:
        """The mark of a text in a form."""
        return cls(f"@@{name}:{form}@@")

    def as_form(self, form: str) -> Mark:
        """The same text in another form."""
        return Mark.of(self.strip("@").partition(":")[0], form)


def quoted(value: object) -> str:
    """A value as one line of JSON that is also YAML 1.1; keys are sorted."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return text if text.isascii() and "\x7f" not in text else _YAML_SPECIAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def literal(text: str) -> str:
    """Text that Go's text/template prints as it is.

    Prometheus expands labels and annotations of alerts, Alertmanager most fields of a receiver. Every run of opening braces becomes an
    action that prints it, single ones too: one at the end of the text would join the brace of what follows.
    """
    if isinstance(text, Mark):
        return text.as_form(Mark.LITERAL)
    return _BRACES.sub(lambda found: '{{"' + found[0] + '"}}', text) if "{" in text else text


def promql_string(text: str) -> str:
    """A text as a string of PromQL, with its double quotes."""
    return f'"{text.as_form(Mark.PROMQL)}"' if isinstance(text, Mark) else label_value(text)


def number(value: float) -> str:
    """A PromQL number: no exponent where none is needed, no rounding noise."""
    return f"{value:.9g}"


def duration(seconds: int) -> str:
    """Seconds as a reader says them: `1d 4h`."""
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts += [f"{count}{unit}"] if count else []
    return " ".join(parts) or "0s"


@cache
def environment() -> jinja2.Environment:
    """The templates of this room. Their marks are `<< >>` and `<% %>`, since braces belong to PromQL and to Prometheus's templates."""
    made = text_environment(
        TEMPLATES,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters = cast("dict[str, Any]", made.filters)
    # Jinja's own tojson writes `>` as \u003e for HTML, which nobody can read in an expression.
    filters.update(tojson=quoted, literal=literal, number=number, duration=duration)
    return made

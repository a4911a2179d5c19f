"""Divisions of formulas: here they give fractions, in a warehouse those of whole numbers may not, and those by 0 fail."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from kpis.sql import DIALECT, parse_scalar

BY_ZERO = "a division by 0 gives no value here, where the warehouse would fail"
FRACTIONS = "a division of whole numbers gives a fraction here, where some warehouses cut it off"


def exported(formula: str) -> str | None:
    """A formula that every warehouse computes as it is computed here: numerators as DOUBLE PRECISION, divisors guarded.

    None when it is not a formula of the dictionary.
    """
    tree, problems = parse_scalar(formula)
    if tree is None or problems:
        return None
    holder = exp.Paren(this=tree.copy())
    for division in list(holder.find_all(exp.Div)):
        guard(division)
        numerator = division.this
        if not _fractional(numerator):
            division.set("this", exp.cast(numerator.copy(), "DOUBLE PRECISION", dialect=DIALECT))
    inner: exp.Expression = holder.this
    return inner.sql(DIALECT, comments=False)


def guard(division: exp.Expression) -> bool:
    """Puts NULLIF around a divisor that may be 0; whether it had to."""
    divisor: exp.Expression = division.expression.unnest()
    if isinstance(divisor, exp.Literal | exp.Nullif):
        return False
    division.set("expression", exp.Nullif(this=divisor.copy(), expression=exp.Literal.number(0)))
    return True


def guard_all(tree: exp.Expression) -> Iterator[tuple[str, str]]:
    """Guards every divisor in place; gives each assumption made on the way: the part of the formula, and what differs."""
    for division in list(tree.find_all(exp.Div, exp.Mod)):
        part = division.sql(DIALECT)
        if guard(division):
            yield part, BY_ZERO
        if isinstance(division, exp.Div) and not _fractional(division.this):
            yield part, FRACTIONS


def _fractional(numerator: exp.Expression) -> bool:
    """Whether a numerator is no whole number, whatever its columns are: a cast, or a product with a fraction."""
    inner = numerator.unnest()
    if isinstance(inner, exp.Cast):
        return True
    if isinstance(inner, exp.Mul):
        return _fractional(inner.this) or _fractional(inner.expression)
    return isinstance(inner, exp.Literal) and not inner.is_string and "." in str(inner.this)

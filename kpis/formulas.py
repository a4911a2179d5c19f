"""SQL that is made from definitions rather than written by authors: formulas over upstream KPIs, and names of tables and columns."""

from __future__ import annotations

from kpis.schema import FormulaExpression, Kpi, WeightedExpression


def weighted(expression: WeightedExpression) -> str:
    """A composite as a formula: each value scaled to 0..100 between floor and ceiling, then weighted. NULL stays NULL."""
    terms: list[str] = []
    for alias, term in sorted(expression.weights.items()):
        scaled = f"GREATEST(0, LEAST(100, 100.0 * ({alias} - ({term.floor!r})) / ({term.ceiling - term.floor!r})))"
        # GREATEST and LEAST skip NULL, which would turn a missing value into a score.
        terms.append(f"{term.weight!r} * CASE WHEN {alias} IS NULL THEN NULL ELSE {scaled} END")
    return " + ".join(terms)


def formula_of(kpi: Kpi) -> str:
    """The scalar expression of a KPI over the aliases of its upstream KPIs.

    Raises:
        TypeError: when the KPI has a SQL expression, not a formula.
    """
    if isinstance(kpi.expression, WeightedExpression):
        return weighted(kpi.expression)
    if isinstance(kpi.expression, FormulaExpression):
        return kpi.expression.formula
    raise TypeError(f"{kpi.id} has a SQL expression, not a formula")


def quoted(name: str) -> str:
    """An identifier as SQL writes it; unquoted when lower case, so that folding warehouses agree."""
    return name if name.islower() else f'"{name}"'

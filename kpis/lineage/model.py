"""What lineage says: which column of which dataset stands behind an output column, and in what way.

The words are OpenLineage's (column lineage facet 1-2-0): DIRECT inputs give an output column its value, INDIRECT ones only decide
which rows there are or which branch is taken. What the text of a statement does not tell is a gap with its reason, never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

GDP = "gdp:"
KPI = "kpi:"


class Kind(StrEnum):
    """Whether a value is made from the input or only depends on it."""

    DIRECT = "DIRECT"
    INDIRECT = "INDIRECT"


class Subtype(StrEnum):
    """How an input is used; the first three are direct."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    JOIN = "JOIN"
    GROUP_BY = "GROUP_BY"
    FILTER = "FILTER"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"


_STRENGTH = {Subtype.IDENTITY: 0, Subtype.TRANSFORMATION: 1, Subtype.AGGREGATION: 2}


@dataclass(frozen=True, order=True)
class Use:
    """One way an input is used; `masking` when the value cannot be read back from the output, as through `count` or a hash."""

    subtype: Subtype
    masking: bool = False

    @property
    def kind(self) -> Kind:
        return Kind.DIRECT if self.subtype in _STRENGTH else Kind.INDIRECT


@cache
def compose(outer: Use, inner: Use) -> Use:
    """The use of an input through two steps: an indirect step makes all of it indirect, of two direct ones the stronger counts."""
    masking = outer.masking or inner.masking
    if outer.kind is Kind.INDIRECT:
        return Use(outer.subtype, masking)
    if inner.kind is Kind.INDIRECT:
        return Use(inner.subtype, masking)
    return Use(max(outer.subtype, inner.subtype, key=_STRENGTH.__getitem__), masking)


@dataclass(frozen=True, order=True)
class Field:
    """A column of a dataset; `dataset` is written as in the dictionary: `gdp:<source id>` or `kpi:<KPI id>`."""

    dataset: str
    name: str


@dataclass(frozen=True, order=True)
class Input:
    """A column something depends on, with every way it is used."""

    field: Field
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Output:
    """An output column: its inputs (none for a constant or a plain row count) and what its statement does not tell."""

    name: str
    inputs: tuple[Input, ...]
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True)
class ColumnLineage:
    """The lineage of one result: per output column, and `rows`: the inputs that decide which rows every column is made of."""

    outputs: tuple[Output, ...]
    rows: tuple[Input, ...] = ()
    gaps: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown."""
        return not self.gaps and not any(output.gaps for output in self.outputs)

    def output(self, name: str) -> Output:
        """An output column by name.

        Raises:
            KeyError: when there is none of this name.
        """
        for output in self.outputs:
            if output.name == name:
                return output
        raise KeyError(f"no output column '{name}'; there are {', '.join(output.name for output in self.outputs) or 'none'}")

"""Packs as YAML: written so that reading them gives the equal dictionary, whatever text is in them.

Fields that the pack's defaults or the parent already say are left out, as a person would write the pack; comments are not part of a
dictionary and cannot come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kpis import merge
from kpis.artifact import Artifact
from kpis.schema import Dictionary, Kpi, Pack

_WIDTH = 140
_LAYER_FILES = {"primary": "1-primary.yaml", "secondary": "2-secondary.yaml", "composite": "3-composite.yaml"}
Fields = dict[str, Any]


def export_packs(dictionary: Dictionary) -> Iterator[Artifact]:
    """The dictionary's packs, as `<pack>/<file>.yaml`: the header, the tables, the signals, and the KPIs of each layer."""
    kpis = {kpi.id: kpi for kpi in dictionary.kpis}
    writer = _Writer(dictionary, kpis)
    homes = _homes(dictionary)
    for pack in sorted(dictionary.packs, key=lambda each: each.id):
        files: dict[str, list[Fields]] = {"pack.yaml": [dump(pack)]}
        for source in sorted(dictionary.sources, key=lambda each: each.id):
            if homes.get(source.id) == pack.id:
                files.setdefault("sources.yaml", []).append(_lean(source, dump(source)))
        for signal in sorted(dictionary.signals, key=lambda each: each.id):
            if signal.pack == pack.id:
                files.setdefault("signals.yaml", []).append({key: value for key, value in dump(signal).items() if key != "pack"})
        for kpi in sorted(dictionary.kpis, key=lambda each: each.id):
            if kpi.pack == pack.id:
                files.setdefault(_LAYER_FILES[kpi.layer], []).append(writer.document(kpi))
        for name, documents in files.items():
            ids = tuple(str(document["id"]) for document in documents if document["kind"] == "kpi")
            yield Artifact(f"{pack.id}/{name}", yaml_bytes(documents), ids)


def _homes(dictionary: Dictionary) -> dict[str, str]:
    """The pack each table is written to: the first that reads it, since a dictionary does not say where it was written."""
    homes: dict[str, str] = {}
    for kpi in sorted(dictionary.kpis, key=lambda each: (each.pack, each.id)):
        for ref in kpi.gdp_sources:
            homes.setdefault(ref.gdp, kpi.pack)
    first = min((pack.id for pack in dictionary.packs), default="")
    return {source.id: homes.get(source.id, first) for source in dictionary.sources}


class _Writer:
    """Writes KPIs, each against what it inherits."""

    def __init__(self, dictionary: Dictionary, kpis: Mapping[str, Kpi]) -> None:
        self._kpis = kpis
        self._defaults = {pack.id: _defaults(pack) for pack in dictionary.packs}
        self._documents: dict[str, Fields] = {}

    def document(self, kpi: Kpi) -> Fields:
        if kpi.id not in self._documents:
            chain, _ = merge.ancestors(kpi.id, lambda kpi_id: self._kpis[kpi_id].parent if kpi_id in self._kpis else None)
            parents = [self.document(self._kpis[parent]) for parent in chain if parent in self._kpis]
            inherited = merge.complete({}, cast("list[merge.Fields]", parents), self._defaults.get(kpi.pack, {}))
            self._documents[kpi.id] = own_fields(kpi, inherited)
        return self._documents[kpi.id]


def _defaults(pack: Pack) -> Fields:
    return {"tenants": list(pack.tenants)} | cast("Fields", dump(pack).get("defaults", {}))


def own_fields(kpi: Kpi, inherited: Mapping[str, Any]) -> Fields:
    """The fields a KPI has to write, so that over what it inherits it is complete again."""
    whole = {key: value for key, value in dump(kpi).items() if key != "pack"}
    lean = _lean(kpi, whole, kept=inherited)
    own: Fields = {}
    for key in sorted({*lean, *inherited}, key=_order):
        if key not in lean:
            if key not in ("kind", "id", "pack"):
                own[key] = None
        elif key not in inherited or lean[key] != inherited[key]:
            deep = key in merge.DEEP_FIELDS and isinstance(inherited.get(key), dict) and isinstance(lean[key], dict)
            own[key] = _over(lean[key], inherited[key]) if deep else lean[key]
    return own


def _over(own: Fields, inherited: Fields) -> Fields:
    """A map that is merged key by key: its differences, with `null` for what must go."""
    found: Fields = {}
    for key, value in own.items():
        known = inherited.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            inner = _over(cast("Fields", value), cast("Fields", known))
            if inner:
                found[key] = inner
        elif key not in inherited or value != known:
            found[key] = value
    return found | {key: None for key in inherited if key not in own and inherited[key] is not None}


def _lean(entry: BaseModel, whole: Fields, kept: Mapping[str, Any] | None = None) -> Fields:
    """Without the fields that say what the model assumes anyway."""
    assumed = _assumed(type(entry))
    needed = {"kind", *(kept or ())}
    return {key: value for key, value in whole.items() if key in needed or key not in assumed or value != assumed[key]}


@cache
def _assumed(model: type[BaseModel]) -> Fields:
    found: Fields = {}
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is not PydanticUndefined and default is not None:
            found[name] = default.model_dump(mode="json", exclude_none=True) if isinstance(default, BaseModel) else _plain(default)
    return found


def _plain(value: Any) -> Any:
    return [_plain(each) for each in cast("Sequence[Any]", value)] if isinstance(value, tuple) else value


def _order(key: str) -> int:
    names = ["kind", *(field for field in Kpi.model_fields if field != "kind")]
    return names.index(key) if key in names else len(names)


def dump(entry: BaseModel) -> Fields:
    """An entry as plain fields, without absent ones."""
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True)


class _Dumper(yaml.CSafeDumper):
    """Writes text so that the packs' own reader gets it back as text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the packs' reader refuses aliases
        return True


def _text(dumper: Any, text: str) -> Any:
    block = "\n" in text and text == text.strip(" \t\r\n") + "\n" * text.endswith("\n") and " \n" not in text
    # The packs' reader follows YAML 1.2 and the writer YAML 1.1: `08` and `1e5` are numbers only to the reader. None begins with a letter.
    style = "|" if block else None if text[:1].isalpha() and text[:1].isascii() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_bytes(documents: Sequence[Mapping[str, Any]]) -> bytes:
    """YAML of plain documents, each begun by `---`; equal documents give equal bytes.

    Raises:
        ValueError: for text that no file can hold (half of a surrogate pair).
    """
    try:
        text = "".join(
            f"---\n{yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)}" for document in documents
        )
        return text.encode()
    except UnicodeEncodeError as error:
        shown = repr(error.object[error.start : error.end])
        raise ValueError(f"{shown} is half of a surrogate pair, which no file can hold; remove it") from error

"""Read the packs into one `Dictionary`: merge defaults and parents, validate, and remember where every field is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from kpis import merge
from kpis.diagnostics import Diagnostic, DictionaryError, nearest
from kpis.documents import Layer, PackFiles, Place, read_packs
from kpis.model_errors import model_problems
from kpis.schema import Dictionary, Kpi, Pack, Signal, Source

Key = tuple[str, str]
_MODELS: Mapping[str, type[BaseModel]] = {"pack": Pack, "source": Source, "signal": Signal, "kpi": Kpi}


@dataclass(frozen=True)
class Loaded:
    """What the packs say as far as they can be read, and everything wrong with reading them.

    `places` is keyed by (kind, id) and also names entries that are not valid, so that a reference to one is not called dangling.
    """

    dictionary: Dictionary
    places: Mapping[Key, Place]
    diagnostics: tuple[Diagnostic, ...]


@dataclass
class _Draft:
    """One document before it is complete."""

    kind: str
    id: str
    layer: Layer
    value: dict[str, Any]
    pack: str = ""


@dataclass
class _Reading:
    """The drafts of all packs and the problems met on the way."""

    problems: list[Diagnostic]
    drafts: dict[Key, _Draft] = field(default_factory=dict["Key", "_Draft"])

    def problem(self, layer: Layer, code: str, message: str, *path: str | int) -> None:
        self.problems.append(Place((layer,)).problem(code, message, *path))


def read_dictionary(*roots: Path) -> Loaded:
    """Read every pack below the roots, reporting every problem of every file at once. Never raises for what is written in them."""
    packs, problems = read_packs(roots)
    reading = _Reading(problems)
    for pack in packs:
        _collect(pack, reading)
    return _validate(reading)


def load_dictionary(*roots: Path) -> Dictionary:
    """The dictionary of valid packs.

    Raises:
        DictionaryError: with every problem, when one document cannot be read or is not valid.
    """
    loaded = read_dictionary(*roots)
    if loaded.diagnostics:
        raise DictionaryError(loaded.diagnostics)
    return loaded.dictionary


def _collect(pack: PackFiles, reading: _Reading) -> None:
    drafts = [draft for draft in (_draft(layer, reading) for layer in pack.documents) if draft is not None]
    header = next((draft for draft in drafts if draft.kind == "pack"), None)
    folder = Path(pack.folder).name
    if header is None and drafts:
        message = f"folder '{folder}' has no document of kind pack; add one with id, name, description and tenants"
        reading.problem(drafts[0].layer, "missing-pack", message)
    elif header is not None and header.id != folder:
        reading.problem(header.layer, "pack-folder", f"pack '{header.id}' lies in folder '{folder}'; give both one name", "id")
    for draft in drafts:
        draft.pack = header.id if header else folder
        first = reading.drafts.setdefault((draft.kind, draft.id), draft)
        if first is not draft:
            where = f"{first.layer.file}:{first.layer.node.line}"
            reading.problem(draft.layer, "duplicate-id", f"{draft.kind} '{draft.id}' is already written at {where}", "id")
        if draft.kind == "pack" and draft is not header:
            reading.problem(draft.layer, "duplicate-id", f"folder '{folder}' has a second pack header, '{draft.id}'", "id")


def _draft(layer: Layer, reading: _Reading) -> _Draft | None:
    plain = layer.node.plain()
    if not isinstance(plain, dict):
        reading.problem(layer, "wrong-type", "the document is not a map of fields; write 'kind: kpi' and its fields")
        return None
    value = cast("dict[str, Any]", plain)
    kind, entry_id = value.get("kind"), value.get("id")
    if not isinstance(kind, str):
        reading.problem(layer, "missing-field", "'kind' is missing; write pack, source, kpi or signal", "kind")
        return None
    if kind not in _MODELS:
        reading.problem(layer, "invalid-value", f"kind '{kind}' is not pack, source, kpi or signal{nearest(kind, _MODELS)}", "kind")
        return None
    if not isinstance(entry_id, str):
        reading.problem(layer, "missing-field", f"'id' of this {kind} is missing or not text", "id")
        return None
    return _Draft(kind, entry_id, layer, value)


def _validate(reading: _Reading) -> Loaded:
    places: dict[Key, Place] = {}
    found: dict[str, list[Any]] = {kind: [] for kind in _MODELS}
    for key in sorted(reading.drafts):
        draft = reading.drafts[key]
        value, place = _completed(draft, reading)
        places[key] = place
        try:
            found[draft.kind].append(_MODELS[draft.kind].model_validate(value))
        except ValidationError as error:
            reading.problems.extend(model_problems(error, value, place))
    dictionary = Dictionary(
        packs=tuple(found["pack"]), sources=tuple(found["source"]), signals=tuple(found["signal"]), kpis=tuple(found["kpi"])
    )
    return Loaded(dictionary, places, tuple(sorted(set(reading.problems))))


def _completed(draft: _Draft, reading: _Reading) -> tuple[dict[str, Any], Place]:
    if draft.kind == "signal":
        return {"pack": draft.pack} | draft.value, Place((draft.layer,))
    if draft.kind != "kpi":
        return draft.value, Place((draft.layer,))
    _own_pack(draft, reading)
    parents = _parents(draft, reading)
    header = reading.drafts.get(("pack", draft.pack))
    defaults, layers = _defaults(header), [draft.layer, *(parent.layer for parent in parents)]
    if header is not None:
        layers += [Layer(header.layer.file, header.layer.node, ("defaults",)), Layer(header.layer.file, header.layer.node)]
    value = merge.complete(draft.value, [parent.value for parent in parents], defaults)
    return value | {"pack": draft.pack}, Place(tuple(layers))


def _defaults(header: _Draft | None) -> dict[str, Any]:
    if header is None:
        return {}
    inherited = {"tenants": header.value["tenants"]} if "tenants" in header.value else {}
    defaults = header.value.get("defaults")
    return inherited | cast("dict[str, Any]", defaults) if isinstance(defaults, dict) else inherited


def _own_pack(draft: _Draft, reading: _Reading) -> None:
    written = draft.value.get("pack", draft.pack)
    if written != draft.pack:
        message = f"'pack' is '{written}', but the document lies in pack '{draft.pack}'; remove the line or move the file"
        reading.problem(draft.layer, "pack-folder", message, "pack")


def _parents(draft: _Draft, reading: _Reading) -> list[_Draft]:
    def parent_of(kpi_id: str) -> str | None:
        known = reading.drafts.get(("kpi", kpi_id))
        parent = known.value.get("parent") if known else None
        return parent if isinstance(parent, str) else None

    chain, circle = merge.ancestors(draft.id, parent_of)
    if circle is not None and draft.id in circle:
        reading.problem(draft.layer, "cycle", f"parents form a circle: {' -> '.join(circle)}", "parent")
    parents: list[_Draft] = []
    for kpi_id in chain:
        parent = reading.drafts.get(("kpi", kpi_id))
        if parent is None:
            if kpi_id == draft.value.get("parent"):
                known = [key[1] for key in reading.drafts if key[0] == "kpi"]
                message = f"parent '{kpi_id}' is not a KPI of the dictionary{nearest(kpi_id, known)}"
                reading.problem(draft.layer, "dangling-source", message, "parent")
            break
        parents.append(parent)
    return parents

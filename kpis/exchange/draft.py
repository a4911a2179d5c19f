"""What an import makes: a dictionary of one pack, what became of every leaf of the input, and what is wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from kpis import merge
from kpis.artifact import Artifact
from kpis.checks import check_dictionary
from kpis.diagnostics import Diagnostic
from kpis.exchange.ledger import Ledger
from kpis.exchange.packs import export_packs
from kpis.exchange.trees import Document
from kpis.exchange.trees import Path as LeafPath
from kpis.loader import read_dictionary
from kpis.schema import Dictionary, Kpi, Pack, Signal, Source

Fields = dict[str, Any]
_SCHEDULES: Mapping[str, tuple[str, str]] = {
    "hour": ("hourly", "20 * * * *"),
    "day": ("daily", "0 6 * * *"),
    "week": ("weekly", "0 6 * * 1"),
    "month": ("monthly", "0 6 1 * *"),
    "quarter": ("period_close", "0 6 1 1,4,7,10 *"),
    "year": ("period_close", "0 6 1 1 *"),
}


@dataclass(frozen=True)
class Options:
    """What the person who imports decides.

    Attributes:
        pack: id of the pack.
        tenants: who gets it.
        date: of the first entry of every change log, as YYYY-MM-DD.
        runbook: what to do when an imported KPI fails; a file of the repository.
        defaults: fields for the pack's defaults; over what is assumed otherwise.
        freshness_column: the column that says when a row became known, in tables that have one.
        name: of the pack; by default from its id.
        description: of the pack.
    """

    pack: str
    tenants: tuple[str, ...]
    date: str
    runbook: str = "docs/runbooks/kpi-health.md"
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    freshness_column: str | None = None
    name: str = ""
    description: str = ""


@dataclass(frozen=True)
class Imported:
    """The result of an import."""

    dictionary: Dictionary
    ledger: Ledger
    problems: tuple[Diagnostic, ...]

    def artifacts(self) -> tuple[Artifact, ...]:
        """The pack's files."""
        return tuple(export_packs(self.dictionary))


ASSUMED: Mapping[str, tuple[Any, str]] = {
    "status": ("draft", "an import is no approval; set approved or active when the assumptions below are decided"),
    "owners": ({"business": "Unassigned", "technical": "Unassigned"}, "the input names nobody"),
    "criticality": ("medium", "the input does not say"),
    "unit": ("number", "the input has no unit"),
    "verdict": ({"direction": "higher_is_better", "adequate": 0, "low": 0}, "the input has no bands: everything from 0 up is Adequate"),
    "sla": ([{"type": "freshness", "target": "1d", "grace": "6h"}], "the input promises nothing"),
}


class Draft:
    """Collects entries and validates each as it comes."""

    def __init__(self, options: Options, ledger: Ledger) -> None:
        self.options = options
        self.ledger = ledger
        self.problems: list[Diagnostic] = []
        self._found: dict[type[BaseModel], dict[str, Any]] = {Source: {}, Signal: {}, Kpi: {}}
        self._defaults: Fields = {key: value for key, (value, _) in ASSUMED.items()} | {"runbook": options.runbook} | dict(options.defaults)
        for key, (value, why) in ASSUMED.items():
            if key not in options.defaults:
                ledger.add(options.pack, f"defaults.{key}", value, why)

    @property
    def defaults(self) -> Mapping[str, Any]:
        """What every KPI of the pack inherits."""
        return self._defaults

    def source(self, document: Document, path: LeafPath, fields: Fields) -> None:
        """Another table."""
        self._add(Source, document, path, fields)

    def signal(self, document: Document, path: LeafPath, fields: Fields) -> None:
        """Another signal."""
        self._add(Signal, document, path, {"pack": self.options.pack} | fields)

    def kpi(self, document: Document, path: LeafPath, fields: Fields) -> None:
        """Another KPI; what it does not say comes from the pack's defaults."""
        inherited = {"tenants": list(self.options.tenants)} | self._defaults
        whole = merge.complete(fields, [], inherited) | {"pack": self.options.pack}
        self._add(Kpi, document, path, whole)

    def has(self, model: type[BaseModel], entry_id: str) -> bool:
        """Whether an entry of the id is there."""
        return entry_id in self._found[model]

    def upstream(self) -> set[str]:
        """The ids that the KPIs read."""
        return {ref.kpi for kpi in self._found[Kpi].values() for ref in kpi.kpi_sources}

    def remove(self, model: type[BaseModel], entry_id: str) -> None:
        """Takes an entry back."""
        self._found[model].pop(entry_id, None)

    def _add(self, model: type[BaseModel], document: Document, path: LeafPath, fields: Fields) -> None:
        entry_id = str(fields.get("id"))
        if entry_id in self._found[model]:
            message = f"{model.__name__.lower()} '{entry_id}' comes twice; give one of them another id"
            self.problems.append(document.problem(path, "duplicate-id", message))
            return
        try:
            self._found[model][entry_id] = model.model_validate(fields)
        except ValidationError as error:
            self.problems += [document.problem(path, "invalid-value", f"{entry_id}: {text}") for text in model_texts(error)]

    def imported(self) -> Imported:
        """The pack as it is now."""
        options = self.options
        try:
            pack = Pack(
                id=options.pack,
                name=options.name or options.pack.replace("-", " ").replace("_", " ").capitalize(),
                description=options.description or "Imported metrics.",
                tenants=options.tenants,
                defaults=cast("dict[str, object]", self._defaults),
            )
            packs = (pack,)
        except ValidationError as error:
            packs = ()
            self.problems += [Diagnostic(options.pack, 1, "invalid-value", f"pack: {text}") for text in model_texts(error)]
        dictionary = Dictionary(packs=packs, sources=self._of(Source), signals=self._of(Signal), kpis=self._of(Kpi))
        return Imported(dictionary, self.ledger, tuple(sorted(set(self.problems))))

    def _of(self, model: type[Any]) -> tuple[Any, ...]:
        return tuple(entry for _, entry in sorted(self._found[model].items()))


def model_texts(error: ValidationError) -> Iterator[str]:
    """Pydantic's errors, each as `field: what is wrong`."""
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(str(step) for step in item["loc"])
        yield f"{where}: {item['msg']}" if where else item["msg"]


def schedule_of(grain: str) -> Fields:
    """The schedule assumed for a grain: once a period, at 06:00 UTC after it ended (hours: 20 minutes after)."""
    frequency, cron = _SCHEDULES[grain]
    return {"frequency": frequency, "trigger": "time", "cron": cron}


def check_artifacts(artifacts: tuple[Artifact, ...], root: Path) -> tuple[Diagnostic, ...]:
    """What `kpi check` says about pack files that are not written yet; runbooks are looked for below `root`."""
    with tempfile.TemporaryDirectory(prefix="kpi-import-") as scratch:
        folder = Path(scratch)
        for artifact in artifacts:
            path = folder / artifact.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(artifact.content)
        loaded = read_dictionary(folder)
        found = {*loaded.diagnostics, *check_dictionary(loaded, root)}
    prefix = folder.as_posix() + "/"
    return tuple(sorted(Diagnostic(each.file.removeprefix(prefix), each.line, each.code, each.message) for each in found))

"""Which importer reads which format, and files of it into what that importer takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePath

from kpis.diagnostics import Diagnostic
from kpis.exchange.dbt_import import import_dbt
from kpis.exchange.draft import Imported, Options
from kpis.exchange.ledger import Ledger
from kpis.exchange.mapping import MetricListMapping, read_mapping
from kpis.exchange.metric_list import import_list
from kpis.exchange.openslo_import import import_openslo
from kpis.exchange.rows import Rows, read_rows
from kpis.exchange.tables import TABLES, read_json, read_tables
from kpis.exchange.trees import Document, read_documents
from kpis.schema import Dictionary

File = tuple[str, bytes]


class Format(StrEnum):
    """What can be imported."""

    DBT = "dbt"
    OPENSLO = "openslo"
    LIST = "list"
    CSV = "csv"
    JSON = "json"


OWN_FORMATS = frozenset({Format.CSV, Format.JSON})
"""What `kpi export` wrote: complete entries, which say themselves who gets them."""


@dataclass(frozen=True)
class Readers:
    """Reads files of one format into a pack; `mapping` is the content of a list's mapping file."""

    options: Options
    mapping: bytes | None = None
    mapping_name: str = "mapping.yaml"

    def read(self, source_format: Format, files: Sequence[File]) -> Imported:
        """The pack in the files. What is wrong with them is among its problems."""
        if source_format is Format.LIST:
            return self._list(files)
        if source_format in OWN_FORMATS:
            return self._own(source_format, files)
        documents: list[Document] = []
        problems: list[Diagnostic] = []
        for name, content in files:
            found, wrong = read_documents(name, content)
            documents += found
            problems += wrong
        importer = import_dbt if source_format is Format.DBT else import_openslo
        return _with(importer(documents, self.options), problems)

    def _list(self, files: Sequence[File]) -> Imported:
        if self.mapping is None:
            return _failed([Diagnostic("--mapping", 1, "missing-mapping", "a list needs a mapping file; see docs/import-export.md")])
        documents, problems = read_documents(self.mapping_name, self.mapping)
        if problems or len(documents) != 1:
            return _failed(problems or [Diagnostic(self.mapping_name, 1, "invalid-mapping", "expected one document")])
        mapping, problems = read_mapping(documents[0])
        if mapping is None or len(files) != 1:
            return _failed(problems or [Diagnostic(files[0][0], 1, "too-many-files", "a list is one file")])
        name, content = files[0]
        return import_list(_rows(name, content, mapping), mapping, self.options)

    def _own(self, source_format: Format, files: Sequence[File]) -> Imported:
        """Our own export; its entries are complete, so nothing is assumed and nothing lost."""
        problems: list[Diagnostic] = []
        dictionary = Dictionary(packs=(), sources=(), signals=(), kpis=())
        if source_format is Format.CSV:
            tables: dict[str, Rows] = {}
            for name, content in files:
                table = PurePath(name).stem
                if table not in TABLES:
                    known = ", ".join(f"{each}.csv" for each in TABLES)
                    problems.append(
                        Diagnostic(
                            name, 1, "unknown-table", f"'{table}' is not a table of an export: {known}; for others use --format list"
                        )
                    )
                    continue
                tables[table] = read_rows(name, content)
                problems += tables[table].problems
            dictionary, wrong = read_tables(tables)
            problems += wrong
        elif len(files) > 1:
            problems.append(Diagnostic(files[1][0], 1, "too-many-files", "an export in JSON is one file"))
        else:
            for name, content in files:
                documents, wrong = read_documents(name, content)
                problems += wrong
                for document in documents:
                    dictionary, wrong = read_json(name, document.value)
                    problems += wrong
        packs = [pack.id for pack in dictionary.packs]
        if packs != [self.options.pack] and not problems:
            message = (
                f"the export has the packs {', '.join(packs) or 'none'}; --out must end in the one pack it has: kpi export --pack <id>"
            )
            problems.append(Diagnostic(files[0][0], 1, "pack-folder", message))
        return Imported(dictionary, Ledger([]), tuple(sorted(set(problems))))


def _rows(name: str, content: bytes, mapping: MetricListMapping) -> Rows:
    return read_rows(name, content, encoding=mapping.encoding, delimiter=mapping.delimiter)


def _with(imported: Imported, problems: list[Diagnostic]) -> Imported:
    return replace(imported, problems=tuple(sorted({*imported.problems, *problems})))


def _failed(problems: list[Diagnostic]) -> Imported:
    empty = Dictionary(packs=(), sources=(), signals=(), kpis=())
    return Imported(empty, Ledger([]), tuple(sorted(set(problems))))

"""What an evidence export reads: log rows by run, and the manifests of published artifact sets."""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from lambdas.adapters.aws import Clients
from lambdas.adapters.runlogs import DynamoRunLogs
from lambdas.domain.errors import ErrorCode, KpiError
from lambdas.domain.model import LogTable

PAGE = 500
"""Rows of the run log a query asks for."""
SETS = "rendered/"
"""Prefix of published artifact sets in the artifacts bucket: `<manifest digest>.tar.gz`."""
MAX_BYTES = 1 << 30
"""Published sets are opened, newest first, while the files of a definition are still missing: so many bytes of them at most."""
_MANIFEST = "manifest.json"
_SHOWS_ALL = re.compile(r"(cloudwatch/platform\.[^/]+|grafana)/dashboards/")
"""Dashboards that show KPIs of all tenants; files of one tenant are below `cloudwatch/{tenant}.{environment}/`."""
_GROUP = 100

Row = Mapping[str, Any]


class DynamoEvidenceLogs:
    """Log rows of a KPI and of runs. Validations and sourcing take one query for each run: their tables have no index by KPI."""

    def __init__(self, logs: DynamoRunLogs) -> None:
        self._logs = logs

    def runs(self, tenant_id: str, kpi_id: str, since: str, until: str) -> Iterator[Row]:
        """Newest first, page by page."""
        # Keys go on after the moment, so that `until` itself is the first key that is not in.
        before, last = until, None
        while True:
            rows, more = self._logs.by_kpi(tenant_id, kpi_id, rows=PAGE, since=since, before=before)
            # The bounds of a query are both inclusive: the row that ended a page begins the next one.
            yield from (row for row in rows if row["gsi_sk"] != last)
            if not more or not rows:
                return
            before = last = str(rows[-1]["gsi_sk"])

    def of_runs(self, tenant_id: str, table: LogTable, run_ids: Sequence[int]) -> Iterator[Row]:
        """The rows of runs in a table, in the order of the runs."""
        if table is LogTable.DELIVERY:
            for start in range(0, len(run_ids), _GROUP):
                group = run_ids[start : start + _GROUP]
                found = self._logs.deliveries(tenant_id, group)
                for run_id in group:
                    # A batch may leave keys out under load; what it did not bring is asked for again, alone.
                    yield from [found[run_id]] if run_id in found else self._logs.of_run(tenant_id, run_id, table)
            return
        for run_id in run_ids:
            yield from self._logs.of_run(tenant_id, run_id, table)


class _Made(BaseModel):
    model_config = ConfigDict(extra="ignore")

    definition: str
    version: str
    files: dict[str, str]


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kpis: dict[str, _Made]
    shared: dict[str, str] = {}


class PublishedSets:
    """The artifact sets in the artifacts bucket."""

    def __init__(self, clients: Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def files(self, tenant_id: str, environment: str, kpi_id: str, hashes: Sequence[str]) -> Iterator[Row]:
        """The files of the newest set that was made of each of these definitions; of a definition that was never published, none.

        Besides those of the KPI alone these are the dashboards for all tenants and the files of the tenant that show it.

        Raises:
            KpiError: CONFLICT when a published set cannot be read.
        """
        missing = set(hashes)
        left = MAX_BYTES
        for key, size in self._newest_first():
            left -= size
            if not missing or left < 0:
                return
            for made, files in self._made(key, f"{tenant_id}.{environment}", kpi_id, missing):
                missing.discard(made.definition)
                about = {"set": key.removeprefix(SETS), "definition_hash": made.definition, "contract_version": made.version}
                yield from ({**about, "path": path, "sha256": digest} for path, digest in sorted(files.items()))

    def _newest_first(self) -> list[tuple[str, int]]:
        pages = self._clients("s3").get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=SETS)
        found = [each for page in pages for each in page.get("Contents", []) if each["Key"].endswith(".tar.gz")]
        return [
            (str(each["Key"]), int(each["Size"]))
            for each in sorted(found, key=lambda each: (each["LastModified"], each["Key"]), reverse=True)
        ]

    def _made(self, key: str, place: str, kpi_id: str, wanted: Container[str]) -> list[tuple[_Made, dict[str, str]]]:
        """What a set has of a KPI, with digests by path, when it was made of a definition that is wanted."""
        content = self._clients("s3").get_object(Bucket=self._bucket, Key=key)["Body"].read()
        try:
            with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
                manifest = _Manifest.model_validate(orjson.loads(_file(archive, _MANIFEST)))
                made = manifest.kpis.get(kpi_id)
                if made is None or made.definition not in wanted:
                    return []
                named = re.compile(rf"(?<![A-Z0-9-]){re.escape(kpi_id)}(?![A-Z0-9-])".encode())
                paths = (path for path in manifest.shared if path.startswith(f"cloudwatch/{place}/") or _SHOWS_ALL.match(path))
                shown = {path: manifest.shared[path] for path in paths if named.search(_file(archive, path))}
        except (KeyError, tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
            where = f"s3://{self._bucket}/{key}"
            message = f"{where} has no readable {_MANIFEST}, or not all that it names ({error}); publish the set again, or remove it"
            raise KpiError(ErrorCode.CONFLICT, message) from error
        return [(made, made.files | shown)]


def _file(archive: tarfile.TarFile, path: str) -> bytes:
    file = archive.extractfile(path)
    return file.read() if file is not None else b""

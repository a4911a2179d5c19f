"""The keeper of search indexes over a deployment's catalog table and bucket; for whoever follows the catalog's stream."""

from __future__ import annotations

import logging

from lambdas.adapters.aws import Clients
from lambdas.adapters.catalog import DynamoCatalog
from lambdas.adapters.index_objects import S3IndexObjects
from lambdas.adapters.settings import Settings
from lambdas.domain.search import Keeper

logger = logging.getLogger("kpi.search")


def keeper_of(clients: Clients, settings: Settings) -> Keeper:
    """The keeper of a deployment.

    Its role needs Query on the catalog table; GetObject and PutObject on `search/*` of the artifacts bucket; and ListBucket of that
    prefix, without which S3 answers 403 for an index that is not there yet.
    """
    return Keeper(DynamoCatalog(clients, settings.catalog_table), S3IndexObjects(clients, settings.artifacts_bucket), logger.warning)

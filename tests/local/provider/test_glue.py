"""Catalog databases and tables."""

import pytest

from tests.local.provider.rig import ACCOUNT, Refused, Rig, lives_a_full_life

DATABASE = "aws:glue/catalogDatabase:CatalogDatabase"
TABLE = "aws:glue/catalogTable:CatalogTable"
STORAGE = {
    "location": "s3://lake/logs/log_run/",
    "inputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "outputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "serDeInfo": {"serializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
    "columns": [{"name": "run_id", "type": "bigint"}, {"name": "status", "type": "string"}],
}


def test_a_database_lives_a_full_life(rig: Rig) -> None:
    it = rig.create(DATABASE, name="kpi_logs", description="logs", tags={"team": "kpi"})
    assert it.id == f"{ACCOUNT}:kpi_logs"

    def spoil() -> None:
        rig.aws("glue").update_database(Name="kpi_logs", DatabaseInput={"Name": "kpi_logs", "Description": "other"})

    change = {"description": "run logs", "parameters": {"owner": "kpi"}, "tags": {"team": "core"}}
    lives_a_full_life(it, change=change, spoil=spoil, drifted="description")


def test_a_table_lives_a_full_life(rig: Rig) -> None:
    rig.create(DATABASE, "logs", name="logs")
    it = rig.create(
        TABLE,
        name="log_run",
        databaseName="logs",
        tableType="EXTERNAL_TABLE",
        parameters={"classification": "parquet", "projection.enabled": "true"},
        partitionKeys=[{"name": "tenant_id", "type": "string"}, {"name": "day", "type": "string"}],
        storageDescriptor=STORAGE,
    )
    assert it.imported()["storageDescriptor"] == STORAGE

    def spoil() -> None:
        rig.aws("glue").update_table(DatabaseName="logs", TableInput={"Name": "log_run", "Parameters": {"classification": "csv"}})

    more = {**STORAGE, "columns": [*STORAGE["columns"], {"name": "value", "type": "double"}]}
    lives_a_full_life(it, change={"storageDescriptor": more}, spoil=spoil, drifted="parameters")


def test_the_order_of_columns_matters(rig: Rig) -> None:
    rig.create(DATABASE, "ordered", name="ordered")
    it = rig.create(TABLE, "ordered", name="ordered", databaseName="ordered", storageDescriptor=STORAGE)
    assert it.update(storageDescriptor={**STORAGE, "columns": STORAGE["columns"][::-1]}) == ["storageDescriptor"]


def test_capitals_are_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="expected 'logs'"):
        rig.create(DATABASE, "capital", name="Logs")

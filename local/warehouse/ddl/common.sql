-- In every tenant's database: which data each golden table holds, readable by the tenant's reader.
CREATE TABLE IF NOT EXISTS gdp_version (
  table_name  TEXT PRIMARY KEY,
  version     TEXT NOT NULL,          -- digest of the content
  loaded_at   TIMESTAMPTZ NOT NULL,
  row_count   BIGINT NOT NULL
);

-- The result store: what KPI runs delivered. Insert-only; a later run of the same period supersedes, never overwrites.
-- Applied idempotently by whoever owns the database. Roles get their LOGIN and password out of band.
-- Row level security: a session sees and writes only the tenant named by the setting kpi.tenant_id; without it, nothing.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kpi_results_writer') THEN
    CREATE ROLE kpi_results_writer NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kpi_results_reader') THEN
    CREATE ROLE kpi_results_reader NOLOGIN;
  END IF;
END
$$;

CREATE TABLE IF NOT EXISTS kpi_result (
  run_id            BIGINT NOT NULL,
  tenant_id         TEXT NOT NULL,
  environment       TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  kpi_id            TEXT NOT NULL,
  contract_version  TEXT NOT NULL,
  variant_label     TEXT,
  entity            TEXT NOT NULL,             -- 'ALL' is the tenant's total
  period_start      TIMESTAMPTZ NOT NULL,
  period_end        TIMESTAMPTZ NOT NULL,      -- exclusive
  time_grain        TEXT NOT NULL,
  scd_view          TEXT NOT NULL DEFAULT 'as_reported' CHECK (scd_view IN ('as_reported', 'restated')),
  value             DOUBLE PRECISION,          -- NULL: nothing could be computed
  unit              TEXT NOT NULL,
  verdict           TEXT NOT NULL CHECK (verdict IN ('Adequate', 'Low', 'Critical')),
  rows_processed    BIGINT NOT NULL CHECK (rows_processed >= 0),
  extensions        JSONB NOT NULL DEFAULT '{}',
  flags             JSONB NOT NULL DEFAULT '{}',
  delivered_at      TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (run_id, entity),
  CHECK (period_start < period_end)
);

CREATE INDEX IF NOT EXISTS kpi_result_by_period
  ON kpi_result (tenant_id, environment, kpi_id, period_start, period_end, scd_view, entity, run_id DESC);

-- What candidates of canaries computed, for the comparison with what was delivered. Nobody else reads it.
CREATE TABLE IF NOT EXISTS kpi_result_canary (LIKE kpi_result INCLUDING ALL);

-- The latest delivered run per tenant, environment, KPI, entity, period and view of history. Run ids grow with time.
CREATE OR REPLACE VIEW kpi_result_current WITH (security_invoker = true) AS
SELECT DISTINCT ON (tenant_id, environment, kpi_id, period_start, period_end, scd_view, entity) *
FROM kpi_result
ORDER BY tenant_id, environment, kpi_id, period_start, period_end, scd_view, entity, run_id DESC;

ALTER TABLE kpi_result ENABLE ROW LEVEL SECURITY;
ALTER TABLE kpi_result FORCE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS kpi_result_tenant ON kpi_result;
CREATE POLICY kpi_result_tenant ON kpi_result
  USING (tenant_id = current_setting('kpi.tenant_id', true))
  WITH CHECK (tenant_id = current_setting('kpi.tenant_id', true));

ALTER TABLE kpi_result_canary ENABLE ROW LEVEL SECURITY;
ALTER TABLE kpi_result_canary FORCE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS kpi_result_canary_tenant ON kpi_result_canary;
CREATE POLICY kpi_result_canary_tenant ON kpi_result_canary
  USING (tenant_id = current_setting('kpi.tenant_id', true))
  WITH CHECK (tenant_id = current_setting('kpi.tenant_id', true));

REVOKE ALL ON kpi_result, kpi_result_canary, kpi_result_current FROM PUBLIC, kpi_results_writer, kpi_results_reader;
GRANT INSERT, SELECT ON kpi_result, kpi_result_canary TO kpi_results_writer;
GRANT SELECT ON kpi_result, kpi_result_canary TO kpi_results_reader;
GRANT SELECT ON kpi_result_current TO kpi_results_writer, kpi_results_reader;

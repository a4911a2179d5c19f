CREATE OR REPLACE VIEW kpi_log_sourcing WITH (security_invoker = true) AS
SELECT
  e.run_id,
  e.tenant_id,
  e.source_type,
  e.source_object,
  MAX(e.source_version) AS source_version,
  MAX(e.attributes) AS attributes,
  MAX(e.sql_hash) AS sql_hash,
  MAX(e.environment) AS environment,
  MAX(e.kpi_id) AS kpi_id,
  CAST(MAX(e.recorded_at) AS TIMESTAMPTZ) AS recorded_at
FROM kpi_log_sourcing_entries AS e
GROUP BY
  e.run_id,
  e.tenant_id,
  e.source_type,
  e.source_object;

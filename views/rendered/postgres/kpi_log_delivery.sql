CREATE OR REPLACE VIEW kpi_log_delivery WITH (security_invoker = true) AS
SELECT
  e.run_id,
  e.tenant_id,
  MAX(e.time_grain) AS time_grain,
  MAX(e.time_range) AS time_range,
  MAX(e.scd_view) AS scd_view,
  MAX(e.extensions) AS extensions,
  MAX(e.verdict) AS verdict,
  MAX(e.output_sample) AS output_sample,
  MAX(e.environment) AS environment,
  MAX(e.kpi_id) AS kpi_id,
  CAST(MAX(e.recorded_at) AS TIMESTAMPTZ) AS recorded_at
FROM kpi_log_delivery_entries AS e
GROUP BY
  e.run_id,
  e.tenant_id;

CREATE OR REPLACE VIEW vw_kpi_run_overview AS
SELECT
  r.run_id,
  r.tenant_id,
  r.environment,
  r.kpi_id,
  r.contract_version,
  r.variant_label,
  r.started_at,
  r.finished_at,
  CAST(ROUND(CAST(DATE_DIFF('millisecond', r.started_at, r.finished_at) AS DOUBLE) / 1000.0) AS BIGINT) AS duration_sec,
  r.status,
  r.sla_breached,
  d.verdict,
  d.time_grain,
  d.time_range,
  d.extensions
FROM kpi_log_run AS r
LEFT JOIN kpi_log_delivery AS d
  ON d.run_id = r.run_id AND d.tenant_id = r.tenant_id;

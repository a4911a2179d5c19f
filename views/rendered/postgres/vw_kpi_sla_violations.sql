CREATE OR REPLACE VIEW vw_kpi_sla_violations WITH (security_invoker = true) AS
SELECT
  r.run_id,
  r.tenant_id,
  r.kpi_id,
  r.contract_version,
  r.started_at,
  r.finished_at,
  r.status,
  r.error_code,
  r.error_message
FROM kpi_log_run AS r
WHERE
  r.sla_breached = TRUE;

CREATE OR REPLACE VIEW vw_kpi_lineage_sources WITH (security_invoker = true) AS
SELECT
  r.run_id,
  r.tenant_id,
  r.kpi_id,
  r.contract_version,
  s.source_type,
  s.source_object,
  s.source_version
FROM kpi_log_run AS r
JOIN kpi_log_sourcing AS s
  ON s.run_id = r.run_id AND s.tenant_id = r.tenant_id;

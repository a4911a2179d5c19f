CREATE OR REPLACE VIEW kpi_log_post_validation AS
SELECT
  e.run_id,
  e.tenant_id,
  e.rule_id,
  MAX(e.rule_type) AS rule_type,
  MAX(e.severity) AS severity,
  MAX(e.result) AS result,
  MAX(e.details) AS details,
  MAX(e.environment) AS environment,
  MAX(e.kpi_id) AS kpi_id,
  CAST(MAX(e.recorded_at) AS TIMESTAMPTZ) AS recorded_at
FROM kpi_log_post_validation_entries AS e
GROUP BY
  e.run_id,
  e.tenant_id,
  e.rule_id;

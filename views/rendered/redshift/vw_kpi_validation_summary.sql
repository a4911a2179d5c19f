CREATE OR REPLACE VIEW vw_kpi_validation_summary AS
WITH pre AS (
  SELECT
    p.run_id,
    p.tenant_id,
    SUM(CASE WHEN p.result = 'fail' THEN 1 ELSE 0 END) AS pre_fail_count
  FROM kpi_log_pre_validation AS p
  GROUP BY
    p.run_id,
    p.tenant_id
), post AS (
  SELECT
    p.run_id,
    p.tenant_id,
    SUM(CASE WHEN p.result = 'fail' THEN 1 ELSE 0 END) AS post_fail_count
  FROM kpi_log_post_validation AS p
  GROUP BY
    p.run_id,
    p.tenant_id
)
SELECT
  r.run_id,
  r.tenant_id,
  r.kpi_id,
  r.contract_version,
  r.status,
  CAST(COALESCE(pre.pre_fail_count, 0) AS BIGINT) AS pre_fail_count,
  CAST(COALESCE(post.post_fail_count, 0) AS BIGINT) AS post_fail_count
FROM kpi_log_run AS r
LEFT JOIN pre
  ON pre.run_id = r.run_id AND pre.tenant_id = r.tenant_id
LEFT JOIN post
  ON post.run_id = r.run_id AND post.tenant_id = r.tenant_id;

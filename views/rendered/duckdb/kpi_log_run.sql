CREATE OR REPLACE VIEW kpi_log_run AS
WITH ranked AS (
  SELECT
    e.*,
    CASE
      WHEN e.entry = 'open'
      THEN 0
      WHEN e.entry = 'close'
      THEN 1
      ELSE 1 + CAST(REPLACE(e.entry, 'correction#', '') AS INT)
    END AS entry_rank
  FROM kpi_log_run_entries AS e
), latest AS (
  SELECT
    k.run_id,
    k.tenant_id,
    MAX(CASE WHEN NOT k.environment IS NULL THEN k.entry_rank END) AS environment_rank,
    MAX(CASE WHEN NOT k.region IS NULL THEN k.entry_rank END) AS region_rank,
    MAX(CASE WHEN NOT k.kpi_id IS NULL THEN k.entry_rank END) AS kpi_id_rank,
    MAX(CASE WHEN NOT k.contract_version IS NULL THEN k.entry_rank END) AS contract_version_rank,
    MAX(CASE WHEN NOT k.variant_label IS NULL THEN k.entry_rank END) AS variant_label_rank,
    MAX(CASE WHEN NOT k.trigger_type IS NULL THEN k.entry_rank END) AS trigger_type_rank,
    MAX(CASE WHEN NOT k.triggered_by IS NULL THEN k.entry_rank END) AS triggered_by_rank,
    MAX(CASE WHEN NOT k.schedule_cron IS NULL THEN k.entry_rank END) AS schedule_cron_rank,
    MAX(CASE WHEN NOT k.started_at IS NULL THEN k.entry_rank END) AS started_at_rank,
    MAX(CASE WHEN NOT k.finished_at IS NULL THEN k.entry_rank END) AS finished_at_rank,
    MAX(CASE WHEN NOT k.status IS NULL THEN k.entry_rank END) AS status_rank,
    MAX(CASE WHEN NOT k.rows_processed IS NULL THEN k.entry_rank END) AS rows_processed_rank,
    MAX(CASE WHEN NOT k.sla_breached IS NULL THEN k.entry_rank END) AS sla_breached_rank,
    MAX(CASE WHEN NOT k.retry_seq IS NULL THEN k.entry_rank END) AS retry_seq_rank,
    MAX(CASE WHEN NOT k.error_code IS NULL THEN k.entry_rank END) AS error_code_rank,
    MAX(CASE WHEN NOT k.error_message IS NULL THEN k.entry_rank END) AS error_message_rank,
    MAX(CASE WHEN NOT k.lineage_ref IS NULL THEN k.entry_rank END) AS lineage_ref_rank
  FROM ranked AS k
  GROUP BY
    k.run_id,
    k.tenant_id
)
SELECT
  k.run_id,
  k.tenant_id,
  MAX(CASE WHEN k.entry_rank = l.environment_rank THEN k.environment END) AS environment,
  MAX(CASE WHEN k.entry_rank = l.region_rank THEN k.region END) AS region,
  MAX(CASE WHEN k.entry_rank = l.kpi_id_rank THEN k.kpi_id END) AS kpi_id,
  MAX(CASE WHEN k.entry_rank = l.contract_version_rank THEN k.contract_version END) AS contract_version,
  MAX(CASE WHEN k.entry_rank = l.variant_label_rank THEN k.variant_label END) AS variant_label,
  MAX(CASE WHEN k.entry_rank = l.trigger_type_rank THEN k.trigger_type END) AS trigger_type,
  MAX(CASE WHEN k.entry_rank = l.triggered_by_rank THEN k.triggered_by END) AS triggered_by,
  MAX(CASE WHEN k.entry_rank = l.schedule_cron_rank THEN k.schedule_cron END) AS schedule_cron,
  CAST(MAX(CASE WHEN k.entry_rank = l.started_at_rank THEN k.started_at END) AS TIMESTAMPTZ) AS started_at,
  CAST(MAX(CASE WHEN k.entry_rank = l.finished_at_rank THEN k.finished_at END) AS TIMESTAMPTZ) AS finished_at,
  MAX(CASE WHEN k.entry_rank = l.status_rank THEN k.status END) AS status,
  MAX(CASE WHEN k.entry_rank = l.rows_processed_rank THEN k.rows_processed END) AS rows_processed,
  MAX(
    CASE
      WHEN k.entry_rank = l.sla_breached_rank
      THEN CASE WHEN k.sla_breached THEN 1 ELSE 0 END
    END
  ) = 1 AS sla_breached,
  MAX(CASE WHEN k.entry_rank = l.retry_seq_rank THEN k.retry_seq END) AS retry_seq,
  MAX(CASE WHEN k.entry_rank = l.error_code_rank THEN k.error_code END) AS error_code,
  MAX(CASE WHEN k.entry_rank = l.error_message_rank THEN k.error_message END) AS error_message,
  MAX(CASE WHEN k.entry_rank = l.lineage_ref_rank THEN k.lineage_ref END) AS lineage_ref
FROM ranked AS k
JOIN latest AS l
  ON l.run_id = k.run_id AND l.tenant_id = k.tenant_id
GROUP BY
  k.run_id,
  k.tenant_id;

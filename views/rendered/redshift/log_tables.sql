CREATE TABLE IF NOT EXISTS kpi_log_run_entries (
  run_id BIGINT NOT NULL,
  tenant_id VARCHAR(65535) NOT NULL,
  environment VARCHAR(65535) NOT NULL,
  region VARCHAR(65535),
  kpi_id VARCHAR(65535) NOT NULL,
  contract_version VARCHAR(65535) NOT NULL,
  variant_label VARCHAR(65535),
  trigger_type VARCHAR(65535) NOT NULL,
  triggered_by VARCHAR(65535),
  schedule_cron VARCHAR(65535),
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ,
  status VARCHAR(65535),
  rows_processed BIGINT,
  sla_breached BOOLEAN,
  retry_seq INTEGER,
  error_code VARCHAR(65535),
  error_message VARCHAR(65535),
  lineage_ref VARCHAR(65535),
  entry VARCHAR(65535) NOT NULL,
  definition_hash VARCHAR(65535),
  canary VARCHAR(65535)
)
DISTKEY (tenant_id)
SORTKEY (tenant_id, run_id);

CREATE TABLE IF NOT EXISTS kpi_log_sourcing_entries (
  run_id BIGINT NOT NULL,
  source_type VARCHAR(65535) NOT NULL,
  source_object VARCHAR(65535) NOT NULL,
  source_version VARCHAR(65535),
  attributes VARCHAR(65535),
  sql_hash VARCHAR(65535),
  tenant_id VARCHAR(65535) NOT NULL,
  environment VARCHAR(65535) NOT NULL,
  kpi_id VARCHAR(65535) NOT NULL,
  recorded_at TIMESTAMPTZ
)
DISTKEY (tenant_id)
SORTKEY (tenant_id, run_id);

CREATE TABLE IF NOT EXISTS kpi_log_pre_validation_entries (
  run_id BIGINT NOT NULL,
  rule_id VARCHAR(65535),
  rule_type VARCHAR(65535),
  severity VARCHAR(65535),
  result VARCHAR(65535),
  details VARCHAR(65535),
  tenant_id VARCHAR(65535) NOT NULL,
  environment VARCHAR(65535) NOT NULL,
  kpi_id VARCHAR(65535) NOT NULL,
  recorded_at TIMESTAMPTZ
)
DISTKEY (tenant_id)
SORTKEY (tenant_id, run_id);

CREATE TABLE IF NOT EXISTS kpi_log_post_validation_entries (
  run_id BIGINT NOT NULL,
  rule_id VARCHAR(65535),
  rule_type VARCHAR(65535),
  severity VARCHAR(65535),
  result VARCHAR(65535),
  details VARCHAR(65535),
  tenant_id VARCHAR(65535) NOT NULL,
  environment VARCHAR(65535) NOT NULL,
  kpi_id VARCHAR(65535) NOT NULL,
  recorded_at TIMESTAMPTZ
)
DISTKEY (tenant_id)
SORTKEY (tenant_id, run_id);

CREATE TABLE IF NOT EXISTS kpi_log_delivery_entries (
  run_id BIGINT NOT NULL,
  time_grain VARCHAR(65535),
  time_range VARCHAR(65535),
  scd_view VARCHAR(65535),
  extensions VARCHAR(65535),
  verdict VARCHAR(65535),
  output_sample VARCHAR(65535),
  tenant_id VARCHAR(65535) NOT NULL,
  environment VARCHAR(65535) NOT NULL,
  kpi_id VARCHAR(65535) NOT NULL,
  recorded_at TIMESTAMPTZ
)
DISTKEY (tenant_id)
SORTKEY (tenant_id, run_id);

CREATE TABLE IF NOT EXISTS kpi_log_run_entries (
  run_id BIGINT NOT NULL,
  tenant_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  region TEXT,
  kpi_id TEXT NOT NULL,
  contract_version TEXT NOT NULL,
  variant_label TEXT,
  trigger_type TEXT NOT NULL CHECK (trigger_type IN ('time', 'event', 'manual')),
  triggered_by TEXT,
  schedule_cron TEXT,
  started_at TIMESTAMPTZ NOT NULL,
  finished_at TIMESTAMPTZ,
  status TEXT CHECK (status IN ('success', 'failed', 'partial', 'skipped')),
  rows_processed BIGINT,
  sla_breached BOOLEAN,
  retry_seq INT,
  error_code TEXT,
  error_message TEXT,
  lineage_ref TEXT,
  entry TEXT NOT NULL,
  definition_hash TEXT,
  canary TEXT
);

CREATE TABLE IF NOT EXISTS kpi_log_sourcing_entries (
  run_id BIGINT NOT NULL,
  source_type TEXT NOT NULL CHECK (source_type IN ('gdp', 'kpi')),
  source_object TEXT NOT NULL,
  source_version TEXT,
  attributes TEXT,
  sql_hash TEXT,
  tenant_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  kpi_id TEXT NOT NULL,
  recorded_at TIMESTAMPTZ
);

CREATE TABLE IF NOT EXISTS kpi_log_pre_validation_entries (
  run_id BIGINT NOT NULL,
  rule_id TEXT,
  rule_type TEXT,
  severity TEXT CHECK (severity IN ('warn', 'error')),
  result TEXT CHECK (result IN ('pass', 'fail')),
  details TEXT,
  tenant_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  kpi_id TEXT NOT NULL,
  recorded_at TIMESTAMPTZ
);

CREATE TABLE IF NOT EXISTS kpi_log_post_validation_entries (
  run_id BIGINT NOT NULL,
  rule_id TEXT,
  rule_type TEXT,
  severity TEXT CHECK (severity IN ('warn', 'error')),
  result TEXT CHECK (result IN ('pass', 'fail')),
  details TEXT,
  tenant_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  kpi_id TEXT NOT NULL,
  recorded_at TIMESTAMPTZ
);

CREATE TABLE IF NOT EXISTS kpi_log_delivery_entries (
  run_id BIGINT NOT NULL,
  time_grain TEXT,
  time_range TEXT,
  scd_view TEXT CHECK (scd_view IN ('as_reported', 'restated')),
  extensions TEXT,
  verdict TEXT CHECK (verdict IN ('Adequate', 'Low', 'Critical')),
  output_sample TEXT,
  tenant_id TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('dev', 'stg', 'prod')),
  kpi_id TEXT NOT NULL,
  recorded_at TIMESTAMPTZ
);

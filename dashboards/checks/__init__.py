"""What CloudWatch demands of a dashboard, one subject a module; `dashboards.validate` runs them all."""

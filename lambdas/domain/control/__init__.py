"""The control plane's rules: lifecycle, change requests, guardrails, canaries and pauses of KPI versions (K18-K32)."""

"""How often a tenant may call, and how often a call may happen: token buckets and idempotency keys (contract: API conventions)."""
